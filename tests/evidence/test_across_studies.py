"""q values over several studies, against the definition of Benjamini and Hochberg."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from suite import Difference, Study, axis
from suite.evidence import Verdict
from suite.evidence.across import q_values
from suite.evidence.results import Results
from suite.vocabulary.record import Execution
from tests.evidence.test_claims_and_evidence import LARGE, SMALL, a_claim, an_arm

NOISE = (-0.01, 0.0, 0.01, -0.005, 0.005)


def results(name: str, effects: Sequence[float]) -> Results:
    """A study with a claim an effect; each effect is the mean of five differences."""
    metrics = ("test/accuracy", "train/accuracy", "validation/accuracy")
    claims = tuple(
        a_claim(Difference, of=metric, matters=0.005)
        for metric, _ in zip(metrics, effects, strict=False)
    )
    study = Study(name, grid=(axis("batch_size", (16, 64)),), claims=claims, name=name)
    records = []
    for metric, effect in zip(metrics, effects, strict=False):
        records += an_arm(SMALL, [0.8 + effect + noise for noise in NOISE], metric)
        records += an_arm(LARGE, [0.8] * len(NOISE), metric)
    merged = {}
    for one in records:
        held = merged.setdefault(one.id, one)
        held.outcome.final.update(one.outcome.final)  # type: ignore[attr-defined]
    execution = Execution(
        study=name,
        tier="laptop",
        overrides={},
        only={},
        seeds=None,
        trials=[],
        command="",
        started=0.0,
    )
    return Results(study, execution, study.grids(), tuple(merged.values()), 0)


def test_q_values_are_those_of_benjamini_and_hochberg_over_all_studies() -> None:
    both = [results("one", (0.1, 0.0)), results("two", (0.05, 0.02, 0.03))]
    findings = [finding for one in both for finding in one.findings]
    ordered = sorted(finding.p for finding in findings)
    expected = [
        min(p * len(ordered) / (rank + 1) for rank, p in enumerate(ordered) if p >= finding.p)
        for finding in findings
    ]
    q = [value for one in both for value in q_values(both)[one.study.name]]
    assert findings[1].verdict is Verdict.UNDECIDED
    assert math.isnan(q[1])
    for finding, value, wanted in zip(findings, q, expected, strict=True):
        if finding.settled_by == "beyond":
            assert value == pytest.approx(wanted)
    assert sum(finding.settled_by == "beyond" for finding in findings) >= 3


def test_a_verdict_has_a_larger_q_among_many_that_find_nothing() -> None:
    found, nothing = results("found", (0.1,)), [results(f"n{i}", (0.0, 0.0)) for i in range(10)]
    (alone,) = q_values([found])["found"]
    (among,) = q_values([found, *nothing])["found"]
    assert alone == pytest.approx(found.findings[0].p)
    assert among == pytest.approx(21 * alone)

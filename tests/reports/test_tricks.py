"""The practitioners' closing page: seeds against tricks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from reports.site import render
from suite.evidence import Verdict
from suite.evidence.results import Results
from suite.evidence.tricks import Trick, Tricks, tricks
from suite.vocabulary.claims import Difference
from tests.reports.test_shown import DECAY, EXECUTION, LABELS, RECORDS, STUDY

ARMS = {"arm": {DECAY: 0.1, LABELS: 0.0}, "against": {DECAY: 0.0, LABELS: 0.0}}


def claims(*sources: str, of: str = "test/accuracy") -> tuple[Difference, ...]:
    return tuple(
        Difference(of=of, direction="higher", matters=0.01, says=f"{i}", source=source, **ARMS)
        for i, source in enumerate(sources)
    )


def results(notebook: str, *sources: str, of: str = "test/accuracy") -> Results:
    study = dataclasses.replace(STUDY, claims=claims(*sources, of=of), notebook=notebook)
    # Accuracies of which the answer is known: seeds differ by .02, decay moves .01.
    records = []
    for record in RECORDS:
        accuracy = 0.8 + 0.02 * record.seed + 0.01 * (record.cell.get(DECAY) == 0.1)
        final = {**record.outcome.final, "test/accuracy": accuracy}
        outcome = dataclasses.replace(record.outcome, final=final)
        records.append(dataclasses.replace(record, outcome=outcome))
    return Results(study, EXECUTION, study.grids(), tuple(records), 0)


def test_each_rule_counts_once_and_only_where_it_compares_test_accuracy() -> None:
    assert tricks([results("notes", "a")]) is None
    assert tricks([results("folklore", "a", of="weights/norm")]) is None
    found = tricks([results("folklore", "a", "b", "b")])
    assert [trick.finding.claim.source for trick in found.all] == ["a", "b"]
    for trick in found.all:
        assert trick.effect == pytest.approx(0.01)
        seeds = trick.finding.seeds["against"]
        assert trick.spread == pytest.approx(seeds.std(ddof=1))
        assert trick.is_smaller


@pytest.mark.parametrize(
    ("smaller", "larger", "verdict"),
    [
        (5, 0, Verdict.UNDECIDED),  # too few for any share
        (6, 0, Verdict.SUPPORTED),
        (0, 6, Verdict.REFUTED),
        (9, 9, Verdict.UNDECIDED),
        (15, 3, Verdict.SUPPORTED),
    ],
)
def test_the_verdict_is_that_of_an_exact_test_of_one_half(
    smaller: int, larger: int, verdict: Verdict
) -> None:
    (one,) = tricks([results("folklore", "a")]).all
    small = Trick("s", 0, one.finding, 1.0)
    large = Trick("s", 0, one.finding, 1e-9)
    assert Tricks((small,) * smaller + (large,) * larger).verdict is verdict


def test_the_page_goes_when_there_is_nothing_to_say(tmp_path: Path) -> None:
    folklore = results("folklore", "a", "b")
    render([folklore], tmp_path)
    page = (tmp_path / "tricks.html").read_text()
    assert "2 of 2 rules move test accuracy by less than one standard deviation" in page
    assert 'href="tricks.zh.html"' in page
    assert 'href="tricks.html"' in (tmp_path / "index.html").read_text()
    render([results("notes", "a")], tmp_path)
    assert not (tmp_path / "tricks.html").exists()

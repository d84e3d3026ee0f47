"""Declared looks: who goes on, what each may spend, and that nothing is lost between them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from suite import Difference, Equivalence, Identity, Study, axis, define_metric, looks
from suite.evidence import Verdict
from suite.evidence.findings import Finding, Looked, look_at
from suite.evidence.results import gather
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.runs.coordinator import Request
from suite.vocabulary.claims import Claim
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Outcome, Record, Status
from tests.command_line import make_study, suite
from tests.synthetic import PROVENANCE

VALUE = define_metric("test_looks/value", "a value")
Values = Callable[[Mapping[str, Any], int], float]


def claim(arm: int, kind: Any = Difference, **changes: Any) -> Claim:
    given = {"of": VALUE, "arm": {"x": arm}, "against": {"x": 0}, "matters": 1.0, "source": ""}
    if kind is Difference:
        given["direction"] = "higher"
    made: Claim = kind(**{**given, "says": f"{kind.__name__} of {arm}.", **changes})
    return made


def study(*claims: Claim, seeds: Any = None, levels: tuple[int, ...] = (0, 1, 2, 3)) -> Study:
    return Study(
        "t",
        probe=lambda cell, seed: {},
        grid=(axis("x", levels),),
        seeds=looks(5, 10, 20) if seeds is None else seeds,
        claims=claims,
        name="t",
    )


def record(trial: Trial, value: float) -> Record:
    return Record(
        id=trial.id,
        study="t",
        part=trial.part,
        cell=dict(trial.cell),
        recipe=canonical(trial.recipe),
        seed=trial.seed,
        alone=False,
        outcome=Outcome(status=Status.FINISHED, final={VALUE: value}),
        provenance=PROVENANCE,
    )


def run(one: Study, values: Values) -> tuple[Looked, list[Trial]]:
    """Run what the looks ask for until they ask for nothing more."""
    grids = one.grids()
    trials, records = one.trials(grids), dict[str, Record]()
    while True:
        looked = look_at(one, grids, trials, records.values())
        missing = [trial for trial in looked.asked if trial.id not in records]
        if not missing:
            return looked, list(looked.asked)
        records |= {one.id: record(one, values(one.cell, one.seed)) for one in missing}


def noise(cell: Mapping[str, Any], seed: int, sd: float = 1.0) -> float:
    return float(np.random.default_rng([seed, cell["x"]]).normal(0.0, sd))


def counted(trials: list[Trial]) -> dict[int, int]:
    """How many seeds each level was asked for."""
    return {x: sum(trial.cell["x"] == x for trial in trials) for x in range(4)}


def test_only_what_open_claims_read_goes_on() -> None:
    effects = {0: 0.0, 1: 30.0, 2: 2.1, 3: 0.0}
    looked, trials = run(
        study(claim(1), claim(2, matters=0.5)),
        lambda cell, seed: effects[cell["x"]] + noise(cell, seed),
    )
    sure, unsure = looked.findings
    assert (sure.verdict, sure.n, sure.look) == (Verdict.SUPPORTED, 5, 1)
    assert (unsure.n, unsure.look, unsure.looks) == (20, 3, 3)
    # The level that no claim reads has the seeds of the first look.
    assert counted(trials) == {0: 20, 1: 5, 2: 20, 3: 5}


def test_a_decided_claim_stays_as_it_was_though_its_cells_go_on() -> None:
    def values(cell: Mapping[str, Any], seed: int) -> float:
        gone = cell["x"] in (1, 2) and seed < 5  # the effect is there for five seeds only
        return (40.0 if gone else 0.0) + noise(cell, seed)

    same = claim(1, Equivalence, against={"x": 2}, matters=1.3)  # stays open, reads level 1
    looked, trials = run(study(claim(1), same), values)
    assert counted(trials)[1] == 20
    assert (looked.findings[0].verdict, looked.findings[0].n) == (Verdict.SUPPORTED, 5)


def test_p_values_and_intervals_are_those_of_the_look_and_its_weight() -> None:
    def values(cell: Mapping[str, Any], seed: int) -> float:
        return noise(cell, seed)

    (found,) = run(study(claim(1)), values)[0].findings
    differences = np.array([values({"x": 1}, s) - values({"x": 0}, s) for s in range(20)])
    assert found.n == 20
    weights = {5: 0.25, 10: 0.25, 20: 0.5}
    least = min(
        stats.ttest_1samp(differences[:n], 0.0).pvalue / weight for n, weight in weights.items()
    )
    assert found.adjusted_p == pytest.approx(min(1.0, least))
    half = stats.t.isf(0.025 * 0.5, 19) * differences.std(ddof=1) / math.sqrt(20)
    assert found.interval == pytest.approx((differences.mean() - half, differences.mean() + half))


def test_holm_is_over_all_claims_closed_ones_too() -> None:
    def values(cell: Mapping[str, Any], seed: int) -> float:
        return 30.0 * (cell["x"] == 1) + noise(cell, seed)

    closed, still = run(study(claim(1), claim(2)), values)[0].findings
    assert closed.adjusted_p == pytest.approx(2 * closed.p)
    assert still.adjusted_p >= closed.adjusted_p


def test_an_interrupted_look_leaves_the_one_before_and_asks_for_the_rest() -> None:
    one = study(claim(1))
    grids = one.grids()
    trials = one.trials(grids)
    there = [trial for trial in trials if trial.seed < 8]  # ten were asked for
    looked = look_at(one, grids, trials, [record(t, noise(t.cell, t.seed)) for t in there])
    assert (looked.look, looked.findings[0].n) == (1, 5)
    assert {trial.seed for trial in looked.asked if trial.cell["x"] == 1} == set(range(10))


def test_a_claim_without_a_prospect_gets_no_further_seeds() -> None:
    """Differences with a spread of 140 will not show in 20 seeds that they are below 1."""
    looked, trials = run(study(claim(1)), lambda cell, seed: noise(cell, seed, 100.0))
    (found,) = looked.findings
    assert (found.verdict, found.n, found.look) == (Verdict.UNDECIDED, 10, 2)
    assert found.chance < 0.1
    assert counted(trials) == {0: 10, 1: 10, 2: 5, 3: 5}
    assert "it got no further seeds, with a chance of" in found.notes[0]


def test_a_claim_that_stopped_is_not_measured_with_what_others_go_on_for() -> None:
    hopeless, hopeful = claim(3, matters=0.01), claim(1, matters=0.8)
    looked, trials = run(study(hopeless, hopeful), noise)
    assert [one.n for one in looked.findings] == [10, 20]
    assert counted(trials) == {0: 20, 1: 20, 2: 5, 3: 10}


def test_seeds_that_others_ask_for_anyway_are_taken() -> None:
    hopeless, hopeful = claim(1, matters=0.01), claim(1, matters=0.8)
    assert [one.n for one in run(study(hopeless, hopeful), noise)[0].findings] == [20, 20]


def test_identities_need_no_second_look() -> None:
    exact = Identity(of=VALUE, arm={"x": 0}, tolerance=1.0, says="It is 0.", source="")
    looked, trials = run(study(exact), lambda cell, seed: 0.0)
    assert looked.findings[0].verdict is Verdict.SUPPORTED
    assert set(counted(trials).values()) == {5}


@pytest.mark.parametrize("wrong", [(), (5,), (5, 5), (10, 5), (2, 4), (5, 20_000), (5, 7.5)])
def test_looks_rise_and_begin_with_three(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(RequestError, match="looks are two or more rising numbers"):
        looks(*wrong)


def test_the_weights_of_looks_are_their_share_of_the_seeds() -> None:
    assert looks(5, 10, 20).weights == (0.25, 0.25, 0.5)


def ran(one: Study, values: Values, **asked: Any) -> tuple[Any, dict[str, Record]]:
    request = Request(one, **asked)
    records = {t.id: record(t, values(t.cell, t.seed)) for t in request.trials}
    return request.execution(request.trials), records


def finding(one: Study, execution: Any, records: Mapping[str, Record]) -> Finding:
    return gather(one, execution, records).findings[0]


def test_seeds_off_the_plan_are_marked_on_every_verdict() -> None:
    one = study(claim(1), seeds=5)
    planned = finding(one, *ran(one, noise))
    assert planned.notes == ()
    more = finding(one, *ran(one, noise, seeds=8))
    assert more.n == 8
    assert "others than planned" in more.notes[0]
    declared = study(claim(1))
    assert "others than planned" in finding(declared, *ran(declared, noise, seeds=8)).notes[0]


def test_a_run_from_before_its_looks_counts_as_the_first_of_them() -> None:
    fixed, declared = study(claim(1), seeds=16), study(claim(1))
    execution, records = ran(fixed, noise)
    before, after = finding(fixed, execution, records), finding(declared, execution, records)
    assert (before.n, after.n) == (16, 16)
    assert after.p == pytest.approx(min(1.0, before.p / 0.25))
    assert "declared after these trials ran" in after.notes[0]
    results = gather(declared, execution, records)
    assert (len(results.records), results.missing) == (64, 0)


STUDY = '''
"""Looks that a test runs."""

from suite import Difference, Identity, Study, axis, define_metric, looks

VALUE = define_metric("looking/value", "a value")


def draw(cell, seed):
    import random
    return {VALUE: cell["x"] * 50.0 * (cell["x"] == 1) + random.Random(seed * 7 + cell["x"]).gauss(0, 1)}


def more(arm):
    return Difference(of=VALUE, arm={"x": arm}, against={"x": 0}, direction="higher", matters=1.8,
                      says=f"{arm} is more than 0.", source="")


study = Study("Looking", probe=draw, grid=(axis("x", (0, 1, 2)),), seeds=looks(3, 6, 9),
              claims=(more(1), more(2)))
'''


def test_a_run_goes_from_look_to_look_and_again_finds_nothing_to_do(tmp_path: Path) -> None:
    make_study(tmp_path, STUDY, "looking")
    first = suite(tmp_path, "run", "looking", "--json")
    assert first.returncode == 0, first.stderr
    assert "look 2 of 3: 1 of 2 claims open" in first.stderr
    assert "look 3 of 3: 1 of 2 claims open" in first.stderr
    form = json.loads(first.stdout)
    assert form["ran"] == 3 + 2 * 9
    found = form["studies"][0]["findings"]
    assert [(one["n"], one["look"], one["looks"]) for one in found] == [(3, 1, 3), (9, 3, 3)]
    assert form["studies"][0]["missing"] == 0
    again = json.loads(suite(tmp_path, "run", "looking", "--json").stdout)
    assert (again["ran"], again["cached"]) == (0, 21)
    assert again["studies"] == form["studies"]
    shown = suite(tmp_path, "verdicts", "looking")
    assert "look 1 of 3" in shown.stdout
    assert json.loads(suite(tmp_path, "plan", "looking", "--json").stdout)["cached"] == 21


def test_a_plan_prices_the_least_the_expected_and_the_most(tmp_path: Path) -> None:
    make_study(tmp_path, STUDY, "looking")
    form = json.loads(suite(tmp_path, "plan", "looking", "--json").stdout)
    assert (form["trials"], form["most_trials"]) == (9, 27)
    assert form["seconds"] <= form["expected_seconds"] <= form["most_seconds"]
    assert "looks after 3, 6 and 9 seeds" in suite(tmp_path, "plan", "looking").stdout
    assert form["studies"][0]["grids"][0]["looks"] == [3, 6, 9]
    fixed = json.loads(suite(tmp_path, "plan", "looking", "--seeds", "4", "--json").stdout)
    assert (fixed["trials"], fixed["most_trials"]) == (12, 12)


def test_a_kill_between_looks_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suite.runs import coordinator

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
        make_study(folder, STUDY, "looking")
    suite(whole, "run", "looking")
    with monkeypatch.context() as patched:
        patched.setattr(
            coordinator, "_looks_words", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        assert suite(cut, "run", "looking").returncode == 130
    resumed = json.loads(suite(cut, "run", "looking", "--json").stdout)
    assert (resumed["ran"], resumed["cached"]) == (12, 9)
    forms = [json.loads(suite(folder, "verdicts", "--json").stdout) for folder in (whole, cut)]
    for form in forms:
        for found in form["studies"][0]["findings"]:
            del found["seconds"]
    assert forms[0] == forms[1]


def test_an_execution_says_which_looks_it_had() -> None:
    one = study(claim(1))
    execution = Request(one).execution(())
    assert execution.looks == {"main": [5, 10, 20]}
    assert not execution.asks_the_same(dataclasses.replace(execution, looks={}))


TIERED = (
    STUDY.replace("looks(3, 6, 9)", "3")
    .replace('cell["x"] * 50.0 * (cell["x"] == 1)', '50.0 * (cell["x"] == 1) * (-1) ** (seed > 2)')
    .replace("more(2)))", "more(2)), tiers={'smoke': {'seeds': 1}, 'full': {'seeds': 30}})")
)


def test_a_verdict_that_differs_between_tiers_says_so(tmp_path: Path) -> None:
    make_study(tmp_path, TIERED, "looking")
    for tier in ("smoke", "full", "laptop"):
        suite(tmp_path, "run", "looking", "--tier", tier)
    shown = json.loads(suite(tmp_path, "verdicts", "--json").stdout)["studies"][0]["findings"]
    assert [one["verdict"] for one in shown] == ["supported", "undecided"]
    assert shown[0]["notes"] == ["at the full tier: refuted"]
    assert "at the full tier: refuted" in suite(tmp_path, "verdicts").stdout


def test_what_was_changed_after_a_look_is_marked_and_counted(tmp_path: Path) -> None:
    make_study(tmp_path, STUDY.replace("seeds=looks", "revised=('main',), seeds=looks"), "looking")
    form = json.loads(suite(tmp_path, "run", "looking", "--json").stdout)["studies"][0]
    assert form["revised"] == 2
    assert all("changed after results had been seen" in one["notes"] for one in form["findings"])
    with pytest.raises(RequestError, match="Study.revised: there is no part 'man'"):
        Study("t", revised=("man",))

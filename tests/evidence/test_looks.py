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

from suite import (
    Difference,
    Equivalence,
    Identity,
    Part,
    Rate,
    Study,
    axis,
    define_metric,
    lines,
    looks,
)
from suite.evidence import Verdict
from suite.evidence.best import best
from suite.evidence.findings import Finding
from suite.evidence.looks import Looked, look_at
from suite.evidence.results import gather
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.runs.conclusions import conclusion_forms, note
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


def diverged(trial: Trial) -> Record:
    return dataclasses.replace(
        record(trial, 0.0), outcome=Outcome(status=Status.DIVERGED, final={})
    )


def test_a_claim_that_no_seeds_can_decide_asks_for_none() -> None:
    one = study(claim(1))
    grids = one.grids(only={"x": (1, 2)})  # so that there is nothing to compare with
    trials = one.trials(grids)
    records = [record(trial, 0.0) for trial in trials if trial.seed < 5]
    looked = look_at(one, grids, trials, records)
    assert (looked.open, len(looked.asked)) == (0, 2 * 5)


def test_after_the_last_look_nothing_is_said_of_further_seeds() -> None:
    def effect(seed: int) -> float:
        return 2.4 if seed < 10 else 1.4

    one = study(claim(1, matters=1.4))
    grids = one.grids()
    trials = one.trials(grids)
    records = [
        diverged(trial)
        if (trial.cell["x"], trial.seed) == (1, 19)
        else record(
            trial, effect(trial.seed) * (trial.cell["x"] == 1) + noise(trial.cell, trial.seed)
        )
        for trial in trials
    ]
    (found,) = look_at(one, grids, trials, records).findings
    assert (found.n, found.asked, found.look, found.is_open) == (19, 20, 3, True)
    assert found.notes == ("1 of 20 seeds lack a value",)


def probe(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    return {}


def in_two_parts(*, fixed: Any = 4) -> Study:
    """A claim of a part with looks, and one of a part with a number of its own."""
    return Study(
        "t",
        probe=probe,
        grid=(axis("x", (0, 1)),),
        seeds=looks(5, 10, 20),
        parts=(Part("fixed", probe=probe, grid=(axis("x", (0, 1)),), seeds=fixed),),
        claims=(claim(1), claim(1, part="fixed", says="In the other part too.")),
        name="t",
    )


def test_claims_of_parts_without_looks_are_none_that_go_on() -> None:
    one = in_two_parts()
    grids = one.grids()
    trials = one.trials(grids)
    records = [
        dataclasses.replace(record(trial, noise(trial.cell, trial.seed)), part=trial.part)
        for trial in trials
        if trial.seed < 5
    ]
    looked = look_at(one, grids, trials, records)
    assert [finding.is_open for finding in looked.findings] == [True, True]
    assert looked.open == 1


def test_what_was_seen_at_one_look_only_is_no_difference_at_the_last() -> None:
    """Five seeds agree that it is 1, the others lie anywhere: the interval of all holds zero."""

    def values(cell: Mapping[str, Any], seed: int) -> float:
        effect = 1.0 if seed < 5 else 3.0 * noise({"x": 9}, seed)
        return (cell["x"] == 1) * effect + 0.05 * noise(cell, seed)

    (found,) = run(study(claim(1)), values)[0].findings
    assert found.n > 5
    assert found.interval[0] < 0 < found.interval[1]
    assert (found.adjusted_p < 0.05, found.verdict) == (True, Verdict.UNDECIDED)


def test_a_p_value_is_never_more_than_after_its_correction() -> None:
    def values(cell: Mapping[str, Any], seed: int) -> float:
        return (cell["x"] == 1) * (0.9 if seed < 5 else 0.0) + 0.3 * noise(cell, seed)

    for found in run(study(claim(1), claim(2)), values)[0].findings:
        assert found.p <= found.adjusted_p
        assert found.p_margin <= found.adjusted_p_margin
        assert found.p_beyond <= found.adjusted_p_beyond


SHARE = define_metric("test_looks/share", "a share", unit="percent")


def test_what_else_has_a_record_is_no_part_of_a_verdict() -> None:
    """A finer step between accuracies, at a seed that nobody asked for, makes no seed surer."""
    one = study(claim(1, of=SHARE, matters=0.08))

    def measured(trial: Trial, value: float) -> Record:
        made = record(trial, 0.0)
        return dataclasses.replace(
            made, outcome=dataclasses.replace(made.outcome, final={SHARE: value})
        )

    grids = one.grids()
    trials = one.trials(grids)
    read = [trial for trial in trials if trial.cell["x"] < 2 or trial.seed < 5]
    records = [measured(trial, 0.6 if trial.cell["x"] == 1 else 0.5) for trial in read]
    alone = look_at(one, grids, trials, records)
    (other,) = (trial for trial in trials if (trial.cell["x"], trial.seed) == (3, 7))
    beside = look_at(one, grids, trials, [*records, measured(other, 0.5001)])
    for found in (*alone.findings, *beside.findings):
        assert (found.verdict, found.n) == (Verdict.SIZE_OPEN, 20)
    assert beside.asked == alone.asked


def tuned(*claims: Claim) -> Study:
    """Two batch sizes, each at the best of three rates."""
    rates = axis("optimizer.lr", (0.01, 0.03, 0.1))
    seeds = looks(5, 10, 20)
    return Study(
        "t", grid=(axis("batch_size", (16, 64)), rates), seeds=seeds, claims=claims, name="t"
    )


def accuracy(of: str = "test/accuracy", matters: float = 0.01) -> Difference:
    return Difference(
        of=of,
        arm={"batch_size": 16},
        against={"batch_size": 64},
        direction="higher",
        matters=matters,
        says=f"{of} is higher.",
        source="",
    )


def of_trials(one: Study, values: Callable[[Trial], dict[str, float]]) -> Looked:
    grids = one.grids()
    trials = one.trials(grids)
    records = [
        dataclasses.replace(
            record(trial, 0.0), outcome=Outcome(status=Status.FINISHED, final=values(trial))
        )
        for trial in trials
    ]
    return look_at(one, grids, trials, records)


def test_a_look_whose_best_rate_lies_on_the_edge_leaves_the_verdict_to_the_next() -> None:
    def values(trial: Trial) -> dict[str, float]:
        rate, rng = trial.cell["optimizer.lr"], np.random.default_rng(trial.seed)
        best = 0.1 if trial.seed < 5 else 0.03
        spread = 0.0005 if trial.seed < 5 else 0.05
        arm = 0.3 + rng.normal(0.0, spread) if trial.cell["batch_size"] == 16 else 0.0
        score = 0.9 if rate == best else 0.3 if trial.seed < 5 else 0.1
        return {"validation/accuracy": score + 0.01 * rng.random(), "test/accuracy": 0.5 + arm}

    (found,) = of_trials(tuned(accuracy()), values).findings
    assert (found.verdict, found.n, found.look) == (Verdict.SUPPORTED, 10, 2)


def test_the_effect_at_a_shared_rate_is_of_the_seeds_of_the_verdict() -> None:
    def values(trial: Trial) -> dict[str, float]:
        arm = 0.3 if trial.seed < 5 else 0.1
        test = 0.5 + (trial.cell["batch_size"] == 16) * arm + 1e-3 * noise({"x": 0}, trial.seed)
        train = 0.5 + 0.1 * noise({"x": trial.cell["batch_size"]}, trial.seed)
        score = 0.9 if trial.cell["optimizer.lr"] == 0.03 else 0.1
        return {"validation/accuracy": score, "test/accuracy": test, "train/accuracy": train}

    sure, unsure = of_trials(tuned(accuracy(), accuracy("train/accuracy", 0.1)), values).findings
    assert sure.n == 5 < unsure.n
    assert sure.shared == pytest.approx(sure.estimate)


def test_what_only_correction_leaves_open_is_not_said_to_lie_in_the_interval() -> None:
    """The interval is that of the claim alone: it holds neither no difference nor half of the seeds."""
    share = Rate(
        of=VALUE,
        arm={"x": 2},
        event="reached",
        level=100.0,
        direction="higher",
        says="It is reached.",
        source="",
    )

    def values(cell: Mapping[str, Any], seed: int) -> float:
        return (0.9, 0.2, 0.7, 0.1, 1.2, 0.9)[seed] if cell["x"] == 1 else 40.0 * (cell["x"] == 3)

    one = study(
        claim(1, matters=0.6), share, claim(3, direction="lower"), claim(2, says="Twice."), seeds=6
    )
    difference, rate, *_ = run(one, lambda cell, seed: values(cell, seed) - 0.2 * (cell["x"] == 1))[
        0
    ].findings
    assert difference.interval[0] > 0
    assert rate.interval[1] < 0.5
    for found in (difference, rate):
        assert found.verdict is Verdict.UNDECIDED
        assert found.reason.startswith("alone it would tell something")


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


def test_only_the_part_whose_seeds_are_others_than_planned_says_so() -> None:
    one = in_two_parts()
    request = Request(one, overrides={"fixed.seeds": 6})
    trials = request.trials
    records = {t.id: record(t, noise(t.cell, t.seed)) for t in trials}
    main, fixed = gather(one, request.execution(trials), records).findings
    assert not any("others than planned" in one for one in main.notes)
    assert "others than planned" in fixed.notes[0]


def test_a_context_that_keeps_no_level_is_not_off_the_plan() -> None:
    one = Study(
        "t",
        probe=probe,
        grid=(axis("x", (0, 1)), axis("place", ("here",))),
        seeds=5,
        contexts={"there": {"place": "there"}},
        claims=(claim(1, contexts=("there",)),),
        name="t",
    )
    found = finding(one, *ran(one, noise, only={"place": ("here",)}))
    assert (found.n, found.notes) == (5, ())


def test_a_failed_trial_that_is_tried_again_is_looked_at_again() -> None:
    request = Request(study(claim(1), levels=(0, 1)))

    def measured(trial: Trial) -> Record:
        return record(trial, 9.0 * trial.cell["x"] + noise(trial.cell, trial.seed))

    records = {one.id: measured(one) for one in request.trials if one.seed < 5}
    again = next(one for one in request.trials if (one.cell["x"], one.seed) == (1, 0))
    failed = Outcome(status=Status.FAILED, final={}, error="OSError: not today")
    records[again.id] = dataclasses.replace(records[again.id], outcome=failed)
    assert request.looked(records).findings[0].n == 4
    records[again.id] = record(again, -9.0)
    assert request.looked(records).findings[0].n == 5
    assert len(request.asked(records)) == 2 * 10


def test_looks_that_are_others_now_leave_nothing_missing() -> None:
    """The first level stopped after five seeds: no cell lacks a trial that this run asked for."""
    first = study(claim(1), claim(2))
    looked, trials = run(first, lambda cell, seed: 30.0 * (cell["x"] == 1) + noise(cell, seed))
    records = {t.id: record(t, 30.0 * (t.cell["x"] == 1) + noise(t.cell, t.seed)) for t in trials}
    assert set(counted(trials).values()) != {20}
    now = study(claim(1), claim(2), seeds=looks(5, 10, 40))
    results = gather(now, Request(first).execution(trials), records)
    assert (len(results.records), results.missing) == (len(trials), 0)


def test_the_best_cell_is_chosen_by_seeds_that_all_have() -> None:
    """The best rate needs no further seeds; the worst, of which a claim stays open, gets them."""
    hard = Equivalence(
        of="test/accuracy",
        arm={"batch_size": 16, "optimizer.lr": 0.01},
        against={"batch_size": 64, "optimizer.lr": 0.01},
        matters=0.02,
        says="Alike.",
        source="",
    )
    one = tuned(hard)

    def values(trial: Trial) -> dict[str, float]:
        found = trial.cell["optimizer.lr"] * 5 + 0.02 * noise(
            {"x": trial.cell["batch_size"]}, trial.seed
        )
        return {"validation/accuracy": found, "test/accuracy": found}

    looked = of_trials(one, values)
    records = {
        trial.id: dataclasses.replace(
            record(trial, 0.0), outcome=Outcome(status=Status.FINISHED, final=values(trial))
        )
        for trial in looked.asked
    }
    results = gather(one, Request(one).execution(looked.asked), records)
    assert results.findings[0].n == 20
    found = best(results, "test/accuracy", "main")
    assert (found.cell["optimizer.lr"], found.n) == (0.1, 5)


def test_pages_count_the_trials_of_a_verdict_and_no_later_ones() -> None:
    from reports.figures.shown import shown
    from reports.pages.lost import losses

    view = lines(VALUE, over="y")
    one = dataclasses.replace(
        in_two_axes(), views=(view,), claims=(sharing(2, 40.0), sharing(1, 0.8))
    )
    grids = one.grids()
    trials, records = one.trials(grids), dict[str, Record]()

    def measured(trial: Trial) -> Record:
        if (trial.cell, trial.seed) == ({"x": 0, "y": 0}, 7):
            return diverged(trial)
        large = 99.0 if trial.cell["x"] == 2 else 0.0
        return record(trial, large + noise(trial.cell, trial.seed))

    for _ in range(3):
        asked = look_at(one, grids, trials, records.values()).asked
        records |= {trial.id: measured(trial) for trial in asked}
    results = gather(one, Request(one).execution(asked), records)
    sure, unsure = results.findings
    assert (sure.n, unsure.asked) == (5, 20)
    assert losses(results, sure) == []
    assert "1 diverged" in losses(results, unsure)[0]
    # Level 1 has trials of further looks at one level of x only, and no mean of both there.
    of_level = shown(results, view).line(0)
    assert set(of_level[of_level["x"] == 0]["seed"]) == set(range(5))


def in_two_axes() -> Study:
    grid = (axis("x", (0, 1, 2)), axis("y", (0, 1)))
    return Study("t", probe=probe, grid=grid, seeds=looks(5, 10, 20), name="t")


def sharing(arm: int, matters: float) -> Difference:
    return Difference(
        of=VALUE,
        arm={"x": arm, "y": 0},
        against={"x": 0, "y": 0},
        direction="higher",
        matters=matters,
        says=f"{arm} is more.",
        source="",
    )


def test_an_identity_that_could_not_be_checked_at_another_tier_is_nothing_against_it() -> None:
    exact = Identity(of=VALUE, arm={"x": 0}, tolerance=1.0, says="It is 0.", source="")
    one = study(exact, seeds=3)
    execution, records = ran(one, lambda cell, seed: 0.0)
    other = gather(one, dataclasses.replace(execution, tier="full"), {})
    assert other.findings[0].verdict is Verdict.UNDECIDED
    here = dataclasses.replace(gather(one, execution, records), at_other_tiers=(other,))
    assert here.findings[0].notes == ()


def test_the_note_of_the_store_qualifies_verdicts_as_the_terminal_does() -> None:
    one = study(claim(1, says="One is more."), seeds=5)
    results = gather(one, *ran(one, noise, seeds=8))
    (form,) = conclusion_forms([results])
    said = note(results, form)
    assert "*laptop tier, seeds=8*" in said
    assert "others than planned" in said


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


def test_what_another_tier_has_not_finished_is_held_against_nothing(tmp_path: Path) -> None:
    make_study(tmp_path, TIERED, "looking")
    suite(tmp_path, "run", "looking", "--tier", "full")
    journal = tmp_path / ".thumbrules" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if '"kind": "trial"' in line)
    journal.write_text("".join(lines[:last] + lines[last + 1 :]))
    suite(tmp_path, "run", "looking")
    (study,) = json.loads(suite(tmp_path, "verdicts", "--json").stdout)["studies"]
    assert study["findings"][0]["notes"] == []


def test_what_is_there_already_is_counted_at_every_look(tmp_path: Path) -> None:
    make_study(tmp_path, STUDY, "looking")
    suite(tmp_path, "run", "looking", "--only", "x=0", "--seeds", "9")
    form = json.loads(suite(tmp_path, "run", "looking", "--json").stdout)
    assert (form["ran"], form["cached"], form["studies"][0]["trials"]) == (3 + 9, 9, 21)


def test_what_was_changed_after_a_look_is_marked_and_counted(tmp_path: Path) -> None:
    make_study(tmp_path, STUDY.replace("seeds=looks", "revised=('main',), seeds=looks"), "looking")
    form = json.loads(suite(tmp_path, "run", "looking", "--json").stdout)["studies"][0]
    assert form["revised"] == 2
    assert all("changed after results had been seen" in one["notes"] for one in form["findings"])
    with pytest.raises(RequestError, match="Study.revised: there is no part 'man'"):
        Study("t", revised=("man",))


@pytest.mark.parametrize("slip", ["too.seeds=3", "main.seeds=3", "look=3"])
def test_a_probe_s_study_is_set_nothing_that_is_not_there(tmp_path: Path, slip: str) -> None:
    make_study(tmp_path, STUDY, "looking")
    done = suite(tmp_path, "plan", "looking", "--set", slip)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"no axis '{slip.partition('=')[0]}' (choose from x)" in done.stderr


def notes_after(folder: Path, *texts: str) -> list[str]:
    """What stands beside the first claim when each text has run in turn."""
    for text in texts:
        make_study(folder, text, "looking")
        ran = suite(folder, "run", "looking", "--json")
        assert ran.returncode == 0, ran.stderr
    notes: list[str] = json.loads(ran.stdout)["studies"][0]["findings"][0]["notes"]
    return notes


FIXED = STUDY.replace("looks(3, 6, 9)", "6")
BEFORE = "an earlier run here had other claims, levels, looks or seeds, and its results were seen"


@pytest.mark.parametrize(
    "texts",
    [
        (FIXED, STUDY),  # looks declared for what six seeds showed
        (STUDY, STUDY.replace("looks(3, 6, 9)", "looks(3, 6, 12)")),
        (STUDY, FIXED),
        (FIXED, FIXED.replace("seeds=6", "seeds=9")),
        (STUDY, STUDY.replace("matters=1.8", "matters=0.1")),
        (STUDY.replace("(0, 1, 2)", "(0, 1, 2, 3)"), STUDY),
        (FIXED, FIXED.replace("(0, 1, 2)", "(0, 1, 2, 3)")),
        (FIXED, STUDY, STUDY.replace("looks(3, 6, 9)", "looks(3, 7)")),
    ],
)
def test_what_changed_since_an_earlier_run_is_marked(
    tmp_path: Path, texts: tuple[str, ...]
) -> None:
    assert BEFORE in notes_after(tmp_path, *texts)


def test_a_run_that_goes_on_or_is_repeated_is_no_change(tmp_path: Path) -> None:
    smoke = STUDY.replace("more(2)))", "more(2)), tiers={'smoke': {'seeds': 1}})")
    make_study(tmp_path, smoke, "looking")
    suite(tmp_path, "run", "looking", "--tier", "smoke")
    suite(tmp_path, "run", "looking", "--seeds", "4")
    assert BEFORE not in notes_after(tmp_path, smoke, smoke, smoke)
    more = json.loads(suite(tmp_path, "run", "looking", "--seeds", "12", "--json").stdout)
    assert BEFORE not in more["studies"][0]["findings"][0]["notes"]  # which says so already


def test_forgetting_a_study_forgets_what_was_seen(tmp_path: Path) -> None:
    notes_after(tmp_path, FIXED)
    suite(tmp_path, "forget", "looking", "--yes")
    assert BEFORE not in notes_after(tmp_path, STUDY)

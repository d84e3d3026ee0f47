"""From records to verdicts, against answers worked out by hand or by SciPy and statsmodels."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from suite import Difference, Equivalence, Part, Study, Target, axis
from suite.evidence import Finding, Verdict, findings, table
from suite.evidence.results import gather
from suite.evidence.table import price_of_target
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.vocabulary.claims import Claim
from suite.vocabulary.grid import Axis, Trial
from suite.vocabulary.record import FORMAT_VERSION, Execution, Outcome, Provenance, Record, Status

BATCH, RATE, WIDTHS = "batch_size", "optimizer.lr", "model.widths"
SMALL, LARGE = {BATCH: 16}, {BATCH: 64}
GRID = (axis(BATCH, (16, 64)),)
PROVENANCE = Provenance(
    commit="",
    dirty=False,
    packages={},
    python="3",
    platform="",
    processor="",
    device="cpu",
    strategy="sequential",
    workers=1,
    threads=1,
    command="",
    started=100.0,
    finished=102.5,
)


def a_claim(kind: type[Any] = Difference, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "of": "test/accuracy",
        "arm": SMALL,
        "against": LARGE,
        "matters": 0.01,
        "says": "It is so.",
        "source": "notes",
    }
    if kind is Difference:
        given["direction"] = "higher"
    return kind(**(given | changes))


def a_study(*claims: Claim, grid: tuple[Axis, ...] = GRID, **changes: Any) -> Study:
    return Study("Example", grid=grid, claims=claims, name="example", **changes)


def a_record(
    cell: Mapping[str, Any],
    seed: int,
    final: Mapping[str, float] | None = None,
    *,
    status: Status = Status.FINISHED,
    curves: Mapping[str, list[tuple[float, float]]] | None = None,
    part: str = "main",
) -> Record:
    return Record(
        id=f"{part}/{dict(cell)}/{seed}",
        study="example",
        part=part,
        cell=cell,
        recipe={},
        seed=seed,
        alone=False,
        outcome=Outcome(status=status, final=final or {}, curves=curves or {}),
        provenance=PROVENANCE,
    )


def an_arm(
    cell: Mapping[str, Any], values: Sequence[float], metric: str = "test/accuracy"
) -> list[Record]:
    return [a_record(cell, seed, {metric: value}) for seed, value in enumerate(values)]


def found(study: Study, records: Iterable[Record]) -> list[Finding]:
    return findings(study, study.grids(), records)


def compared(arm: Sequence[float], against: Sequence[float], claim: Claim | None = None) -> Finding:
    """Return the finding of one claim about two arms without tuning."""
    claim = claim or a_claim()
    records = an_arm(SMALL, arm, claim.of) + an_arm(LARGE, against, claim.of)
    return found(a_study(claim), records)[0]


def differing(differences: Sequence[float], claim: Claim | None = None) -> Finding:
    against = [0.8 + 0.01 * seed for seed in range(len(differences))]
    return compared([a + d for a, d in zip(against, differences, strict=True)], against, claim)


# --- Claims ----------------------------------------------------------------------------------

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: a_claim(matters=0), "matters must be above 0: claim 'It is so.'"),
    (lambda: a_claim(matters=-1), "matters must be above 0: claim 'It is so.'"),
    (lambda: a_claim(Equivalence, matters=0), "matters must be above 0: claim 'It is so.'"),
    (
        lambda: a_claim(scale="ratio", matters=1.0),
        "matters must be above 1: claim 'It is so.'",
    ),
    (
        lambda: a_claim(of="test/acuracy"),
        "there is no metric 'test/acuracy' (did you mean 'test/accuracy'?)",
    ),
    (
        lambda: a_claim(direction="highr"),
        "Difference.direction cannot be 'highr' (did you mean 'higher'?)",
    ),
    (
        lambda: a_claim(Equivalence, direction="higher"),
        "Equivalence has no field 'direction' (choose from of, says, source, number, because, "
        "part, contexts, matters, scale, arm, against)",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_a_claim_that_could_not_be_tested_is_refused(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(RequestError) as caught:
        make()
    assert str(caught.value) == message


def test_a_margin_is_a_logarithm_on_a_ratio_scale() -> None:
    assert a_claim(matters=0.02).margin == 0.02
    assert a_claim(scale="ratio", matters=2.0).margin == pytest.approx(math.log(2))
    assert a_claim(Equivalence, scale="ratio", matters=1.25).margin == pytest.approx(math.log(1.25))


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (a_claim(), "it is lower by at least 1 point of test accuracy"),
        (
            a_claim(direction="lower", scale="ratio", matters=2),
            "it is higher by at least a factor of 2",
        ),
        (
            a_claim(of="test/loss", matters=0.5),
            "it is lower by at least 0.5 in test loss",
        ),
        (a_claim(Equivalence), "they differ by more than 1 point of test accuracy"),
    ],
)
def test_a_claim_says_what_would_refute_it(claim: Claim, words: str) -> None:
    assert claim.refuted_if == words


# --- Numbers ---------------------------------------------------------------------------------

ARM, AGAINST = [0.91, 0.93, 0.90, 0.95, 0.92], [0.88, 0.92, 0.89, 0.90, 0.91]


def test_a_difference_is_tested_in_pairs_of_seeds() -> None:
    finding = compared(ARM, AGAINST)
    d = np.array(ARM) - np.array(AGAINST)
    half = stats.t.ppf(0.975, 4) * d.std(ddof=1) / math.sqrt(5)
    assert finding.n == 5
    assert finding.estimate == pytest.approx(d.mean())
    assert finding.interval == pytest.approx((d.mean() - half, d.mean() + half))
    assert finding.p == pytest.approx(stats.ttest_rel(ARM, AGAINST).pvalue)


@pytest.mark.parametrize("margin", [0.005, 0.02, 0.1])
@pytest.mark.parametrize("kind", [Difference, Equivalence])
def test_smallness_is_tested_by_two_one_sided_tests(kind: type[Any], margin: float) -> None:
    finding = compared(ARM, AGAINST, a_claim(kind, matters=margin))
    expected = ttost_paired(np.array(ARM), np.array(AGAINST), -margin, margin)[0]
    assert finding.p_margin == pytest.approx(expected)


def test_a_ratio_is_that_of_geometric_means() -> None:
    arm, against = [2.0, 8.0, 5.0], [1.0, 2.0, 2.0]
    claim = a_claim(of="cost/steps", scale="ratio", matters=1.5)
    finding = compared(arm, against, claim)
    logs = np.log(arm) - np.log(against)
    half = stats.t.ppf(0.975, 2) * logs.std(ddof=1) / math.sqrt(3)
    assert finding.estimate == pytest.approx((2.0 * 4.0 * 2.5) ** (1 / 3))
    assert finding.interval == pytest.approx(
        (math.exp(logs.mean() - half), math.exp(logs.mean() + half))
    )
    assert finding.p == pytest.approx(stats.ttest_rel(np.log(arm), np.log(against)).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm (1979): the smallest times m, the next times m - 1, and so on, never falling."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    ordered = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, i in enumerate(ordered):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


@pytest.mark.parametrize("margins", [[0.02], [0.2, 0.001, 0.05], [0.01, 0.01, 0.3, 0.004]])
def test_both_families_are_corrected_over_the_claims_of_the_study(margins: list[float]) -> None:
    claims = [a_claim(matters=margin, says=f"Claim {margin}") for margin in margins]
    others = [a_claim(of="test/loss", matters=margin) for margin in margins]
    rng = np.random.default_rng(0)
    records = [
        a_record(cell, seed, {"test/accuracy": accuracy, "test/loss": rng.normal()})
        for cell, values in ((SMALL, ARM), (LARGE, AGAINST))
        for seed, accuracy in enumerate(values)
    ]
    all_found = found(a_study(*claims, *others), records)
    assert [f.claim for f in all_found] == [*claims, *others]
    for raw, adjusted in (("p", "adjusted_p"), ("p_margin", "adjusted_p_margin")):
        expected = holm([getattr(f, raw) for f in all_found])
        assert [getattr(f, adjusted) for f in all_found] == pytest.approx(expected)


def test_what_is_significant_alone_may_not_be_among_many() -> None:
    d = [0.005, 0.03, 0.02, 0.04, 0.01]
    assert differing(d).verdict is Verdict.SUPPORTED
    against = [0.8 + 0.01 * seed for seed in range(5)]
    records = an_arm(LARGE, against) + an_arm(
        SMALL, [a + x for a, x in zip(against, d, strict=True)]
    )
    claims = [a_claim(says=f"Claim {i}") for i in range(6)]
    assert {f.verdict for f in found(a_study(*claims), records)} == {Verdict.UNDECIDED}


# --- Verdicts --------------------------------------------------------------------------------

LARGE_UP = [0.05, 0.055, 0.045, 0.052, 0.048]
TINY = [0.001, 0.002, 0.0, -0.001, 0.0005]
NOISY = [0.10, -0.08, 0.05, -0.03, 0.02]
SURE_BUT_SMALL = [0.008, 0.009, 0.006, 0.010, 0.007]


@pytest.mark.parametrize(
    ("claim", "differences", "verdict"),
    [
        (a_claim(), LARGE_UP, Verdict.SUPPORTED),
        (a_claim(), [-d for d in LARGE_UP], Verdict.REFUTED),
        (a_claim(direction="lower"), [-d for d in LARGE_UP], Verdict.SUPPORTED),
        (a_claim(direction="lower"), LARGE_UP, Verdict.REFUTED),
        (a_claim(), TINY, Verdict.NO_EFFECT),
        (a_claim(direction="lower"), TINY, Verdict.NO_EFFECT),
        (a_claim(), NOISY, Verdict.UNDECIDED),
        (a_claim(matters=0.0085), SURE_BUT_SMALL, Verdict.UNDECIDED),
        (a_claim(matters=0.02), SURE_BUT_SMALL, Verdict.NO_EFFECT),
        (a_claim(matters=0.004), SURE_BUT_SMALL, Verdict.SUPPORTED),
        (a_claim(Equivalence), TINY, Verdict.SUPPORTED),
        (a_claim(Equivalence), LARGE_UP, Verdict.REFUTED),
        (a_claim(Equivalence), [-d for d in LARGE_UP], Verdict.REFUTED),
        (a_claim(Equivalence), NOISY, Verdict.UNDECIDED),
        (a_claim(Equivalence, matters=0.0085), SURE_BUT_SMALL, Verdict.UNDECIDED),
    ],
)
def test_a_verdict_needs_direction_significance_and_size(
    claim: Claim, differences: list[float], verdict: Verdict
) -> None:
    finding = differing(differences, claim)
    assert finding.verdict is verdict
    assert (finding.more_seeds is not None) == (verdict is Verdict.UNDECIDED)


@pytest.mark.parametrize(
    ("arm", "verdict"),
    [([4, 4.2, 3.9], Verdict.SUPPORTED), ([1.01, 0.99, 1.0], Verdict.NO_EFFECT)],
)
def test_a_ratio_is_judged_by_its_factor(arm: list[float], verdict: Verdict) -> None:
    claim = a_claim(of="cost/steps", scale="ratio", matters=1.5)
    assert compared(arm, [1.0, 1.0, 1.0], claim).verdict is verdict


def test_one_seed_decides_nothing() -> None:
    finding = differing([0.5])
    assert (finding.verdict, finding.n) == (Verdict.UNDECIDED, 1)
    assert finding.estimate == pytest.approx(0.5)
    assert all(math.isnan(bound) for bound in finding.interval)
    assert finding.reason == ("an interval needs two seeds measured in both arms; there were 1")


@pytest.mark.parametrize(
    ("difference", "verdict", "p", "p_margin"),
    [
        (0.25, Verdict.SUPPORTED, 0.0, 1.0),
        (-0.25, Verdict.REFUTED, 0.0, 1.0),
        (0.0, Verdict.NO_EFFECT, 1.0, 0.0),
        (2.0**-10, Verdict.NO_EFFECT, 0.0, 0.0),
    ],
)
def test_seeds_that_all_agree_need_no_test(
    difference: float, verdict: Verdict, p: float, p_margin: float
) -> None:
    # Powers of two, so that the differences are equal to the last bit.
    finding = compared([0.5 + difference] * 3, [0.5] * 3)
    assert (finding.verdict, finding.p, finding.p_margin) == (verdict, p, p_margin)
    assert finding.interval == (difference, difference)


def test_an_arm_that_was_not_run_leaves_the_claim_undecided() -> None:
    (finding,) = found(a_study(a_claim()), an_arm(SMALL, ARM))
    assert (finding.verdict, finding.n, finding.trials) == (Verdict.UNDECIDED, 0, 5)
    assert finding.reason == "this run has no trials of one of the arms"
    assert finding.more_seeds is None


def test_no_records_at_all_leave_every_claim_undecided() -> None:
    claims = [a_claim(), a_claim(Equivalence)]
    assert [f.verdict for f in found(a_study(*claims), [])] == [Verdict.UNDECIDED] * 2


def test_seeds_are_paired_by_number_whatever_the_order_of_records() -> None:
    records = an_arm(SMALL, ARM) + an_arm(LARGE, AGAINST)
    (finding,) = found(a_study(a_claim()), records)
    (turned,) = found(a_study(a_claim()), records[::-1])
    assert turned.p == pytest.approx(finding.p)
    assert list(finding.seeds.columns) == ["arm", "against"]
    assert finding.seeds["arm"].to_list() == ARM


def test_a_claim_about_a_part_uses_its_trials_only() -> None:
    study = a_study(a_claim(part="timing"), parts=(Part("timing", grid=GRID),))
    main = an_arm(SMALL, [0.0] * 5) + an_arm(LARGE, [1.0] * 5)
    timing = [
        a_record(cell, seed, {"test/accuracy": value}, part="timing")
        for cell, values in ((SMALL, ARM), (LARGE, AGAINST))
        for seed, value in enumerate(values)
    ]
    (finding,) = found(study, main + timing)
    assert finding.trials == 10
    assert finding.estimate == pytest.approx(np.mean(ARM) - np.mean(AGAINST))


# --- Failure ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.FAILED])
def test_trials_that_did_not_finish_are_counted_as_lost(status: Status) -> None:
    records = an_arm(SMALL, ARM) + an_arm(LARGE, AGAINST)
    records[1] = a_record(SMALL, 1, {"cost/steps": 3.0}, status=status)
    (finding,) = found(a_study(a_claim()), records)
    assert (finding.n, finding.lost, finding.trials) == (4, 1, 10)
    assert finding.seeds.index.to_list() == [0, 2, 3, 4]
    assert (finding.arm.lost, finding.against.lost) == (1, 0)


def test_a_diverged_trial_is_not_measured_by_what_it_left_behind() -> None:
    records = an_arm(SMALL, ARM) + an_arm(LARGE, AGAINST)
    records[1] = a_record(SMALL, 1, {"test/accuracy": 0.1}, status=Status.DIVERGED)
    (finding,) = found(a_study(a_claim()), records)
    assert 0.1 not in finding.seeds["arm"].to_list()


def test_an_arm_that_always_diverges_is_undecided_and_says_so() -> None:
    diverged = [a_record(SMALL, seed, status=Status.DIVERGED) for seed in range(5)]
    (finding,) = found(a_study(a_claim()), diverged + an_arm(LARGE, AGAINST))
    assert finding.verdict is Verdict.UNDECIDED
    assert (finding.n, finding.lost, finding.trials) == (0, 5, 10)
    assert "there were 0" in finding.reason


def test_time_spent_counts_every_trial_of_the_claim() -> None:
    records = an_arm(SMALL, ARM) + an_arm(LARGE, AGAINST)
    records[0] = a_record(SMALL, 0, status=Status.DIVERGED)
    (finding,) = found(a_study(a_claim()), records)
    assert finding.spent == pytest.approx(10 * 2.5)


# --- Tuning ----------------------------------------------------------------------------------

TUNED_GRID = (axis(BATCH, (16, 64)), axis(RATE, (0.01, 0.1, 1.0)))
Scores = Mapping[float, Sequence[tuple[float, float]]]
# For each rate, pairs of validation and test accuracy by seed. On validation 0.1 is best in
# every seed; on test 1.0 would be, by far.
HONEST: Scores = {
    0.01: [(0.5, 0.5), (0.5, 0.5), (0.5, 0.5)],
    0.1: [(0.9, 0.81), (0.9, 0.82), (0.9, 0.83)],
    1.0: [(0.8, 0.99), (0.8, 0.99), (0.8, 0.99)],
}
PLAIN: Scores = {
    0.01: [(0.5, 0.5), (0.5, 0.5), (0.5, 0.5)],
    0.1: [(0.7, 0.71), (0.7, 0.72), (0.7, 0.70)],
    1.0: [(0.6, 0.60), (0.6, 0.61), (0.6, 0.62)],
}


def rates(batch: int, scores: Scores) -> list[Record]:
    return [
        a_record(
            {BATCH: batch, RATE: rate},
            seed,
            {"validation/accuracy": validation, "test/accuracy": test, "validation/loss": -test},
        )
        for rate, pairs in scores.items()
        for seed, (validation, test) in enumerate(pairs)
    ]


def tuned(small: Scores, large: Scores, **changes: Any) -> Finding:
    study = a_study(a_claim(), grid=TUNED_GRID, **changes)
    return found(study, rates(16, small) + rates(64, large))[0]


def test_tuning_looks_at_validation_and_never_at_test() -> None:
    finding = tuned(HONEST, PLAIN)
    assert finding.seeds["arm"].to_list() == [0.81, 0.82, 0.83]
    assert finding.arm.chosen[RATE].to_list() == [0.1] * 3
    assert finding.arm.best == {RATE: 0.1}
    assert finding.verdict is Verdict.SUPPORTED


def test_each_seed_takes_its_own_level() -> None:
    own = {**HONEST, 1.0: [(0.8, 0.99), (0.95, 0.4), (0.8, 0.99)]}
    finding = tuned(own, PLAIN)
    assert finding.arm.chosen[RATE].to_list() == [0.1, 1.0, 0.1]
    assert finding.seeds["arm"].to_list() == [0.81, 0.4, 0.83]
    assert finding.arm.best == {RATE: 0.1}


def test_a_loss_is_tuned_downwards() -> None:
    finding = tuned(HONEST, PLAIN, select="validation/loss")
    assert finding.arm.chosen[RATE].to_list() == [1.0] * 3


@pytest.mark.parametrize("edge", [0.01, 1.0])
@pytest.mark.parametrize("which", [0, 1])
def test_a_best_level_on_the_edge_of_its_grid_leaves_the_claim_undecided(
    which: int, edge: float
) -> None:
    arms: list[Scores] = [HONEST, PLAIN]
    arms[which] = {**arms[which], edge: [(0.99, 0.9), (0.99, 0.91), (0.99, 0.92)]}
    finding = tuned(arms[0], arms[1])
    assert finding.verdict is Verdict.UNDECIDED
    assert finding.reason.startswith("the best optimizer.lr lies on the edge of its grid")
    assert (finding.arm.on_edge, finding.against.on_edge)[which] == (RATE,)
    assert finding.more_seeds is None


def test_two_levels_have_no_edge() -> None:
    study = a_study(a_claim(), grid=(axis(BATCH, (16, 64)), axis(RATE, (0.01, 0.1))))
    scores = {rate: HONEST[rate] for rate in (0.01, 0.1)}
    (finding,) = found(study, rates(16, scores) + rates(64, PLAIN)[:6])
    assert finding.arm.on_edge == ()
    assert finding.verdict is Verdict.SUPPORTED


def test_a_diverged_level_cannot_be_chosen_and_is_lost() -> None:
    diverged = [
        a_record({BATCH: 16, RATE: 0.1}, seed, {"cost/steps": 1.0}, status=Status.DIVERGED)
        for seed in range(3)
    ]
    scores = {rate: pairs for rate, pairs in HONEST.items() if rate != 0.1}
    study = a_study(a_claim(), grid=TUNED_GRID)
    (finding,) = found(study, rates(16, scores) + diverged + rates(64, PLAIN))
    assert finding.arm.chosen[RATE].to_list() == [1.0] * 3
    assert (finding.arm.lost, finding.arm.trials, finding.trials) == (3, 9, 18)


def test_the_estimate_at_a_shared_level_holds_the_arm_to_what_suits_the_other() -> None:
    large = {**PLAIN, 0.1: [(0.5, 0.5)] * 3, 0.01: [(0.9, 0.6)] * 3}
    finding = tuned(HONEST, large)
    assert finding.against.best == {RATE: 0.01}
    assert finding.shared == pytest.approx(0.5 - 0.6)


def test_without_tuning_there_is_no_shared_level() -> None:
    assert compared(ARM, AGAINST).shared is None


def test_levels_that_are_tuples_are_told_apart_and_tuned() -> None:
    claim = a_claim(arm={WIDTHS: (64,)}, against={WIDTHS: (64, 32)})
    study = a_study(claim, grid=(axis(WIDTHS, ((64,), (64, 32), (8,))),))
    records = [
        *an_arm({WIDTHS: [64]}, ARM),
        *an_arm({WIDTHS: (64, 32)}, AGAINST),
        *an_arm({WIDTHS: [8]}, [0.1] * 5),
    ]
    (finding,) = found(study, records)
    assert finding.estimate == pytest.approx(np.mean(ARM) - np.mean(AGAINST))
    grid = (axis(BATCH, (16, 64)), axis(WIDTHS, ((64,), (64, 32), (8,))))
    tried = [
        a_record(
            {BATCH: batch, WIDTHS: widths},
            seed,
            {"validation/accuracy": score, "test/accuracy": score + batch / 1000 + seed / 500},
        )
        for batch in (16, 64)
        for widths, score in (((64,), 0.5), ((64, 32), 0.8), ((8,), 0.2))
        for seed in range(3)
    ]
    (finding,) = found(a_study(a_claim(), grid=grid), tried)
    assert finding.arm.best == {WIDTHS: (64, 32)}
    assert finding.arm.on_edge == ()
    assert finding.estimate == pytest.approx(-0.048)


# --- How many more seeds ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("differences", "claim"),
    [
        ([0.05, -0.01, 0.04, 0.01, -0.002], a_claim()),
        (NOISY, a_claim(Equivalence, matters=0.05)),
    ],
)
def test_more_seeds_are_the_fewest_with_enough_power(
    differences: list[float], claim: Claim
) -> None:
    finding = differing(differences, claim)
    assert finding.more_seeds is not None
    d = np.array(differences)
    size = abs(d.mean())
    if isinstance(claim, Equivalence):
        size = claim.margin - size
    power = TTestPower().power
    total = finding.n + finding.more_seeds
    assert power(size / d.std(ddof=1), total, 0.05) >= 0.8
    assert power(size / d.std(ddof=1), total - 1, 0.05) < 0.8


# --- The table -------------------------------------------------------------------------------


def test_the_table_has_a_row_for_every_trial_and_imputes_nothing() -> None:
    records = [
        a_record(SMALL, 0, {"test/accuracy": 0.9, "cost/steps": 10.0}),
        a_record(LARGE, 0, {"cost/steps": 3.0}, status=Status.DIVERGED),
        a_record(LARGE, 1, status=Status.FAILED),
    ]
    rows = table(records)
    assert rows["status"].to_list() == ["finished", "diverged", "failed"]
    assert rows["test/accuracy"].isna().to_list() == [False, True, True]
    assert rows["cost/steps"].isna().to_list() == [False, False, True]
    assert rows[BATCH].to_list() == [16, 64, 64]
    assert rows["spent"].to_list() == [2.5] * 3


def test_an_empty_table_is_empty() -> None:
    assert table([]).empty


CURVE = [(0.5, 0.6), (1.0, 0.8), (1.5, 0.79), (2.0, 0.9)]


def priced(target: Target, metric: str = "validation/accuracy", **final: float) -> dict[str, float]:
    paths = {f"cost/{name}": value for name, value in final.items()}
    return price_of_target(a_record(SMALL, 0, paths, curves={metric: CURVE}), target)


def test_the_price_of_a_target_is_that_of_the_first_time_it_is_met() -> None:
    price = priced(Target("validation/accuracy", 0.8), steps=100.0, examples=6400.0, seconds=8.0)
    assert price == pytest.approx(
        {
            "target/epochs": 1.0,
            "target/steps": 50.0,
            "target/examples": 3200.0,
            "target/seconds": 4.0,
        }
    )


def test_a_price_has_seconds_only_where_the_trial_has() -> None:
    price = priced(Target("validation/accuracy", 0.85), steps=100.0)
    assert price == pytest.approx({"target/epochs": 2.0, "target/steps": 100.0})


def test_a_target_that_was_never_met_has_no_price() -> None:
    assert priced(Target("validation/accuracy", 0.95), steps=100.0) == {}
    assert priced(Target("validation/loss", 0.5), steps=100.0) == {}


def test_a_loss_target_is_met_from_above() -> None:
    price = priced(Target("validation/loss", 0.6), "validation/loss", steps=100.0)
    assert price["target/steps"] == pytest.approx(25.0)


def test_a_seed_whose_chosen_trial_never_met_the_target_is_not_measured() -> None:
    claim = a_claim(of="target/epochs", direction="lower", scale="ratio", matters=1.2)
    study = a_study(claim, target=Target("validation/accuracy", 0.8))
    records = [
        a_record(cell, seed, curves={"validation/accuracy": [(1.0, 0.7), (2.0, 0.6 + 0.1 * seed)]})
        for cell in (SMALL, LARGE)
        for seed in range(4)
    ]
    (finding,) = found(study, records)
    assert finding.seeds.index.to_list() == [2, 3]
    assert (finding.n, finding.trials) == (2, 8)


def test_prices_are_columns_of_the_table_and_can_be_claimed() -> None:
    claim = a_claim(of="target/epochs", direction="lower", scale="ratio", matters=1.2)
    study = a_study(claim, target=Target("validation/accuracy", 0.8))
    records = [
        a_record(cell, seed, curves={"validation/accuracy": [(at, 0.8 + seed / 100), (9.0, 0.9)]})
        for cell, at in ((SMALL, 1.0), (LARGE, 4.0))
        for seed in range(3)
    ]
    assert table(records, study.target)["target/epochs"].to_list() == [1.0] * 3 + [4.0] * 3
    (finding,) = found(study, records)
    assert finding.estimate == pytest.approx(0.25)
    assert finding.verdict is Verdict.SUPPORTED


# --- Records and results ---------------------------------------------------------------------


def test_a_record_survives_json() -> None:
    record = a_record(SMALL, 3, {"test/accuracy": 0.1}, curves={"validation/loss": CURVE})
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_record_of_an_older_format_is_read_and_of_a_newer_one_refused() -> None:
    record = a_record(SMALL, 3)
    form = record.to_json()
    older = {**form, "format": 1, "provenance": dict(form["provenance"])}
    del older["provenance"]["cohort"]
    assert Record.from_json(older) == record
    with pytest.raises(ValueError, match=f"^record format 99 is newer than {FORMAT_VERSION}$"):
        Record.from_json(form | {"format": 99})


def record_of(trial: Trial) -> Record:
    return Record(
        id=trial.id,
        study=trial.study,
        part=trial.part,
        cell=dict(trial.cell),
        recipe=canonical(trial.recipe),
        seed=trial.seed,
        alone=trial.alone,
        outcome=Outcome(status=Status.FINISHED, final={"test/accuracy": trial.seed / 10}),
        provenance=PROVENANCE,
    )


def an_execution(**changes: Any) -> Execution:
    given: dict[str, Any] = {
        "study": "example",
        "tier": "laptop",
        "overrides": {},
        "only": {},
        "seeds": 2,
        "trials": [],
        "command": "",
        "started": 0.0,
    }
    return Execution(**(given | changes))


def test_results_are_the_trials_that_the_call_asked_for() -> None:
    study = a_study(grid=(axis(WIDTHS, ((8,), (8, 4))),))
    trials = study.trials(study.grids(seeds=3))
    records = {trial.id: record_of(trial) for trial in trials}
    whole = gather(study, an_execution(seeds=3), records)
    assert (len(whole.records), whole.missing) == (6, 0)
    fewer = gather(study, an_execution(), records)
    assert ({record.seed for record in fewer.records}, fewer.missing) == ({0, 1}, 0)
    more = gather(study, an_execution(seeds=4), records)
    assert (len(more.records), more.missing) == (6, 2)


def test_what_a_call_kept_of_an_axis_is_read_back_from_json() -> None:
    study = a_study(grid=(axis(WIDTHS, ((8,), (8, 4))),))
    records = {trial.id: record_of(trial) for trial in study.trials(study.grids(seeds=2))}
    stored = json.loads(json.dumps({WIDTHS: [(8, 4)]}))
    kept = gather(study, an_execution(only=stored), records)
    assert [record.cell for record in kept.records] == [{WIDTHS: (8, 4)}] * 2
    assert isinstance(kept.table, pd.DataFrame)

"""From records to verdicts, against answers worked out by hand or by SciPy and statsmodels."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from suite import Difference, Equivalence, Part, Study, Target, Threshold, axis
from suite.evidence import Finding, Verdict, findings, table
from suite.evidence.results import gather
from suite.evidence.significance import ALPHA_BEYOND, t_test
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
        lambda: a_claim(matters=1),
        "matters=1 is 100 % of test/accuracy, which is a fraction (did you mean 0.01?)",
    ),
    (
        lambda: Threshold(
            of="test/accuracy",
            arm=SMALL,
            level=50,
            direction="higher",
            matters=0.01,
            says="So.",
            source="notes",
        ),
        "level=50 is 5000 % of test/accuracy, which is a fraction (did you mean 0.5?)",
    ),
    (
        lambda: Target("validation/accuracy", 90),
        "level=90 is 9000 % of validation/accuracy, which is a fraction (did you mean 0.9?)",
    ),
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
        "Equivalence has no field 'direction' (choose from of, says, source, cites, number, "
        "because, part, contexts, matters, scale, arm, against)",
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


@pytest.mark.parametrize("margin", [0.005, 0.02])
def test_an_effect_beyond_the_margin_is_tested_from_both_sides(margin: float) -> None:
    finding = compared(ARM, AGAINST, a_claim(matters=margin))
    d = np.array(ARM) - np.array(AGAINST)
    above = stats.ttest_1samp(d, margin, alternative="greater").pvalue
    below = stats.ttest_1samp(d, -margin, alternative="less").pvalue
    assert finding.p_beyond == pytest.approx(min(1.0, 2 * min(above, below)))


@pytest.mark.parametrize("margins", [[0.02], [0.2, 0.001, 0.05], [0.01, 0.01, 0.3, 0.004]])
def test_every_family_is_corrected_over_the_claims_of_the_study(margins: list[float]) -> None:
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
    for raw in ("p", "p_margin", "p_beyond"):
        adjusted = f"adjusted_{raw}"
        expected = holm([getattr(f, raw) for f in all_found])
        assert [getattr(f, adjusted) for f in all_found] == pytest.approx(expected)


def test_what_is_significant_alone_may_not_be_among_many() -> None:
    d = [0.025, 0.05, 0.04, 0.06, 0.03]
    assert differing(d).verdict is Verdict.SUPPORTED
    against = [0.8 + 0.01 * seed for seed in range(5)]
    records = an_arm(LARGE, against) + an_arm(
        SMALL, [a + x for a, x in zip(against, d, strict=True)]
    )
    claims = [a_claim(says=f"Claim {i}") for i in range(6)]
    assert {f.verdict for f in found(a_study(*claims), records)} == {Verdict.SIZE_OPEN}


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
        (a_claim(matters=0.0085), SURE_BUT_SMALL, Verdict.SIZE_OPEN),
        (a_claim(matters=0.0075), SURE_BUT_SMALL, Verdict.SIZE_OPEN),
        (a_claim(matters=0.0075, direction="lower"), SURE_BUT_SMALL, Verdict.SIZE_OPEN),
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
    assert (finding.more_seeds is not None) == (verdict in (Verdict.UNDECIDED, Verdict.SIZE_OPEN))


def test_what_is_open_says_which_way_the_effect_goes() -> None:
    assert "as claimed" in differing(SURE_BUT_SMALL, a_claim(matters=0.0075)).reason
    other = a_claim(matters=0.0075, direction="lower")
    assert "the other way" in differing(SURE_BUT_SMALL, other).reason


@pytest.mark.parametrize(
    ("arm", "verdict"),
    [([4, 4.2, 3.9], Verdict.SUPPORTED), ([1.01, 0.99, 1.0], Verdict.NO_EFFECT)],
)
def test_a_ratio_is_judged_by_its_factor(arm: list[float], verdict: Verdict) -> None:
    claim = a_claim(of="cost/steps", scale="ratio", matters=1.5)
    assert compared(arm, [1.0, 1.0, 1.0], claim).verdict is verdict


def test_two_seeds_decide_nothing() -> None:
    finding = differing([0.5, 0.5])
    assert (finding.verdict, finding.n) == (Verdict.UNDECIDED, 2)
    assert finding.reason == "a verdict takes 3 seeds measured in both arms; there were 2"


def test_one_seed_decides_nothing() -> None:
    finding = differing([0.5])
    assert (finding.verdict, finding.n) == (Verdict.UNDECIDED, 1)
    assert finding.estimate == pytest.approx(0.5)
    assert all(math.isnan(bound) for bound in finding.interval)
    assert finding.reason == "a verdict takes 3 seeds measured in both arms; there were 1"


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
    finding = compared([0.5 + difference] * 3, [0.5] * 3, a_claim(of="test/loss"))
    assert (finding.verdict, finding.p, finding.p_margin) == (verdict, p, p_margin)
    assert finding.interval == (difference, difference)


def test_seeds_that_agree_to_the_last_image_are_not_certain() -> None:
    """Of 360 images 4 more are right, at every seed: a share of images has a grain."""
    shares = [324 / 360] * 3
    finding = compared([328 / 360] * 3, shares)
    assert finding.verdict is Verdict.UNDECIDED
    low, high = finding.interval
    assert low < 0.01 < high
    assert high - low == pytest.approx(
        2 * stats.t.ppf(0.975, 2) * (4 / 360) / math.sqrt(6) / math.sqrt(3), rel=1e-4
    )


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


def scored(path: str, scores: Mapping[Any, Sequence[float]]) -> Finding:
    """A claim with one tuned axis, whose levels have these validation scores by seed."""
    study = a_study(a_claim(), grid=(axis(BATCH, (16, 64)), axis(path, tuple(scores))))
    records = [
        a_record(
            {BATCH: batch, path: level},
            seed,
            {"validation/accuracy": score, "test/accuracy": score - batch / 500 + seed / 1000},
        )
        for batch in (16, 64)
        for level, of_level in scores.items()
        for seed, score in enumerate(of_level)
    ]
    return found(study, records)[0]


@pytest.mark.parametrize(
    ("path", "levels", "edge"),
    [
        ("optimizer.lr", (0.01, 0.1, 1.0), True),
        ("optimizer.lr", (0.01, 1.0, 0.1), True),  # in whatever order they are written
        ("model.dropout", (0.0, 0.2, 0.5), False),  # nothing lies below 0
        ("optimizer.weight_decay", (0.0, 0.1, 0.2), False),
        ("model.activation", ("relu", "tanh", "sigmoid"), False),  # no order, no edge
        ("model.activation", ("tanh", "sigmoid", "relu"), False),
    ],
)
def test_an_edge_is_an_end_that_a_better_level_may_lie_beyond(
    path: str, levels: tuple[Any, ...], edge: bool
) -> None:
    """The level that was written first, or the largest number, is best by far."""
    best = max(levels) if edge else levels[0]
    scores = {level: [0.9 if level == best else 0.5] * 3 for level in levels}
    finding = scored(path, scores)
    assert finding.arm.on_edge == ((path,) if edge else ())
    assert (finding.verdict is Verdict.UNDECIDED) == edge


def test_an_edge_that_is_better_by_luck_alone_is_none() -> None:
    inner = [0.80, 0.83, 0.79, 0.81, 0.82]
    last = [0.82, 0.80, 0.83, 0.80, 0.81]  # a little better on average, not in pairs
    assert np.mean(last) > np.mean(inner)
    finding = scored(RATE, {0.01: [0.5] * 5, 0.1: inner, 1.0: last})
    assert finding.arm.best == {RATE: 1.0}
    assert finding.arm.on_edge == ()


def test_unequal_tuning_is_said() -> None:
    """One arm could choose among three rates, the other had one."""
    per = axis(RATE, {16: (0.01, 0.1, 1.0), 64: (0.1,)}, per=BATCH)
    study = a_study(a_claim(), grid=(axis(BATCH, (16, 64)), per))
    records = rates(16, HONEST) + rates(64, {0.1: PLAIN[0.1]})
    (finding,) = found(study, records)
    assert (finding.arm.tried, finding.against.tried) == (3, 1)
    assert "3 / 1 tuned levels" in finding.notes[0]
    assert tuned(HONEST, PLAIN).notes == ()


# --- What is not there, and what is the same -------------------------------------------------


def with_lost(differences: Sequence[float], lost: int, claim: Claim | None = None) -> Finding:
    """Seeds with these differences, and further ones whose arm diverged."""
    n = len(differences)
    against = [0.8 + 0.001 * seed for seed in range(n + lost)]
    records = [
        *an_arm(SMALL, [a + d for a, d in zip(against, differences, strict=False)]),
        *(a_record(SMALL, n + seed, status=Status.DIVERGED) for seed in range(lost)),
        *an_arm(LARGE, against),
    ]
    return found(a_study(claim or a_claim()), records)[0]


def test_a_verdict_holds_whatever_lost_seeds_might_have_measured() -> None:
    sure = with_lost(LARGE_UP * 2, 0)
    assert (sure.verdict, sure.n, sure.asked) == (Verdict.SUPPORTED, 10, 10)
    assert sure.ends == (sure.estimate, sure.estimate)
    lost = with_lost(LARGE_UP * 2, 1)
    assert (lost.verdict, lost.n, lost.asked) == (Verdict.UNDECIDED, 10, 11)
    assert lost.reason.startswith("1 of 11 seeds lack a value")
    # At accuracies of 0 and 1 for the arm that was lost.
    whole = 10 * lost.estimate
    assert lost.ends == pytest.approx(((whole - 0.81) / 11, (whole + 0.19) / 11))
    assert any("1 of 11 seeds lack a value" in note for note in lost.notes)


def test_a_lost_seed_cannot_turn_what_holds_at_both_ends() -> None:
    """What was measured lies so far apart that no accuracy of one seed can matter."""
    small = with_lost(LARGE_UP * 200, 1)
    assert small.verdict is Verdict.SUPPORTED


def test_equal_weights_are_one_computation() -> None:
    """Adam and AdamW without decay, say: nothing was compared, and equality is no finding."""

    def same(digests: Callable[[int], str]) -> Finding:
        records = [
            dataclasses.replace(
                one,
                outcome=dataclasses.replace(one.outcome, weights_digest=digests(one.seed)),
            )
            for one in an_arm(SMALL, ARM) + an_arm(LARGE, ARM)
        ]
        return found(a_study(a_claim(Equivalence)), records)[0]

    finding = same(lambda seed: f"{seed}" * 64)
    assert finding.verdict is Verdict.UNDECIDED
    assert (
        finding.reason == "both arms ended in the same weights, bit for bit: nothing was compared"
    )
    assert math.isnan(finding.adjusted_p)  # and it takes nothing from the study's other claims
    # Probes train nothing: that what they measure is equal is all that is known.
    assert same(lambda seed: "").verdict is Verdict.SUPPORTED


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
def test_so_many_more_seeds_decide_with_a_chance_of_80_percent(
    differences: list[float], claim: Claim
) -> None:
    finding = differing(differences, claim)
    assert finding.more_seeds is not None
    d, more = np.array(differences), finding.more_seeds
    assert share_decided(d, more, claim.margin) >= 0.77
    assert share_decided(d, more // 2, claim.margin) < 0.8


def share_decided(d: Any, more: int, margin: float, draws: int = 2000) -> float:
    """How often d and `more` further seeds are decided, small effects being commoner than large."""
    rng, n = np.random.default_rng(5), len(d)
    decided = whole_weight = 0.0
    for _ in range(draws):
        spread = d.std(ddof=1) * math.sqrt((n - 1) / rng.chisquare(n - 1))
        truth = rng.normal(d.mean(), spread / math.sqrt(n))
        whole = np.append(d, rng.normal(truth, spread, more))
        test = t_test(whole, margin)
        weight = abs(truth) ** -0.5
        whole_weight += weight
        decided += weight * (test.p_beyond < ALPHA_BEYOND or test.p_margin < 0.05)
    return decided / whole_weight


def test_advice_counts_the_claims_that_share_the_error_rate() -> None:
    def advice(other: float) -> int:
        """Return it for a claim about levels 16 and 64, beside four more that differ by `other`."""
        values = {16: [0.85, 0.79, 0.84, 0.81, 0.80], 64: [0.8] * 5}
        for level in range(1, 5):
            values[level] = [0.8 + other + wiggle for wiggle in (0, 1e-4, -1e-4, 2e-4, 1e-4)]
        others = (a_claim(arm={BATCH: level}, against={BATCH: 64}) for level in range(1, 5))
        grid = (axis(BATCH, (1, 2, 3, 4, 16, 64)),)
        records = [one for level, some in values.items() for one in an_arm({BATCH: level}, some)]
        more = found(a_study(a_claim(), *others, grid=grid), records)[0].more_seeds
        assert more is not None
        return more

    # Decided as large, the others no longer share the error rate of "larger than what matters".
    assert advice(0.3) < advice(0.0101)


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


def never(reached: Mapping[str, Sequence[bool]]) -> Finding:
    """Arms whose seeds reach a target after one epoch, or never."""
    claim = a_claim(of="target/epochs", direction="lower", scale="ratio", matters=1.2)
    study = a_study(claim, target=Target("validation/accuracy", 0.8))
    records = [
        a_record(cell, seed, curves={"validation/accuracy": [(1.0, 0.9 if one else 0.7)]})
        for cell, name in ((SMALL, "arm"), (LARGE, "against"))
        for seed, one in enumerate(reached[name])
    ]
    return found(study, records)[0]


def test_a_target_that_was_never_met_is_later_than_any_that_was() -> None:
    one_way = never({"arm": [True] * 10, "against": [False] * 10})
    assert (one_way.n, one_way.asked, one_way.verdict) == (10, 10, Verdict.SUPPORTED)
    assert one_way.estimate == 0.0
    assert "10 of 10 seeds never reached" in one_way.notes[0]
    other = never({"arm": [False] * 10, "against": [True] * 10})
    assert other.verdict is Verdict.REFUTED
    assert math.isinf(other.estimate)
    # Where neither came to it, neither was earlier: those that did no longer speak for all.
    survivors = never({"arm": [True] * 3 + [False] * 7, "against": [False] * 10})
    assert survivors.verdict is Verdict.UNDECIDED
    assert survivors.p > 0.05


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

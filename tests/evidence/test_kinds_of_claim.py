"""Known answers for every kind of claim, and for probes, from the study to the verdict."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from suite import (
    Data,
    Difference,
    Identity,
    Interaction,
    Ordering,
    Part,
    Rate,
    Recipe,
    Study,
    Threshold,
    Trend,
    Within,
    axis,
    define_metric,
)
from suite.evidence import Verdict, findings
from suite.evidence.contrasts import contrast
from suite.execution.sequential import Sequential
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.training.evaluation import measure
from suite.training.losses import loss_of
from suite.vocabulary import discovery
from suite.vocabulary.claims import Claim
from suite.vocabulary.metrics import METRICS
from suite.vocabulary.record import Outcome, Provenance, Record, Status
from tests.command_line import make_study

VALUE = define_metric("test_kinds/value", "a value")
LOSS_A, LOSS_B = {"loss": "cross_entropy"}, {"loss": "mse_one_hot"}
COMMON: dict[str, Any] = {"of": VALUE, "says": "It does.", "source": ""}
NOWHERE = Provenance(
    commit="", dirty=False, packages={}, python="", platform="", processor="", device="cpu",
    strategy="", workers=1, threads=1, command="", started=0.0, finished=1.0,
)  # fmt: skip


def finding(values: Callable[[Mapping[str, Any], int], float], claim: Claim, seeds: int = 6) -> Any:
    """Put a claim to results in which each cell and seed has a given value."""
    study = Study(
        "t",
        probe=lambda cell, seed: {VALUE: values(cell, seed)},
        grid=(axis("x", (1, 2, 4)), axis("y", ("a", "b"))),
        seeds=seeds,
        claims=(claim,),
    )
    records = []
    for trial in study.trials(study.grids()):
        value = values(trial.cell, trial.seed)
        bad = not np.isfinite(value)
        outcome = Outcome(
            status=Status.DIVERGED if bad else Status.FINISHED, final={} if bad else {VALUE: value}
        )
        records.append(
            Record(
                id=trial.id, study="t", part="main", cell=dict(trial.cell),
                recipe=canonical(trial.recipe), seed=trial.seed, alone=False, outcome=outcome,
                provenance=NOWHERE,
            )
        )  # fmt: skip
    (found,) = findings(study, study.grids(), records)
    return found


def noise(cell: Mapping[str, Any], seed: int) -> float:
    return float(np.random.default_rng([seed, cell["x"], ord(cell["y"])]).normal(0, 0.01))


def test_a_trend_is_a_slope_a_seed() -> None:
    claim = Trend(over="x", per="doubling", arm={"y": "a"}, direction="higher", matters=1, **COMMON)
    found = finding(lambda cell, seed: 3 * np.log2(cell["x"]) + seed + noise(cell, seed), claim)
    assert found.verdict is Verdict.SUPPORTED
    assert found.estimate == pytest.approx(3, abs=0.02)
    assert found.n == 6


def test_a_trend_by_ratio_gives_a_factor() -> None:
    claim = Trend(
        over="x", per="doubling", arm={"y": "a"}, direction="lower", matters=1.1,
        scale="ratio", **COMMON,
    )  # fmt: skip
    found = finding(lambda cell, seed: (1 + seed) * cell["x"] ** -2.0, claim)
    assert found.estimate == pytest.approx(0.25)
    assert found.verdict is Verdict.SUPPORTED


def test_an_ordering_is_a_rank_correlation_a_seed() -> None:
    claim = Ordering(over="x", arm={"y": "a"}, direction="higher", **COMMON)
    values = pd.DataFrame([[1.0, 5.0, 6.0], [1.0, 7.0, 6.0], [3.0, 2.0, 1.0], [2.0, 2.0, 2.0]])
    by_hand = [1, 1 / 3, -1, 0]
    assert contrast(claim, values, (1, 2, 4)) == pytest.approx(by_hand)
    assert finding(lambda cell, seed: cell["x"], claim).verdict is Verdict.SUPPORTED
    assert finding(lambda cell, seed: -cell["x"], claim).verdict is Verdict.REFUTED


def two_levels(in_order: int, seeds: int) -> Any:
    """Find an order of levels 1 and 2 that so many seeds have."""
    claim = Ordering(over="x", direction="higher", arm={"y": "a"}, **COMMON)
    study = Study(
        "t",
        probe=lambda cell, seed: {},
        grid=(axis("x", (1, 2)), axis("y", ("a",))),
        seeds=seeds,
        claims=(claim,),
    )
    records = [
        Record(
            id=trial.id, study="t", part="main", cell=dict(trial.cell), recipe={}, seed=trial.seed,
            alone=False, provenance=NOWHERE,
            outcome=Outcome(
                status=Status.FINISHED,
                final={VALUE: (1.0 if trial.seed < in_order else -1.0) * trial.cell["x"]},
            ),
        )
        for trial in study.trials(study.grids())
    ]  # fmt: skip
    (found,) = findings(study, study.grids(), records)
    return found


def test_an_order_of_two_levels_is_tested_by_its_signs() -> None:
    found = two_levels(14, 16)
    exact = stats.binomtest(14, 16)
    assert found.p == pytest.approx(exact.pvalue)
    assert found.p_beyond == pytest.approx(
        2 * stats.binomtest(14, 16, 0.75, alternative="greater").pvalue
    )
    low, high = exact.proportion_ci(0.95, method="exact")
    assert found.interval == pytest.approx((2 * low - 1, 2 * high - 1))


def test_five_seeds_in_the_same_order_of_two_levels_may_be_luck() -> None:
    assert two_levels(5, 5).verdict is Verdict.UNDECIDED
    assert two_levels(16, 16).verdict is Verdict.SUPPORTED


def test_orders_that_agree_are_no_certainty() -> None:
    # Of six orders of three levels two have this rank correlation: three seeds agree by chance.
    claim = Ordering(over="x", direction="higher", matters=0.1, arm={"y": "a"}, **COMMON)
    found = finding(lambda cell, seed: {1: 0.0, 2: 2.0, 4: 1.0}[cell["x"]], claim, seeds=3)
    assert found.estimate == pytest.approx(1 / 3)
    assert found.verdict is Verdict.UNDECIDED
    assert found.interval[0] < 0 < found.interval[1]


def test_an_interaction_is_a_difference_of_differences() -> None:
    claim = Interaction(
        arm={"x": 4}, against={"x": 1}, within={"y": "b"}, without={"y": "a"},
        direction="higher", matters=1, **COMMON,
    )  # fmt: skip
    found = finding(
        lambda cell, seed: cell["x"] * (2 if cell["y"] == "b" else 1) + noise(cell, seed), claim
    )
    assert found.estimate == pytest.approx(3, abs=0.05)
    assert found.verdict is Verdict.SUPPORTED
    none = finding(lambda cell, seed: cell["x"] + noise(cell, seed), claim)
    assert none.verdict is Verdict.NO_EFFECT


@pytest.mark.parametrize(
    ("level", "verdict"),
    [(1, Verdict.SUPPORTED), (5, Verdict.REFUTED), (3, Verdict.NO_EFFECT)],
)
def test_a_threshold_is_a_distance_to_a_level(level: float, verdict: Verdict) -> None:
    claim = Threshold(
        arm={"x": 1, "y": "a"}, level=level, direction="higher", matters=0.5, **COMMON
    )
    found = finding(lambda cell, seed: 3 + noise(cell, seed), claim)
    assert found.verdict is verdict
    assert found.estimate == pytest.approx(3 - level, abs=0.05)


def test_a_rate_has_an_exact_interval() -> None:
    claim = Rate(arm={"x": 1, "y": "a"}, event="diverged", than=0.5, direction="higher", **COMMON)
    found = finding(lambda cell, seed: np.nan if seed < 9 else 1.0, claim, seeds=10)
    low, high = stats.beta.ppf([0.025, 0.975], [9, 10], [2, 1])
    assert (found.estimate, found.n) == (0.9, 10)
    assert found.interval == pytest.approx((low, high))
    assert found.p == pytest.approx(22 / 1024)
    assert found.verdict is Verdict.SUPPORTED


def test_a_rate_may_count_seeds_that_reach_a_level() -> None:
    claim = Rate(
        arm={"x": 1, "y": "a"}, event="reached", level=5, than=0.5, direction="higher", **COMMON
    )
    found = finding(lambda cell, seed: 6.0 if seed == 0 else 1.0, claim, seeds=10)
    assert found.estimate == 0.1
    assert found.verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    ("outside", "p", "verdict"),
    [(0, 1.0, "supported"), (1, 1 - 78 * 79 / (81 * 82), "undecided"), (3, None, "refuted")],
)
def test_a_published_range_holds_every_seed_or_all_but_what_luck_explains(
    outside: int, p: float | None, verdict: str
) -> None:
    claim = Within(arm={"x": 1, "y": "a"}, low=0.8, high=0.9, runs=79, **COMMON)
    ends = (0.8, 0.9, 0.85)
    found = finding(
        lambda cell, seed: (np.nan, 0.7, 0.95)[seed] if seed < outside else ends[seed], claim, 3
    )
    assert found.estimate == pytest.approx(1 - outside / 3)
    assert (str(found.verdict), found.n) == (verdict, 3)
    if p is not None:
        # All of 3 more draws lie inside the range of 79: (78·79) of (81·82) places for the ends.
        assert found.p == pytest.approx(p)


def test_a_range_needs_three_seeds_and_its_ends_in_order() -> None:
    claim = Within(arm={"x": 1, "y": "a"}, low=0.8, high=0.9, runs=79, **COMMON)
    assert finding(lambda cell, seed: 0.85, claim, 2).verdict is Verdict.UNDECIDED
    with pytest.raises(RequestError, match=r"^low must be below high: claim 'It does.'$"):
        Within(low=0.9, high=0.9, **COMMON)


def test_a_part_of_another_tier_has_no_trials_and_its_claims_are_not_in_the_family() -> None:
    fields: dict[str, Any] = {"direction": "higher", "matters": 0.1, **COMMON}
    arms: dict[str, Any] = {"arm": {"x": 1}, "against": {"x": 2}}
    grid: Any = {"grid": (axis("x", (1, 2)),), "probe": lambda cell, seed: {}}
    study = Study(
        "t", **grid, seeds=3,
        parts=(Part("far", **grid, tiers=("full",)),),
        claims=(Difference(**arms, **fields), Difference(part="far", **arms, **fields)),
    )  # fmt: skip
    assert [grid.seeds for grid in study.grids(seeds=5)] == [5, 0]
    assert [grid.seeds for grid in study.grids("full")] == [3, 3]
    near, far = findings(study, study.grids(), [])
    assert np.isnan(far.p) and not np.isnan(near.p)
    assert far.reason == "this run has no trials of one of the arms"


@pytest.mark.parametrize(("worst", "verdict"), [(1e-7, "supported"), (1e-5, "refuted")])
def test_an_identity_looks_at_the_largest_deviation_of_all_trials(
    worst: float, verdict: str
) -> None:
    claim = Identity(tolerance=1e-6, **COMMON)
    found = finding(lambda cell, seed: -worst if (cell["x"], seed) == (4, 3) else 0.0, claim)
    assert found.estimate == worst
    assert str(found.verdict) == verdict


def test_an_untested_identity_does_not_count_in_holms_family() -> None:
    claims = (
        Identity(**COMMON),
        Difference(arm={"x": 1, "y": "a"}, against={"x": 1, "y": "b"}, direction="higher",
                   matters=0.1, **COMMON),
    )  # fmt: skip
    study = Study(
        "t", probe=lambda cell, seed: {}, grid=(axis("x", (1, 2)), axis("y", ("a", "b"))),
        claims=claims,
    )  # fmt: skip
    identity, difference = findings(study, study.grids(), [])
    assert np.isnan(identity.adjusted_p)
    assert difference.adjusted_p == difference.p


def test_a_probes_claim_names_every_axis() -> None:
    claim = Difference(arm={"x": 1}, against={"x": 2}, direction="higher", matters=1, **COMMON)
    with pytest.raises(RequestError, match="must name a level of y: nothing is tuned"):
        finding(noise, claim)


def test_a_metric_keeps_its_meaning() -> None:
    assert define_metric("test_kinds/value", "a value") == VALUE
    with pytest.raises(RequestError, match="already: a value"):
        define_metric("test_kinds/value", "another value")
    assert METRICS[VALUE].words == "a value"


PROBE_STUDY = '''
"""A probe."""

from suite import Rate, Study, Threshold, axis, define_metric, lines

ROOT = define_metric("probe/root", "a square root")

def root(cell, seed):
    """Take a root."""
    if cell["of"] == 0:
        raise ZeroDivisionError("nothing to take")
    return {ROOT: cell["of"] ** 0.5 if cell["of"] > 0 else float("nan")}

study = Study(
    title="Roots", probe=root, grid=(axis("of", (-1, 0, 4)),), seeds=12,
    claims=(
        Rate(of=ROOT, arm={"of": -1}, event="diverged", direction="higher", says="N", source=""),
        Rate(of=ROOT, arm={"of": 0}, event="failed", direction="higher", says="F", source=""),
        Threshold(of=ROOT, arm={"of": 4}, level=1.9, direction="higher", matters=0.05, says="T",
                  source=""),
    ),
    views=(lines(ROOT, over="of"),),
)
'''


def test_a_changed_probe_is_another_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_study(tmp_path, PROBE_STUDY, "roots")
    before = ids("roots")
    make_study(tmp_path, PROBE_STUDY.replace("0.5", "0.25"), "roots")
    assert not before & ids("roots")


def ids(name: str) -> set[str]:
    study = discovery.load(name)
    return {trial.id for trial in study.trials(study.grids())}


def test_a_probe_that_raises_is_a_failed_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_study(tmp_path, PROBE_STUDY, "roots")
    study = discovery.load("roots")
    with Sequential("cpu") as strategy:
        ends = [str(one.outcome.status) for one in strategy.run_alone(study.trials(study.grids()))]
    assert ends[:3] == ["diverged", "failed", "finished"]


DRAWING_STUDY = '''
"""A probe that draws from every generator there is, and seeds none."""

from suite import Study, axis, define_metric

NAMES = ["python", "numpy", "torch"]
for name in NAMES:
    define_metric(f"drawn/{name}", f"a number from {name}")


def draw(cell, seed):
    import random

    import numpy as np
    import torch

    drawn = random.random(), np.random.rand(), float(torch.rand(()))
    return {f"drawn/{name}": one for name, one in zip(NAMES, drawn)}


study = Study("Drawing", probe=draw, grid=(axis("x", (1,)),), seeds=2)
'''


def test_every_global_generator_is_the_trial_s_own_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_study(tmp_path, DRAWING_STUDY, "drawing")
    monkeypatch.chdir(tmp_path)
    with mock.patch.dict(METRICS):
        study = discovery.load("drawing")
        trials = study.trials(study.grids())
        with Sequential("cpu") as strategy:
            before = states()
            first = [one.outcome.final for one in strategy.run((trial,) for trial in trials)]
            assert states() == before
            random.random(), np.random.rand(), torch.rand(3)
            again = [one.outcome.final for one in strategy.run((trial,) for trial in trials[::-1])]
    assert again[::-1] == first
    assert all(
        one != other for one, other in zip(first[0].values(), first[1].values(), strict=True)
    )


def states() -> tuple[Any, ...]:
    """Return where the global generators stand."""
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()


def test_an_identity_that_lost_a_trial_is_not_supported() -> None:
    zero = Identity(tolerance=1e-9, **COMMON)
    assert finding(lambda cell, seed: 0.0, zero).verdict is Verdict.SUPPORTED
    lost = finding(lambda cell, seed: np.nan if seed == 3 and cell["x"] == 2 else 0.0, zero)
    assert (lost.verdict, lost.lost) == (Verdict.UNDECIDED, 2)
    assert lost.reason == "a trial did not finish, or did not measure it"
    wrong = finding(lambda cell, seed: np.nan if seed == 3 else 1.0, zero)
    assert wrong.verdict is Verdict.REFUTED


RATIO = Difference(
    arm={"x": 1, "y": "a"}, against={"x": 2, "y": "a"}, direction="higher", scale="ratio",
    matters=1.5, **COMMON,
)  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (-0.25, "-0.25")])
def test_a_ratio_of_what_is_not_positive_names_the_seed(value: float, shown: str) -> None:
    found = finding(lambda cell, seed: value if (cell["x"], seed) == (2, 4) else 2.0 + seed, RATIO)
    assert found.verdict is Verdict.UNDECIDED
    assert found.reason == f"a ratio needs values above 0, and seed 4 measured {shown}"
    assert found.more_seeds is None


def test_a_ratio_larger_than_numbers_are_is_infinite() -> None:
    found = finding(
        lambda cell, seed: 10.0 ** (200 if cell["x"] == 1 else -200) * (1 + seed), RATIO
    )
    assert (found.estimate, found.verdict) == (np.inf, Verdict.SUPPORTED)


def test_an_order_of_one_level_is_no_order() -> None:
    claim = Ordering(over="x", arm={"y": "a"}, direction="higher", **COMMON)
    study = Study(
        "t", probe=noise_probe, grid=(axis("x", (1, 2)), axis("y", ("a", "b"))), seeds=4,
        claims=(claim,),
    )  # fmt: skip
    grids = study.grids(only={"x": (2,)})
    records = [
        Record(
            id=trial.id, study="t", part="main", cell=dict(trial.cell), seed=trial.seed, alone=False,
            recipe=canonical(trial.recipe), provenance=NOWHERE,
            outcome=Outcome(status=Status.FINISHED, final={VALUE: 1.0 + trial.seed}),
        )
        for trial in study.trials(grids)
    ]  # fmt: skip
    (found,) = findings(study, grids, records)
    assert found.verdict is Verdict.UNDECIDED
    assert found.reason == "there is one level only, and so no order"


def noise_probe(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    return {VALUE: noise(cell, seed)}


def of_losses(select: str, metric: str, **arms: Any) -> Study:
    return Study(
        "t",
        recipe=Recipe(data=Data("digits"), metrics=("cross_entropy",)),
        grid=(axis("loss", ("cross_entropy", "mse_one_hot")), axis("batch_size", (16, 64))),
        select=select,
        claims=(
            Difference(
                of=metric, direction="higher", matters=0.1, says="It does.", source="",
                **(arms or {"arm": {"batch_size": 16}, "against": {"batch_size": 64}}),
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("select", "metric", "arms"),
    [
        ("validation/accuracy", "test/loss", {"arm": LOSS_A, "against": LOSS_B}),
        ("validation/accuracy", "test/loss", {}),
        ("validation/loss", "test/accuracy", {}),
    ],
)
def test_losses_on_different_scales_are_not_compared_nor_tuned_by(
    select: str, metric: str, arms: Mapping[str, Any]
) -> None:
    with pytest.raises(
        RequestError, match="another scale at each level of axis 'loss': take '.*/cross"
    ):
        of_losses(select, metric, **arms)


def test_a_common_measure_of_losses_can_be_compared() -> None:
    of_losses("validation/cross_entropy", "test/cross_entropy")
    of_losses("validation/accuracy", "test/cross_entropy", arm=LOSS_A, against=LOSS_B)
    of_losses(
        "validation/accuracy",
        "test/loss",
        arm={"batch_size": 16, **LOSS_B},
        against={"batch_size": 64, **LOSS_B},
    )


def test_the_common_measure_is_that_of_the_softmax_whatever_was_trained() -> None:
    outputs, targets = torch.randn(8, 3), torch.arange(8) % 3
    recipe = Recipe(loss="mse_one_hot", metrics=("cross_entropy",))
    measured = measure(outputs, targets, loss_of(recipe.loss), "test/", recipe.metrics)
    expected = -torch.log_softmax(outputs, 1)[torch.arange(8), targets].mean()
    assert measured["test/cross_entropy"] == pytest.approx(float(expected))
    assert measured["test/loss"] != measured["test/cross_entropy"]

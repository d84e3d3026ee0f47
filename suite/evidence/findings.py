"""Verdicts: direction, significance and a size that matters, all three, from paired replicates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from suite.claims import Claim, Difference, Equivalence
from suite.evidence.arms import ArmValues, arm_values
from suite.evidence.table import table
from suite.record import Record
from suite.study import Grid, Study

ALPHA = 0.05
POWER = 0.8
MOST_SEEDS = 1000


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    NO_EFFECT = "no meaningful effect"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim and what became of it.

    Attributes:
        estimate: arm minus against in the metric's unit, or their ratio.
        interval: its 95 % confidence interval.
        n: paired seeds.
        p, adjusted_p: of no difference, two-sided t test, raw and after Holm's correction over
            the study's claims.
        p_margin, adjusted_p_margin: of a difference of at least the margin (two one-sided tests),
            likewise.
        seeds: one row a seed, with columns `arm` and `against`.
        arm, against: what the two arms were, after tuning.
        trials: how many trials the finding rests on, and `lost` how many of them did not finish.
        spent: seconds of process time they took.
        shared: the estimate when both arms use the level tuned for `against`; None where nothing
            was tuned in both, or trials are missing.
        more_seeds: how many more would decide it with 80 % power; None where it is decided or
            where more would not help.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    estimate: float
    interval: tuple[float, float]
    n: int
    p: float
    adjusted_p: float
    p_margin: float
    adjusted_p_margin: float
    seeds: pd.DataFrame
    arm: ArmValues
    against: ArmValues
    trials: int
    lost: int
    spent: float
    shared: float | None
    more_seeds: int | None


@dataclass(frozen=True)
class _Test:
    """The t tests of one claim, on the scale that is analysed."""

    mean: float
    low: float
    high: float
    sd: float
    p: float
    p_margin: float


def findings(study: Study, grids: Sequence[Grid], records: Iterable[Record]) -> list[Finding]:
    """Return a finding for every claim of the study, in order.

    Tests are paired by seed; n counts seeds. Two families, "there is a difference" and "it is
    smaller than what matters", are each corrected by Holm's method over the study's claims.
    """
    rows = table(records, study.target)
    by_name = {grid.name: grid for grid in grids}
    measured = [_measure(claim, by_name[claim.part], rows, study.select) for claim in study.claims]
    tests = [
        _test(claim, seeds) for claim, (_, _, seeds) in zip(study.claims, measured, strict=True)
    ]
    holm = _holm([test.p for test in tests])
    holm_margin = _holm([test.p_margin for test in tests])
    return [
        _decide(study, by_name[claim.part], rows, claim, arms, test, p, p_margin)
        for claim, arms, test, p, p_margin in zip(
            study.claims, measured, tests, holm, holm_margin, strict=True
        )
    ]


_Arms = tuple[ArmValues, ArmValues, pd.DataFrame]


def _measure(claim: Claim, grid: Grid, rows: pd.DataFrame, select: str) -> _Arms:
    part = rows[rows["part"] == grid.name] if len(rows) else pd.DataFrame(columns=_COLUMNS)
    part = part.reindex(columns=list(dict.fromkeys([*part.columns, *(a.path for a in grid.axes)])))
    arm = arm_values(part, grid, claim.arm, claim.of, select)
    against = arm_values(part, grid, claim.against, claim.of, select)
    seeds = pd.DataFrame({"arm": arm.values, "against": against.values}).dropna()
    return arm, against, seeds


_COLUMNS = ["id", "part", "seed", "status", "error", "spent"]


def differences(claim: Claim, seeds: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return arm minus against by seed, of logarithms on a ratio scale."""
    arm, against = seeds["arm"].to_numpy(float), seeds["against"].to_numpy(float)
    if claim.scale == "ratio":
        arm, against = np.log(arm), np.log(against)
    return np.asarray(arm - against)


def _test(claim: Claim, seeds: pd.DataFrame) -> _Test:
    d = differences(claim, seeds)
    if len(d) < 2:
        mean = float(d.mean()) if len(d) else math.nan
        return _Test(mean, math.nan, math.nan, math.nan, 1.0, 1.0)
    mean, sd = float(d.mean()), float(d.std(ddof=1))
    if sd <= 1e-12 * max(1.0, abs(mean)):
        # Every seed gave the same difference: no t test can be made, and none is needed.
        return _Test(mean, mean, mean, 0.0, float(mean == 0.0), float(abs(mean) >= claim.margin))
    result = stats.ttest_1samp(d, 0.0)
    low, high = result.confidence_interval(1 - ALPHA)
    above = stats.ttest_1samp(d, -claim.margin, alternative="greater").pvalue
    below = stats.ttest_1samp(d, claim.margin, alternative="less").pvalue
    return _Test(mean, float(low), float(high), sd, float(result.pvalue), float(max(above, below)))


def _holm(p_values: list[float]) -> list[float]:
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def _decide(
    study: Study,
    grid: Grid,
    rows: pd.DataFrame,
    claim: Claim,
    arms: _Arms,
    test: _Test,
    adjusted_p: float,
    adjusted_p_margin: float,
) -> Finding:
    arm, against, seeds = arms
    verdict, reason, helped = _verdict(claim, arms, test, adjusted_p, adjusted_p_margin)
    undo = math.exp if claim.scale == "ratio" else float
    return Finding(
        claim=claim,
        verdict=verdict,
        reason=reason,
        estimate=undo(test.mean),
        interval=(undo(test.low), undo(test.high)),
        n=len(seeds),
        p=test.p,
        adjusted_p=adjusted_p,
        p_margin=test.p_margin,
        adjusted_p_margin=adjusted_p_margin,
        seeds=seeds,
        arm=arm,
        against=against,
        trials=arm.trials + against.trials,
        lost=arm.lost + against.lost,
        spent=arm.spent + against.spent,
        shared=_at_shared_level(claim, grid, rows, study.select, arm, against),
        more_seeds=_more_seeds(claim, test, len(seeds), len(study.claims)) if helped else None,
    )


def _verdict(
    claim: Claim, arms: _Arms, test: _Test, p: float, p_margin: float
) -> tuple[Verdict, str, bool]:
    """Return the verdict, its reason, and whether more seeds would help."""
    arm, against, seeds = arms
    if not arm.trials or not against.trials:
        return Verdict.UNDECIDED, "this run has no trials of one of the arms", False
    if len(seeds) < 2:
        why = f"an interval needs two seeds measured in both arms; there were {len(seeds)}"
        return Verdict.UNDECIDED, why, False
    edge = sorted({*arm.on_edge, *against.on_edge})
    if edge:
        why = f"the best {edge[0]} lies on the edge of its grid, so a better one may lie beyond"
        return Verdict.UNDECIDED, why, False
    size = abs(test.mean) >= claim.margin
    if isinstance(claim, Equivalence):
        if p_margin < ALPHA:
            return Verdict.SUPPORTED, "any difference is smaller than what matters", False
        if p < ALPHA and size:
            return Verdict.REFUTED, "there is a difference, and it is large enough to matter", False
        return Verdict.UNDECIDED, "the interval reaches beyond what matters", True
    return _verdict_of_difference(claim, test, p, p_margin, size)


def _verdict_of_difference(
    claim: Difference, test: _Test, p: float, p_margin: float, size: bool
) -> tuple[Verdict, str, bool]:
    as_claimed = (test.mean > 0) == (claim.direction == "higher")
    if p < ALPHA and size and as_claimed:
        return Verdict.SUPPORTED, "the difference is as claimed and large enough to matter", False
    if p < ALPHA and size:
        return Verdict.REFUTED, "the difference is the other way, and large enough to matter", False
    if p_margin < ALPHA:
        return Verdict.NO_EFFECT, "any difference is smaller than what matters", False
    if p < ALPHA:
        return Verdict.UNDECIDED, "there is a difference, but it may be too small to matter", True
    return Verdict.UNDECIDED, "the interval holds both no effect and one that matters", True


def _more_seeds(claim: Claim, test: _Test, n: int, family: int) -> int | None:
    """Return how many more seeds give 80 % power for an effect of the size seen or that matters."""
    size = max(abs(test.mean), claim.margin)
    if isinstance(claim, Equivalence) or abs(test.mean) < claim.margin / 2:
        size = abs(claim.margin - abs(test.mean))
    if size == 0.0 or test.sd == 0.0:
        return None
    power = TTestPower().power
    enough = (
        total
        for total in range(max(n + 1, 3), MOST_SEEDS)
        if power(size / test.sd, total, ALPHA / family) >= POWER
    )
    return next(enough, MOST_SEEDS) - n


def _at_shared_level(
    claim: Claim, grid: Grid, rows: pd.DataFrame, select: str, arm: ArmValues, against: ArmValues
) -> float | None:
    """Return the estimate with `arm` held at the levels that were best for `against`."""
    shared = {path: level for path, level in against.best.items() if path in arm.best}
    if not shared or claim.part != grid.name:
        return None
    fixed = dataclasses.replace(
        claim, arm={**claim.arm, **shared}, against={**claim.against, **shared}
    )
    seeds = _measure(fixed, grid, rows, select)[2]
    if len(seeds) < 2:
        return None
    mean = float(differences(claim, seeds).mean())
    return math.exp(mean) if claim.scale == "ratio" else mean

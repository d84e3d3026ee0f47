"""Claims about the size of an effect, decided by t tests over seeds.

A kind of claim has a file with these verbs: `count` its seeds, `test` them, and say the `verdict`.
"""

from __future__ import annotations

import dataclasses

import pandas as pd

from suite.evidence.contrasts import Measured, measure_arms
from suite.evidence.reasons import Reason, Verdict
from suite.evidence.significance import ALPHA, Test, from_logarithm, seeds_needed, t_test
from suite.ground.wording import worded
from suite.vocabulary.claims import Difference, Equivalence, Ordering, Tested, Trend
from suite.vocabulary.grid import Grid


def count(measured: Measured) -> int:
    """Return how many seeds have a value in every arm."""
    return len(measured.seeds)


def test(claim: Tested, measured: Measured) -> Test:
    """Test the contrast against nothing, and against what matters."""
    return t_test(measured.contrast, claim.margin)


def verdict(
    claim: Tested, measured: Measured, test: Test, p: float, p_margin: float
) -> tuple[Verdict, str]:
    """Decide by the adjusted p values and the estimate's size, if seeds and levels allow it."""
    arms, n = measured.arms.values(), count(measured)
    if n < 2:
        pattern = Reason.SEEDS_IN_BOTH if len(arms) == 2 else Reason.SEEDS_IN_ALL
        return Verdict.UNDECIDED, worded(pattern, n=str(n))
    if isinstance(claim, Ordering | Trend) and len(arms) < 2:
        return Verdict.UNDECIDED, Reason.ONE_LEVEL
    smallest = measured.seeds.min(axis=1)
    if claim.by_ratio and (smallest <= 0).any():
        seed, value = str(smallest.idxmin()), f"{smallest.min():.3g}"
        return Verdict.UNDECIDED, worded(Reason.NOT_POSITIVE, seed=seed, value=value)
    edge = sorted({path for arm in arms for path in arm.on_edge})
    if edge:
        return Verdict.UNDECIDED, worded(Reason.ON_EDGE, axis=edge[0])
    return decide(claim, test, p, p_margin)


def decide(claim: Tested, test: Test, p: float, p_margin: float) -> tuple[Verdict, str]:
    """Decide by two tests: of no effect, and of one that matters."""
    large = p < ALPHA and abs(test.estimate) >= claim.margin
    small = p_margin < ALPHA
    if isinstance(claim, Equivalence):
        if small:
            return Verdict.SUPPORTED, Reason.SMALL
        if large:
            return Verdict.REFUTED, Reason.DIFFERENT
        return Verdict.UNDECIDED, Reason.TOO_WIDE
    if large and (test.estimate > 0) == (claim.direction == "higher"):
        return Verdict.SUPPORTED, Reason.AS_CLAIMED
    if large:
        return Verdict.REFUTED, Reason.OTHER_WAY
    if small:
        return Verdict.NO_EFFECT, Reason.SMALL
    return Verdict.UNDECIDED, Reason.MAYBE_SMALL if p < ALPHA else Reason.BOTH


def more_seeds(claim: Tested, test: Test, n: int, family: int) -> int | None:
    """Return how many more seeds would show the effect seen, or, near zero, that there is none."""
    effect = max(abs(test.estimate), claim.margin)
    if isinstance(claim, Equivalence) or abs(test.estimate) < claim.margin / 2:
        effect = abs(claim.margin - abs(test.estimate))
    needed = seeds_needed(effect, test.sd, more_than=n, family=family)
    return needed - n if needed is not None else None


def at_shared_level(
    claim: Difference | Equivalence, grid: Grid, rows: pd.DataFrame, select: str, measured: Measured
) -> float | None:
    """Return the estimate with `arm` held at the levels that were best for `against`."""
    arm, against = measured.arms["arm"], measured.arms["against"]
    shared = {path: level for path, level in against.best.items() if path in arm.best}
    if not shared:
        return None
    fixed = dataclasses.replace(
        claim, arm={**claim.arm, **shared}, against={**claim.against, **shared}
    )
    contrast = measure_arms(fixed, grid, rows, select).contrast
    if len(contrast) < 2:
        return None
    mean = float(contrast.mean())
    return from_logarithm(mean) if claim.by_ratio else mean

"""Claims about the size of an effect, decided by t tests over seeds.

A kind of claim has a file with these verbs: `count` its seeds, `test` them, and say the `verdict`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from suite.evidence.contrasts import Measured, measure_arms
from suite.evidence.reasons import Reason, Verdict
from suite.evidence.significance import (
    ALPHA,
    LEAST_SEEDS,
    LEVELS,
    Test,
    from_logarithm,
    rank_test,
    sign_test,
    t_test,
    worst,
)
from suite.ground.wording import worded
from suite.vocabulary.claims import (
    Alike,
    Difference,
    Equivalence,
    Ordering,
    Slope,
    Tested,
    Trend,
)
from suite.vocabulary.grid import Grid
from suite.vocabulary.metrics import chosen_axis

LEAST_LEVELS = 3  # to choose from, of which one lies on neither edge


def count(measured: Measured) -> int:
    """Return how many seeds have a value in every arm."""
    return len(measured.seeds)


def test(claim: Tested, measured: Measured, weight: float) -> Test:
    """Test the contrast against nothing, and against what matters; `weight` is as in `t_test`.

    Where seeds lack a value, the p values hold whatever those had measured; a target that seeds
    never came to is compared by rank, as later than all that did. An order of two levels holds or
    does not.
    """
    if measured.never:
        return rank_test(measured.contrast, claim.margin, weight=weight)
    contrasts = (measured.contrast, *measured.ends)
    if isinstance(claim, Ordering) and len(measured.arms) == 2:
        return worst(sign_test(one, claim.margin, weight=weight) for one in contrasts)
    return worst(
        t_test(one, claim.margin, weight=weight, grain=measured.grain) for one in contrasts
    )


def verdict(claim: Tested, measured: Measured, test: Test, adjusted: Test) -> tuple[Verdict, str]:
    """Decide by the adjusted p values, if seeds and levels allow it."""
    arms, n = measured.arms.values(), count(measured)
    if n < LEAST_SEEDS:
        pattern = Reason.SEEDS_IN_BOTH if len(arms) == 2 else Reason.SEEDS_IN_ALL
        return Verdict.UNDECIDED, worded(pattern, least=str(LEAST_SEEDS), n=str(n))
    if isinstance(claim, Ordering | Trend | Slope) and len(arms) < 2:
        return Verdict.UNDECIDED, Reason.ONE_LEVEL
    smallest = measured.seeds.min(axis=1)
    if claim.by_ratio and (smallest <= 0).any():
        seed, value = str(smallest.idxmin()), f"{smallest.min():.3g}"
        return Verdict.UNDECIDED, worded(Reason.NOT_POSITIVE, seed=seed, value=value)
    if np.isnan(measured.contrast).any():
        never = int(np.isinf(measured.seeds.to_numpy(float)).any(axis=1).sum())
        return Verdict.UNDECIDED, worded(Reason.NEVER, n=str(never), all=str(n))
    if chosen_axis(claim.of) and min(arm.tried for arm in arms) < LEAST_LEVELS:
        return Verdict.UNDECIDED, Reason.FEW_TO_CHOOSE
    edge = sorted({path for arm in arms for path in arm.on_edge})
    if edge:
        return Verdict.UNDECIDED, worded(Reason.ON_EDGE, axis=edge[0])
    found = decide(claim, test, adjusted)
    if found[0] is Verdict.UNDECIDED and measured.ends:
        lost = str(measured.asked - n)
        return Verdict.UNDECIDED, worded(Reason.SEEDS_LOST, n=lost, all=str(measured.asked))
    return found


def decide(claim: Tested, test: Test, adjusted: Test) -> tuple[Verdict, str]:
    """Decide by three tests: of no effect, of one that matters, and of none that does."""
    beyond, small = adjusted.p_beyond < LEVELS["p_beyond"], adjusted.p_margin < LEVELS["p_margin"]
    if isinstance(claim, Alike):
        if small:
            return Verdict.SUPPORTED, Reason.SMALL
        if beyond:
            return Verdict.REFUTED, Reason.DIFFERENT
        alone = _lies_apart(test, claim.margin)
        return Verdict.UNDECIDED, Reason.CORRECTED if alone else Reason.TOO_WIDE
    as_claimed = (test.estimate > 0) == (claim.direction == "higher")
    if beyond:
        if as_claimed:
            return Verdict.SUPPORTED, Reason.AS_CLAIMED
        return Verdict.REFUTED, Reason.OTHER_WAY
    if small:
        return Verdict.NO_EFFECT, Reason.SMALL
    # The p value may be an earlier look's: what is shown has to tell the same.
    if adjusted.p < ALPHA and test.p < ALPHA:
        return Verdict.SIZE_OPEN, Reason.SIZE_AS_CLAIMED if as_claimed else Reason.SIZE_OTHER_WAY
    alone = _lies_apart(test, claim.margin) or test.low > 0 or test.high < 0
    return Verdict.UNDECIDED, Reason.CORRECTED if alone else Reason.BOTH


def _lies_apart(test: Test, margin: float) -> bool:
    """Whether all of the interval, which is that of one claim alone, is on one side of what matters."""
    inside = -margin < test.low and test.high < margin
    return inside or test.low > margin or test.high < -margin


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

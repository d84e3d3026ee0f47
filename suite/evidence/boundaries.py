"""Claims about where along an axis an effect turns; its verbs are those of `effects`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from suite.evidence.arms import ArmValues
from suite.evidence.contrasts import Measured
from suite.evidence.profiles import Interval, Profile
from suite.evidence.reasons import Reason, Verdict
from suite.evidence.significance import ALPHA, LEAST_SEEDS, Test
from suite.ground.wording import worded
from suite.vocabulary.claims import Boundary


def count(measured: Measured) -> int:
    """Return how many seeds have a value in both arms at every level."""
    return len(measured.seeds)


def profile(
    claim: Boundary, arms: Mapping[str, ArmValues], seeds: pd.DataFrame, grain: float = 0.0
) -> Profile:
    """Return the effect along the axis, of logarithms where a ratio is claimed."""
    levels = sorted({arm.levels[claim.over] for arm in arms.values()})
    values = seeds.to_numpy(float)
    if claim.by_ratio:
        values = np.log(np.where(values > 0, values, np.nan))
    column = {
        (name.partition(" ")[0], arm.levels[claim.over]): values[:, i]
        for i, (name, arm) in enumerate(arms.items())
    }
    effects = [column["arm", level] - column["against", level] for level in levels]
    return Profile(tuple(map(float, levels)), np.stack(effects, axis=1), grain)


def edges(claim: Boundary) -> tuple[float, ...]:
    """Return the values of the effect that the boundary is a crossing of."""
    return (0.0,) if claim.crosses == "zero" else (claim.margin, -claim.margin)


def crossings(claim: Boundary, found: Profile) -> list[float]:
    """Return the levels, rising, at which the mean effect crosses."""
    places = sorted(place for value in edges(claim) for place in found.crossings(value))
    return [found.level(place) for place in places]


def where(claim: Boundary, found: Profile, alpha: float = ALPHA) -> list[Interval]:
    """Return the levels at which the boundary may lie, with a confidence of 1 - `alpha`.

    What reaches an end of the axis is open there: the boundary may lie beyond.
    """
    first, last = found.ends
    pieces = sorted(piece for value in edges(claim) for piece in found.places_of(value, alpha))
    return [
        (
            found.level(low) if low > first else 0.0 if found.log else -math.inf,
            found.level(high) if high < last else math.inf,
        )
        for low, high in pieces
    ]


def test(claim: Boundary, measured: Measured, weight: float) -> Test:
    """Return where the mean crosses first, and what can be said against two places of it.

    `p` is of "it lies in the claimed range", `p_margin` of "it lies elsewhere", both over all places
    together: the largest p value among them, divided by the look's weight.
    """
    if not _is_testable(claim, measured):
        return Test(p=1.0, p_margin=1.0)
    found = profile(claim, measured.arms, measured.seeds, measured.grain)
    first, last = found.ends
    low, high = _range(claim, found)
    within = elsewhere = 0.0
    for value in edges(claim):
        within = max(within, found.p_somewhere(value, low, high))
        for start, end in ((first, max(first, low)), (min(last, high), last)):
            elsewhere = max(elsewhere, found.p_somewhere(value, start, end))
    if low < first or high > last:  # at a tier with fewer levels: it may lie where there are none
        within = 1.0
    pieces = where(claim, found, ALPHA * weight) or [(math.nan, math.nan)]
    at = crossings(claim, found) or [math.nan]
    ends = min(one for one, _ in pieces), max(one for _, one in pieces)
    spent = (min(1.0, one / weight) for one in (within, elsewhere))
    return Test(at[0], *ends, math.nan, *spent)


def _range(claim: Boundary, found: Profile) -> Interval:
    low = -math.inf if found.log and claim.low <= 0 else found.place(claim.low)
    return low, found.place(claim.high)


def _is_testable(claim: Boundary, measured: Measured) -> bool:
    positive = not claim.by_ratio or bool((measured.seeds > 0).all(axis=None))
    return count(measured) >= LEAST_SEEDS and len(measured.arms) > 2 and positive


def verdict(claim: Boundary, measured: Measured, test: Test, adjusted: Test) -> tuple[Verdict, str]:
    """Decide by the adjusted p values, and by the ends of the axis lying on different sides."""
    n = count(measured)
    if n < LEAST_SEEDS:
        return Verdict.UNDECIDED, worded(Reason.SEEDS_IN_ALL, least=str(LEAST_SEEDS), n=str(n))
    if len(measured.arms) < 3:
        return Verdict.UNDECIDED, Reason.ONE_LEVEL_ALONG
    smallest = measured.seeds.min(axis=1)
    if claim.by_ratio and (smallest <= 0).any():
        seed, value = str(smallest.idxmin()), f"{smallest.min():.3g}"
        return Verdict.UNDECIDED, worded(Reason.NOT_POSITIVE, seed=seed, value=value)
    edge = sorted({path for arm in measured.arms.values() for path in arm.on_edge})
    if edge:
        return Verdict.UNDECIDED, worded(Reason.ON_EDGE, axis=edge[0])
    if n < measured.asked:
        lost, asked = str(measured.asked - n), str(measured.asked)
        return Verdict.UNDECIDED, worded(Reason.SEEDS_LOST, n=lost, all=asked)
    found = profile(claim, measured.arms, measured.seeds, measured.grain)
    return decide(claim, found, adjusted.p, adjusted.p_margin, nowhere=math.isnan(test.low))


def decide(
    claim: Boundary, found: Profile, p: float, p_margin: float, *, nowhere: bool
) -> tuple[Verdict, str]:
    """Decide by two tests: that the boundary lies in the claimed range, and that it lies elsewhere.

    Args:
        nowhere: whether the interval of the look holds no place at all.
    """
    if p < ALPHA:
        return Verdict.REFUTED, Reason.CROSSES_NOWHERE if nowhere else Reason.CROSSES_ELSEWHERE
    alike = _side(claim, found, 0) == _side(claim, found, -1)
    if p_margin < ALPHA and not alike:
        return Verdict.SUPPORTED, Reason.CROSSES_WITHIN
    if p_margin < ALPHA:
        return Verdict.UNDECIDED, Reason.ALIKE_AT_ENDS
    times = len(crossings(claim, found))
    if times > 1:
        return Verdict.UNDECIDED, worded(Reason.CROSSES_OFTEN, times=str(times))
    return Verdict.UNDECIDED, Reason.CROSSES_ANYWHERE if times else Reason.CROSSES_UNSEEN


def _side(claim: Boundary, found: Profile, column: int) -> bool:
    """Return on which side of the boundary the mean effect is at a level."""
    mean = float(found.effects[:, column].mean())
    return mean > 0 if claim.crosses == "zero" else abs(mean) > claim.margin

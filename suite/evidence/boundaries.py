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
from suite.evidence.significance import ALPHA, Test
from suite.ground.wording import worded
from suite.vocabulary.claims import Boundary


def count(measured: Measured) -> int:
    """Return how many seeds have a value in both arms at every level."""
    return len(measured.seeds)


def profile(claim: Boundary, arms: Mapping[str, ArmValues], seeds: pd.DataFrame) -> Profile:
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
    return Profile(tuple(map(float, levels)), np.stack(effects, axis=1))


def edges(claim: Boundary) -> tuple[float, ...]:
    """Return the values of the effect that the boundary is a crossing of."""
    return (0.0,) if claim.crosses == "zero" else (claim.margin, -claim.margin)


def crossings(claim: Boundary, found: Profile) -> list[float]:
    """Return the levels, rising, at which the mean effect crosses."""
    places = sorted(place for value in edges(claim) for place in found.crossings(value))
    return [found.level(place) for place in places]


def where(claim: Boundary, found: Profile) -> list[Interval]:
    """Return the levels at which the boundary may lie, with 95 % confidence.

    What reaches an end of the axis is open there: the boundary may lie beyond.
    """
    first, last = found.ends
    pieces = sorted(piece for value in edges(claim) for piece in found.places_of(value, ALPHA))
    return [
        (
            found.level(low) if low > first else 0.0 if found.log else -math.inf,
            found.level(high) if high < last else math.inf,
        )
        for low, high in pieces
    ]


def test(claim: Boundary, measured: Measured) -> Test:
    """Return where the mean crosses first, and what can be said against two places of it.

    `p` is of "it lies in the claimed range", `p_margin` of "it lies elsewhere", both over all places
    together: the largest p value among them.
    """
    if not _is_testable(claim, measured):
        return Test(math.nan, math.nan, math.nan, math.nan, 1.0, 1.0)
    found = profile(claim, measured.arms, measured.seeds)
    first, last = found.ends
    low, high = _range(claim, found)
    within = elsewhere = 0.0
    for value in edges(claim):
        within = max(within, found.p_somewhere(value, low, high))
        for start, end in ((first, max(first, low)), (min(last, high), last)):
            elsewhere = max(elsewhere, found.p_somewhere(value, start, end))
    if low < first or high > last:  # at a tier with fewer levels: it may lie where there are none
        within = 1.0
    pieces = where(claim, found) or [(math.nan, math.nan)]
    at = crossings(claim, found) or [math.nan]
    ends = min(one for one, _ in pieces), max(one for _, one in pieces)
    return Test(at[0], *ends, math.nan, within, elsewhere)


def _range(claim: Boundary, found: Profile) -> Interval:
    low = -math.inf if found.log and claim.low <= 0 else found.place(claim.low)
    return low, found.place(claim.high)


def _is_testable(claim: Boundary, measured: Measured) -> bool:
    positive = not claim.by_ratio or bool((measured.seeds > 0).all(axis=None))
    return count(measured) > 1 and len(measured.arms) > 2 and positive


def verdict(
    claim: Boundary, measured: Measured, test: Test, p: float, p_margin: float
) -> tuple[Verdict, str]:
    """Decide by the adjusted p values, and by the two sides of the claimed range being different."""
    if count(measured) < 2:
        return Verdict.UNDECIDED, worded(Reason.SEEDS_IN_ALL, n=str(count(measured)))
    if len(measured.arms) < 3:
        return Verdict.UNDECIDED, Reason.ONE_LEVEL_ALONG
    smallest = measured.seeds.min(axis=1)
    if claim.by_ratio and (smallest <= 0).any():
        seed, value = str(smallest.idxmin()), f"{smallest.min():.3g}"
        return Verdict.UNDECIDED, worded(Reason.NOT_POSITIVE, seed=seed, value=value)
    edge = sorted({path for arm in measured.arms.values() for path in arm.on_edge})
    if edge:
        return Verdict.UNDECIDED, worded(Reason.ON_EDGE, axis=edge[0])
    return _decide(claim, profile(claim, measured.arms, measured.seeds), p, p_margin)


def _decide(claim: Boundary, found: Profile, p: float, p_margin: float) -> tuple[Verdict, str]:
    if p < ALPHA:
        nowhere = not where(claim, found)
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

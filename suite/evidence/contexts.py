"""Where a rule holds: one claim's findings as written and in further contexts, taken together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from statsmodels.stats.oneway import anova_generic

from suite.evidence.reasons import Verdict
from suite.evidence.significance import ALPHA, Contrast
from suite.vocabulary.claims import Claim, Directional, Rate

AS_WRITTEN = ""  # what the study is called among its contexts


class Reach(StrEnum):
    """What the evidence says of a claim over all contexts."""

    ALL = "holds in all"
    NONE = "holds in none"
    DEPENDS = "depends"
    REVERSES = "reverses"
    OPEN = "open"


class Why(StrEnum):
    """A reason as a sentence without its capital and full stop."""

    ALL = "it is supported as written and in every context"
    ALL_UNLIKE = "it is supported as written and in every context, though not equally large in all"
    NONE = "it is decided as written and in every context, and supported nowhere"
    REVERSES = "it is as claimed in one place and the other way in another"
    DECIDED_OTHERWISE = "it is supported in one place and refuted in another"
    UNLIKE = "the effect differs between contexts by more than chance explains"
    OPEN = "it is not decided everywhere, and contexts do not differ for certain"
    DECIDED_ALIKE = "it is supported in one place and not in another, which may be chance"


@dataclass(frozen=True)
class Place:
    """A claim's finding as written, or in one context.

    Attributes:
        way: 1 if it is shown to be as claimed, be that large or not; -1 if the other way; else 0.
        contrast: one number a seed; none where these cannot be trusted.
        grain: standard deviation of what rounding does to one of them.
    """

    verdict: Verdict
    way: int
    contrast: Contrast
    grain: float = 0.0


@dataclass(frozen=True)
class Across:
    """What a claim's findings over all contexts say together.

    Attributes:
        p: of an effect that is the same everywhere, and `adjusted_p` after Holm's correction over
            the study's claims with contexts; NaN where nothing is tested.
        breaks: the context that breaks the rule, empty for the study as written; None where none
            does.
    """

    reach: Reach
    reason: str
    p: float
    adjusted_p: float
    breaks: str | None


def judge(claim: Claim, places: Mapping[str, Place], p: float, adjusted_p: float) -> Across:
    """Judge a claim by its places, by the name of their context, and the test of heterogeneity."""
    verdicts = {name: one.verdict for name, one in places.items()}
    unlike = adjusted_p < ALPHA
    if set(verdicts.values()) == {Verdict.SUPPORTED}:
        return Across(Reach.ALL, Why.ALL_UNLIKE if unlike else Why.ALL, p, adjusted_p, None)
    if set(verdicts.values()) <= {Verdict.REFUTED, Verdict.NO_EFFECT}:
        return Across(Reach.NONE, Why.NONE, p, adjusted_p, None)
    ways = {name: one.way for name, one in places.items()}
    if {-1, 1} <= set(ways.values()):
        # The study as written is what the others are held against, where it is shown either way.
        breaks = next(name for name, way in ways.items() if way == -(ways[AS_WRITTEN] or 1))
        if isinstance(claim, Directional | Rate):
            return Across(Reach.REVERSES, Why.REVERSES, p, adjusted_p, breaks)
        return Across(Reach.DEPENDS, Why.DECIDED_OTHERWISE, p, adjusted_p, breaks)
    if unlike and len(testable(places)) > 1:
        odd = odd_one(places)
        return Across(Reach.DEPENDS, Why.UNLIKE, p, adjusted_p, odd)
    is_open = {Verdict.UNDECIDED, Verdict.SIZE_OPEN} & set(verdicts.values())
    return Across(Reach.OPEN, Why.OPEN if is_open else Why.DECIDED_ALIKE, p, adjusted_p, None)


def heterogeneity(places: Mapping[str, Place]) -> float:
    """Return the p value of one mean for all places (Welch, 1951); NaN below two that can be tested.

    Variances and sizes may differ. A place of fewer than two seeds, or with a number that is none,
    is left out.
    """
    return _welch(testable(places))[0]


def odd_one(places: Mapping[str, Place]) -> str:
    """Return the place without which the others are most alike; of two, the one that is a context."""
    there = testable(places)
    if len(there) < 3:
        return next(name for name in there if name != AS_WRITTEN)

    def likeness(name: str) -> tuple[float, float]:
        p, statistic = _welch({other: one for other, one in there.items() if other != name})
        return p, -statistic

    return max(there, key=likeness)


def testable(places: Mapping[str, Place]) -> dict[str, Place]:
    """Return the places that can be compared: of two seeds or more, with a number each."""
    return {
        name: one
        for name, one in places.items()
        if len(one.contrast) > 1 and bool(np.isfinite(one.contrast).all())
    }


def _welch(places: Mapping[str, Place]) -> tuple[float, float]:
    """Return the p value and F."""
    if len(places) < 2:
        return math.nan, math.nan
    means = np.array([one.contrast.mean() for one in places.values()])
    variances = np.array(
        [max(one.contrast.var(ddof=1), one.grain**2) for one in places.values()], float
    )
    sizes = np.array([len(one.contrast) for one in places.values()])
    size = max(1e-300, float(np.abs(means).max()))
    if variances.max() <= (1e-12 * size) ** 2:  # every seed agrees: no test, and none is needed
        same = np.ptp(means) <= 1e-12 * size
        return float(same), 0.0 if same else math.inf
    # A place whose seeds all agree is the limit of one that hardly varies.
    found = anova_generic(means, np.maximum(variances, 1e-12 * variances.max()), sizes, "unequal")
    return float(found.pvalue), float(found.statistic)

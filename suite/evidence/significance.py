"""Tests, corrections and power: scipy's and statsmodels', put to the questions a claim asks."""

from __future__ import annotations

import bisect
import dataclasses
import gc
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

Contrast = np.ndarray[tuple[int], np.dtype[np.float64]]  # one number a seed
ALPHA = 0.05
# Of the minimum-effect test: of effects that are a twentieth too small to matter, at most one family in
# a hundred has one that is called large enough (docs/evidence.md; at 0.05 it is up to 2.7).
ALPHA_BEYOND = 0.025
LEVELS = {"p": ALPHA, "p_margin": ALPHA, "p_beyond": ALPHA_BEYOND}  # by the name of a p value
POWER = 0.8
MOST_SEEDS = 1000
LEAST_SEEDS = 3  # two that agree by chance would pass for a certainty


@dataclass(frozen=True)
class Test:
    """A claim's tests at a look, on the scale that is analysed; p values are divided by its weight.

    Attributes:
        estimate: the mean contrast, the median of one that some seeds never reached, or the share
            of a `Rate` or `Within`.
        low, high: its 95 % confidence interval, whichever look it is read at.
        sd: standard deviation of the contrast between seeds.
        p: of no effect, two-sided.
        p_margin: of an effect of at least the margin: two one-sided tests (Schuirmann, 1987).
        p_beyond: of an effect of at most the margin, two-sided: a minimum-effect test (Murphy and
            Myors, 1999).
    """

    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    sd: float = math.nan
    p: float = math.nan
    p_margin: float = math.nan
    p_beyond: float = math.nan


def t_test(contrast: Contrast, margin: float, *, weight: float = 1.0, grain: float = 0.0) -> Test:
    """Test the mean of a contrast of n seeds, with n - 1 degrees of freedom.

    Args:
        weight: the share of the error rate that this look may spend.
        grain: standard deviation of what rounding to whole examples does to one contrast, below
            which no spread is known: seeds that agree to the last of 360 images may differ by what
            360 images do not show.
    """
    n = len(contrast)
    mean = float(contrast.mean()) if n else math.nan
    if n < 2 or not np.isfinite(contrast).all():  # infinite or none: ratios of what is not positive
        return Test(mean if n < 2 else math.nan, p=1.0, p_margin=1.0, p_beyond=1.0)
    spread = float(contrast.std(ddof=1))
    if spread <= 1e-12 * max(1.0, abs(mean)):
        spread = 0.0
    sd = max(spread, grain)
    if sd == 0.0:
        # Every seed gave the same number, and it is no rounded one: it does not hang on the seed.
        matters = abs(mean) >= margin * (1 - 1e-9)
        return Test(mean, mean, mean, 0.0, float(mean == 0.0), float(matters), float(not matters))
    error, far = sd / math.sqrt(n), abs(mean)
    half = float(stats.t.isf(ALPHA * weight / 2, n - 1)) * error
    # Of a frozen distribution, they would take ten times as long to make as to ask.
    tails = stats.t.sf(np.array([far, margin - far, far - margin]) / error, n - 1)
    spent = (float(min(1.0, one / weight)) for one in tails * np.array([2.0, 1.0, 2.0]))
    return Test(mean, mean - half, mean + half, spread, *spent)


def rank_test(contrast: Contrast, margin: float, *, weight: float = 1.0) -> Test:
    """Test the median of a contrast that is infinite where a seed never came to its end.

    Wilcoxon's signed ranks (1945), by all changes of sign up to 13 seeds, so that ties are exact;
    the interval of the median is by order statistics.
    """
    n = len(contrast)
    if n < 2:
        return Test(p=1.0, p_margin=1.0, p_beyond=1.0)
    median = float(np.median(contrast))
    found = stats.quantile_test(contrast, p=0.5).confidence_interval(1 - ALPHA * weight)
    spent = _three(
        lambda level: _signed_ranks(contrast - level, "greater"),
        lambda level: _signed_ranks(contrast - level, "less"),
        margin,
        weight,
    )
    return Test(median, float(found.low), float(found.high), math.nan, *spent)


def _three(
    above: Callable[[float], float], below: Callable[[float], float], margin: float, weight: float
) -> Iterator[float]:
    """Yield the p values of a test from those of lying above, and below, a level."""
    yield min(1.0, 2 * min(above(0.0), below(0.0)) / weight)
    yield min(1.0, max(above(-margin), below(margin)) / weight)
    yield min(1.0, 2 * min(above(margin), below(-margin)) / weight)


def _signed_ranks(shifted: Contrast, alternative: str) -> float:
    finite = np.abs(shifted[np.isfinite(shifted)])
    beyond = 2 * float(finite.max()) + 1.0 if len(finite) else 1.0  # later than all that came
    ranked = np.clip(shifted, -beyond, beyond)
    method: Any = stats.PermutationMethod() if len(ranked) <= EXACT else "approx"
    found = stats.wilcoxon(ranked, zero_method="zsplit", alternative=alternative, method=method)
    return float(found.pvalue)


EXACT = 13  # seeds whose 2^13 changes of sign are all looked at


def sign_test(contrast: Contrast, margin: float, *, weight: float = 1.0) -> Test:
    """Test the mean of a contrast that is 1 or -1, exactly: the signs are binomial.

    A 0, where neither was the case, counts for no side, which makes all of it too cautious.
    """
    n, up, down = len(contrast), int((contrast > 0).sum()), int((contrast < 0).sum())
    if n < 2:
        return Test(p=1.0, p_margin=1.0, p_beyond=1.0)
    spent = _three(
        lambda level: float(stats.binom.sf(up - 1, n, (1 + level) / 2)),
        lambda level: float(stats.binom.sf(down - 1, n, (1 - level) / 2)),
        margin,
        weight,
    )
    # Clopper and Pearson's (1934) lower ends of the shares of either sign.
    low, high = (
        float(stats.beta.ppf(ALPHA * weight / 2, count, n - count + 1)) if count else 0.0
        for count in (up, down)
    )
    mean, sd = float(contrast.mean()), float(contrast.std(ddof=1))
    return Test(mean, 2 * low - 1, 1 - 2 * high, sd, *spent)


def worst(tests: Iterable[Test]) -> Test:
    """Return the first test, with p values that hold for all: those of another sign hold nothing."""
    first, *others = tests
    agree = [test for test in others if (test.estimate > 0) == (first.estimate > 0)]
    if len(agree) < len(others):
        first = dataclasses.replace(first, p=1.0, p_beyond=1.0)
    return dataclasses.replace(
        first,
        **{
            name: max(getattr(test, name) for test in (first, *others))
            for name in ("p", "p_margin", "p_beyond")
        },
    )


def from_logarithm(value: float) -> float:
    """Return a ratio; infinite where it is larger than numbers are."""
    with np.errstate(over="ignore"):
        return float(np.exp(value))


def to_logarithm(ratio: float) -> float:
    """Return the logarithm of a ratio; minus infinity of none, which a target never reached gives."""
    return math.log(ratio) if ratio > 0 else -math.inf


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm (1979); a claim without a test, NaN, is left out."""
    return _adjusted(p_values, "holm")


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return q values (Benjamini and Hochberg, 1995); a claim without a test, NaN, is left out."""
    return _adjusted(p_values, "fdr_bh")


def _adjusted(p_values: Sequence[float], method: str) -> list[float]:
    adjusted = np.array(p_values, float)
    tested = ~np.isnan(adjusted)
    if tested.any():
        # multipletests collects garbage at every call, most of a second with 4,000 records in memory.
        gc.freeze()
        adjusted[tested] = multipletests(adjusted[tested], method=method)[1]
        gc.unfreeze()
    return [float(p) for p in adjusted]


@dataclass(frozen=True)
class Forecast:
    """What further seeds may show of a claim, from the n there are.

    Their mean and spread are drawn from the predictive distribution. Its prior is flat on the
    logarithm of the standard deviation and falls with the root of the effect: between a flat one, to
    which hardly any effect is small, and one to which every order of magnitude is as likely;
    docs/evidence.md has how often it is right.

    Attributes:
        n, mean, sd: of the contrast so far, of at least two seeds that do not all agree.
        beyond, within: how many claims share the error rate of the tests that the effect is more,
            and less, than the margin: those that Holm's method has not rejected yet.
    """

    n: int
    mean: float
    sd: float
    margin: float
    beyond: int = 1
    within: int = 1

    def chance(self, more: int, weight: float = 1.0) -> float:
        """Return the chance that a t test of either size decides it after `more` seeds.

        Args:
            weight: the share of the error rate that this look may spend.
        """
        rng, n, total = np.random.default_rng(0), self.n, self.n + more
        spread = self.sd * np.sqrt((n - 1) / rng.chisquare(n - 1, DRAWS))
        truth = self.mean + spread / math.sqrt(n) * rng.standard_normal(DRAWS)
        mean_of_more = truth + spread / math.sqrt(more) * rng.standard_normal(DRAWS)
        between = n * more / total * (mean_of_more - self.mean) ** 2
        within_more = spread**2 * rng.chisquare(more - 1, DRAWS) if more > 1 else 0.0
        squares = (n - 1) * self.sd**2 + between + within_more
        error = np.sqrt(squares / (total - 1) / total)
        far = np.abs((n * self.mean + more * mean_of_more) / total)
        alphas = ALPHA_BEYOND * weight / self.beyond / 2, ALPHA * weight / self.within
        least_beyond, least_within = stats.t.isf(alphas, total - 1)
        decided = ((far - self.margin) / error > least_beyond) | (
            (self.margin - far) / error > least_within
        )
        return float(np.average(decided, weights=np.abs(truth) ** -0.5))

    def seeds_needed(self) -> int:
        """Return how many more seeds decide it with a chance of 80 %; at most MOST_SEEDS in all."""
        most = max(1, MOST_SEEDS - self.n)
        return min(most, 1 + bisect.bisect_left(range(1, most), POWER, key=self.chance))


DRAWS = 2000

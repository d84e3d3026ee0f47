"""Tests, corrections and power: scipy's and statsmodels', put to the questions a claim asks."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from suite.evidence.contrasts import Contrast

ALPHA = 0.05
POWER = 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Test:
    """A claim's tests, on the scale that is analysed.

    Attributes:
        estimate: the mean contrast, or the share of a `Rate` or `Within`.
        low, high: its 95 % confidence interval.
        sd: standard deviation of the contrast between seeds.
        p: of no effect, two-sided.
        p_margin: of an effect of at least the margin: two one-sided t tests (Schuirmann, 1987).
    """

    estimate: float
    low: float
    high: float
    sd: float
    p: float
    p_margin: float


def t_test(contrast: Contrast, margin: float) -> Test:
    """Test a contrast of n seeds with n - 1 degrees of freedom."""
    if len(contrast) < 2:
        mean = float(contrast.mean()) if len(contrast) else math.nan
        return Test(mean, math.nan, math.nan, math.nan, 1.0, 1.0)
    if not np.isfinite(contrast).all():  # ratios of what is not positive
        return Test(math.nan, math.nan, math.nan, math.nan, 1.0, 1.0)
    mean, sd = float(contrast.mean()), float(contrast.std(ddof=1))
    if sd <= 1e-12 * max(1.0, abs(mean)):
        # Every seed gave the same number: no t test can be made, and none is needed.
        return Test(mean, mean, mean, 0.0, float(mean == 0.0), float(abs(mean) >= margin))
    result = stats.ttest_1samp(contrast, 0.0)
    low, high = result.confidence_interval(1 - ALPHA)
    above = stats.ttest_1samp(contrast, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(contrast, margin, alternative="less").pvalue
    return Test(mean, float(low), float(high), sd, float(result.pvalue), float(max(above, below)))


def from_logarithm(value: float) -> float:
    """Return a ratio; infinite where it is larger than numbers are."""
    with np.errstate(over="ignore"):
        return float(np.exp(value))


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


def seeds_needed(effect: float, sd: float, *, more_than: int, family: int) -> int | None:
    """Return how many seeds find an effect with 80 % power after Bonferroni's correction.

    None where the effect is nothing or every seed agrees; never more than MOST_SEEDS.
    """
    if effect == 0.0 or sd == 0.0:
        return None
    power = TTestPower().power
    enough = (
        total
        for total in range(max(more_than + 1, 3), MOST_SEEDS)
        if power(effect / sd, total, ALPHA / family) >= POWER
    )
    return next(enough, MOST_SEEDS)

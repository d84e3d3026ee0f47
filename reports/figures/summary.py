"""A mean with its 95 % t interval. No bootstrap: at five seeds it covers too little."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over n seeds and its interval, NaN where there is none."""

    mean: float
    low: float
    high: float
    n: int


def mean_of(values: Iterable[float]) -> Mean:
    """Return the mean of the values that are finite; below two of them there is no interval."""
    sample = np.asarray(list(values), float)
    sample = sample[np.isfinite(sample)]
    n = len(sample)
    if n == 0:
        return Mean(math.nan, math.nan, math.nan, 0)
    mean = float(sample.mean())
    if n == 1:
        return Mean(mean, math.nan, math.nan, 1)
    half = _quantile(n - 1) * float(sample.std(ddof=1)) / math.sqrt(n)
    return Mean(mean, mean - half, mean + half, n)


@functools.cache
def _quantile(freedom: int) -> float:
    """Return the t quantile of an interval; it is asked for a thousand times a page."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))

"""How far a claim's effect lies in one result set from where it lies in another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from suite.evidence import shares
from suite.evidence.contrasts import Measured
from suite.evidence.findings import Finding
from suite.evidence.significance import ALPHA, t_test
from suite.vocabulary.claims import Counted, Identity


@dataclass(frozen=True)
class Shift:
    """The effect in B less that in A, on the scale that is analysed; NaN where it has none.

    Attributes:
        low, high: its 95 % confidence interval.
        p: of no difference, two-sided; NaN where nothing was tested.
        n: pairs, or the seeds of both sets.
        equal: every seed gave the same numbers in both sets.
    """

    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    n: int = 0
    paired: bool = False
    equal: bool = False


def shift(a: Finding, b: Finding) -> Shift:
    """Compare a claim's seeds in two sets: in pairs where they share at least two, else as samples."""
    of_a, of_b = _by_seed(a), _by_seed(b)
    shared = of_a.index.intersection(of_b.index)
    if of_a.equals(of_b) and a.seeds.equals(b.seeds):
        return Shift(0.0, 0.0, 0.0, n=len(shared), paired=True, equal=True)
    if isinstance(a.claim, Identity):
        return Shift(b.estimate - a.estimate, n=len(shared), paired=True)
    if len(shared) < 2:
        return _of_samples(a, of_a.to_numpy(float), of_b.to_numpy(float))
    before, after = of_a[shared].to_numpy(float), of_b[shared].to_numpy(float)
    if isinstance(a.claim, Counted):
        return _of_paired_events(before, after)
    test = t_test(after - before, a.claim.margin)
    return Shift(test.estimate, test.low, test.high, test.p, len(shared), paired=True)


def _by_seed(finding: Finding) -> pd.Series[float]:
    """Return a claim's contrast, or whether the event happened, by seed."""
    if isinstance(finding.claim, Counted):
        measured = Measured(finding.arms, finding.seeds, finding.contrast)
        return shares.events(finding.claim, measured).sort_index()
    return pd.Series(finding.contrast, index=finding.seeds.index, dtype=float).sort_index()


def _of_paired_events(before: np.ndarray, after: np.ndarray) -> Shift:
    """McNemar's exact test (1947): of the seeds that changed, as many should go either way."""
    came, went = int((after > before).sum()), int((after < before).sum())
    p = float(stats.binomtest(came, came + went).pvalue) if came + went else 1.0
    return Shift(float((after - before).mean()), p=p, n=len(after), paired=True)


def _of_samples(a: Finding, before: np.ndarray, after: np.ndarray) -> Shift:
    n = len(before) + len(after)
    estimate = float(after.mean() - before.mean())
    if isinstance(a.claim, Counted):
        table = [
            [after.sum(), len(after) - after.sum()],
            [before.sum(), len(before) - before.sum()],
        ]
        return Shift(estimate, p=float(stats.fisher_exact(table).pvalue), n=n)
    if len(before) < 2 or len(after) < 2:
        return Shift(estimate, n=n)
    if max(np.ptp(before), np.ptp(after)) <= 1e-12 * max(1.0, abs(estimate)):
        # No seed differs from another of its set: no t test can be made, and none is needed.
        return Shift(estimate, estimate, estimate, float(estimate == 0.0), n)
    result = stats.ttest_ind(after, before, equal_var=False)  # Welch (1947)
    low, high = result.confidence_interval(1 - ALPHA)
    return Shift(estimate, float(low), float(high), float(result.pvalue), n)

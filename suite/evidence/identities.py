"""Claims that something is zero but for rounding; its verbs are those of `effects`."""

from __future__ import annotations

import math

import numpy as np

from suite.evidence.contrasts import Measured
from suite.evidence.reasons import Reason, Verdict
from suite.evidence.significance import Test
from suite.vocabulary.claims import Identity


def count(measured: Measured) -> int:
    """Return how many seeds measured it."""
    return len(measured.seeds)


def test(claim: Identity, measured: Measured, weight: float) -> Test:
    """Return the largest deviation: nothing is random, so nothing is tested."""
    worst = float(np.abs(measured.contrast).max()) if len(measured.contrast) else math.nan
    return Test(worst)


def verdict(claim: Identity, measured: Measured, test: Test, adjusted: Test) -> tuple[Verdict, str]:
    """Decide by what rounding can explain."""
    if count(measured) == 0:
        return Verdict.UNDECIDED, Reason.UNMEASURED
    if test.estimate > claim.tolerance:
        return Verdict.REFUTED, Reason.DEVIATES
    if any(len(arm.values) < arm.trials for arm in measured.arms.values()):
        return Verdict.UNDECIDED, Reason.LOST
    return Verdict.SUPPORTED, Reason.EXACT

"""Claims about a share of seeds, decided by exact tests; its verbs are those of `effects`."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from suite.evidence.contrasts import Measured
from suite.evidence.reasons import Reason, Verdict
from suite.evidence.significance import ALPHA, Test
from suite.ground.wording import worded
from suite.vocabulary.claims import Counted, Rate, Within
from suite.vocabulary.record import Status

LEAST_WITHIN = 3  # seeds that have to lie inside a published range


def count(measured: Measured) -> int:
    """Return how many seeds ended, however they did."""
    return len(measured.arms["arm"].ends)


def events(claim: Counted, measured: Measured) -> pd.Series[float]:
    """Return by seed whether the event happened, 1 or 0; one without a value has not reached it."""
    ends = measured.arms["arm"].ends
    if isinstance(claim, Rate) and claim.event != "reached":
        wanted = Status.DIVERGED if claim.event == "diverged" else Status.FAILED
        return (ends == str(wanted)).astype(float)
    happened = pd.Series(measured.contrast, index=measured.seeds.index, dtype=float)
    return happened.reindex(ends.index, fill_value=0.0)


def test(claim: Counted, measured: Measured, weight: float) -> Test:
    """Test a share of n seeds, with Clopper and Pearson's interval; `weight` is as in `t_test`.

    That of a `Rate` is tested against `claim.than`. That inside a published range is tested
    against what draws from the same distribution would give: of n further draws, the number
    outside the range of `runs` earlier ones is beta-binomial (Wilks, 1942).
    """
    n, happened = count(measured), int(events(claim, measured).sum())
    if n == 0:
        return Test(p=1.0)
    if isinstance(claim, Within):
        result = stats.binomtest(happened, n)
        p = stats.betabinom.sf(n - happened - 1, n, 2, claim.runs - 1)
    else:
        result = stats.binomtest(happened, n, claim.than)
        p = result.pvalue
    low, high = result.proportion_ci(1 - ALPHA * weight, method="exact")
    return Test(happened / n, float(low), float(high), p=min(1.0, float(p) / weight))


def verdict(claim: Counted, measured: Measured, test: Test, adjusted: Test) -> tuple[Verdict, str]:
    """Decide by the adjusted p value of the share."""
    p = adjusted.p
    if isinstance(claim, Within):
        return _verdict_within(test, count(measured), p)
    share = f"{claim.than:.0%}"
    if not p < ALPHA and not test.low <= claim.than <= test.high:
        return Verdict.UNDECIDED, Reason.CORRECTED
    if not p < ALPHA:
        return Verdict.UNDECIDED, worded(Reason.SHARE_OPEN, share=share)
    higher = claim.direction == "higher"
    if (test.estimate > claim.than) == higher:
        return Verdict.SUPPORTED, worded(Reason.HIGHER if higher else Reason.LOWER, share=share)
    return Verdict.REFUTED, worded(Reason.NOT_HIGHER if higher else Reason.NOT_LOWER, share=share)


def _verdict_within(test: Test, n: int, p: float) -> tuple[Verdict, str]:
    if p < ALPHA:
        return Verdict.REFUTED, Reason.OUTSIDE
    if test.estimate < 1:
        return Verdict.UNDECIDED, Reason.LUCK
    if n < LEAST_WITHIN:
        return Verdict.UNDECIDED, worded(Reason.TOO_FEW, least=str(LEAST_WITHIN), n=str(n))
    return Verdict.SUPPORTED, Reason.INSIDE

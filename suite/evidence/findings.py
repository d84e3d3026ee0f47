"""Verdicts: direction, significance and a size that matters, all three, from paired replicates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import pandas as pd

from suite.evidence.arms import ArmValues
from suite.evidence.contrasts import Contrast, Measured, measure_arms
from suite.evidence.reasons import OPEN, Reason
from suite.evidence.significance import ALPHA, Test, exact_test, holm, seeds_needed, t_test
from suite.evidence.table import by_part, table
from suite.ground.wording import worded
from suite.vocabulary.claims import (
    Claim,
    Counted,
    Difference,
    Directional,
    Equivalence,
    Identity,
    Rate,
    Tested,
    Within,
)
from suite.vocabulary.grid import Grid
from suite.vocabulary.record import Record, Status
from suite.vocabulary.study import Study


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    NO_EFFECT = "no meaningful effect"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim and what became of it.

    Attributes:
        estimate: the effect in the metric's unit, a ratio, a rank correlation or a share; of an
            `Identity` the largest deviation.
        interval: its 95 % confidence interval.
        n: paired seeds.
        p, adjusted_p: of no effect, raw and after Holm's correction over the study's claims; NaN
            where nothing is tested.
        p_margin, adjusted_p_margin: of an effect of at least the margin, likewise.
        arms: what each arm measured after tuning, by name.
        seeds: one row a seed, one column an arm.
        contrast: one number a seed, on the scale that is analysed.
        trials: how many trials the finding rests on, and `lost` how many of them did not finish.
        spent: seconds of process time they took.
        shared: the estimate when both arms use the level tuned for `against`; None where nothing
            was tuned in both, or trials are missing.
        more_seeds: how many more would decide it with 80 % power; None where it is decided or
            where more would not help.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    estimate: float
    interval: tuple[float, float]
    n: int
    p: float
    adjusted_p: float
    p_margin: float
    adjusted_p_margin: float
    arms: Mapping[str, ArmValues]
    seeds: pd.DataFrame
    contrast: Contrast
    trials: int
    lost: int
    spent: float
    shared: float | None
    more_seeds: int | None

    @property
    def settled_by(self) -> Literal["effect", "margin"] | None:
        """Which of the two tests the verdict rests on; None where it rests on none."""
        if self.verdict is Verdict.UNDECIDED or isinstance(self.claim, Identity):
            return None
        if isinstance(self.claim, Within) and self.verdict is Verdict.SUPPORTED:
            return None
        equivalent = self.verdict is Verdict.SUPPORTED and isinstance(self.claim, Equivalence)
        return "margin" if equivalent or self.verdict is Verdict.NO_EFFECT else "effect"

    @property
    def arm(self) -> ArmValues:
        """The arm the claim speaks of; of a trend the first level."""
        return next(iter(self.arms.values()))

    @property
    def against(self) -> ArmValues:
        """What it is compared with, where there is such a thing."""
        return self.arms["against"]


def findings(study: Study, grids: Sequence[Grid], records: Iterable[Record]) -> list[Finding]:
    """Return a finding for every claim of the study, in order.

    Tests are paired by seed; n counts seeds. Two families, "there is an effect" and "it is smaller
    than what matters", are each corrected by Holm's method over the study's claims.
    """
    rows = by_part(table(records, study.target), grids)
    by_name = {grid.name: grid for grid in grids}
    measured = [
        measure_arms(claim, by_name[claim.part], rows[claim.part], study.select)
        for claim in study.claims
    ]
    tests = [
        _test(claim, one) if by_name[claim.part].seeds else _NOT_ASKED
        for claim, one in zip(study.claims, measured, strict=True)
    ]
    adjusted = holm([test.p for test in tests])
    adjusted_margin = holm([test.p_margin for test in tests])
    return [
        _decide(study, by_name[claim.part], rows[claim.part], claim, one, test, p, p_margin)
        for claim, one, test, p, p_margin in zip(
            study.claims, measured, tests, adjusted, adjusted_margin, strict=True
        )
    ]


# A claim about a part that this tier leaves out is no question of the study's family.
_NOT_ASKED = Test(*[math.nan] * 6)


def _test(claim: Claim, measured: Measured) -> Test:
    if isinstance(claim, Counted):
        return exact_test(claim, *_events(claim, measured))
    if isinstance(claim, Identity):
        worst = float(np.abs(measured.contrast).max()) if len(measured.contrast) else math.nan
        return Test(worst, math.nan, math.nan, math.nan, math.nan, math.nan)
    return t_test(measured.contrast, claim.margin)


def _events(claim: Counted, measured: Measured) -> tuple[int, int]:
    """Return how many seeds ended in the event, and of how many."""
    ends = measured.arms["arm"].ends
    if isinstance(claim, Within) or claim.event == "reached":
        return int(measured.contrast.sum()), len(ends)
    wanted = Status.DIVERGED if claim.event == "diverged" else Status.FAILED
    return int((ends == str(wanted)).sum()), len(ends)


def _decide(
    study: Study,
    grid: Grid,
    rows: pd.DataFrame,
    claim: Claim,
    measured: Measured,
    test: Test,
    adjusted_p: float,
    adjusted_p_margin: float,
) -> Finding:
    arms = measured.arms.values()
    n = _events(claim, measured)[1] if isinstance(claim, Counted) else len(measured.seeds)
    verdict, reason = _verdict(claim, measured, test, n, adjusted_p, adjusted_p_margin)
    undo = math.exp if claim.by_ratio else float
    return Finding(
        claim=claim,
        verdict=verdict,
        reason=reason,
        estimate=undo(test.estimate),
        interval=(undo(test.low), undo(test.high)),
        n=n,
        p=test.p,
        adjusted_p=adjusted_p,
        p_margin=test.p_margin,
        adjusted_p_margin=adjusted_p_margin,
        arms=measured.arms,
        seeds=measured.seeds,
        contrast=measured.contrast,
        trials=sum(arm.trials for arm in arms),
        lost=sum(arm.lost for arm in arms),
        spent=float(sum(arm.spent for arm in arms)),
        shared=_at_shared_level(claim, grid, rows, study.select, measured),
        more_seeds=_more_seeds(claim, test, n, len(study.claims)) if reason in OPEN else None,
    )


LEAST_WITHIN = 3  # seeds that have to lie inside a published range


def _verdict(
    claim: Claim, measured: Measured, test: Test, n: int, p: float, p_margin: float
) -> tuple[Verdict, str]:
    arms = measured.arms.values()
    if not all(arm.trials for arm in arms):
        return Verdict.UNDECIDED, Reason.NO_TRIALS
    if isinstance(claim, Identity):
        return _verdict_of_identity(claim, test, n)
    if isinstance(claim, Rate):
        return _verdict_of_rate(claim, test, p)
    if isinstance(claim, Within):
        return _verdict_within(test, n, p)
    if n < 2:
        pattern = Reason.SEEDS_IN_ALL
        if len(arms) == 2:
            pattern = Reason.SEEDS_IN_BOTH
        return Verdict.UNDECIDED, worded(pattern, n=str(n))
    edge = sorted({path for arm in arms for path in arm.on_edge})
    if edge:
        return Verdict.UNDECIDED, worded(Reason.ON_EDGE, axis=edge[0])
    return _verdict_of_effect(claim, test, p, p_margin)


def _verdict_of_effect(claim: Tested, test: Test, p: float, p_margin: float) -> tuple[Verdict, str]:
    large = p < ALPHA and abs(test.estimate) >= claim.margin
    small = p_margin < ALPHA
    if isinstance(claim, Equivalence):
        if small:
            return Verdict.SUPPORTED, Reason.SMALL
        if large:
            return Verdict.REFUTED, Reason.DIFFERENT
        return Verdict.UNDECIDED, Reason.TOO_WIDE
    if large and _as_claimed(claim, test.estimate):
        return Verdict.SUPPORTED, Reason.AS_CLAIMED
    if large:
        return Verdict.REFUTED, Reason.OTHER_WAY
    if small:
        return Verdict.NO_EFFECT, Reason.SMALL
    return Verdict.UNDECIDED, Reason.MAYBE_SMALL if p < ALPHA else Reason.BOTH


def _verdict_of_rate(claim: Rate, test: Test, p: float) -> tuple[Verdict, str]:
    share = f"{claim.than:.0%}"
    if not p < ALPHA:
        return Verdict.UNDECIDED, worded(Reason.SHARE_OPEN, share=share)
    higher = claim.direction == "higher"
    if _as_claimed(claim, test.estimate - claim.than):
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


def _verdict_of_identity(claim: Identity, test: Test, n: int) -> tuple[Verdict, str]:
    if n == 0:
        return Verdict.UNDECIDED, Reason.UNMEASURED
    if test.estimate <= claim.tolerance:
        return Verdict.SUPPORTED, Reason.EXACT
    return Verdict.REFUTED, Reason.DEVIATES


def _as_claimed(claim: Directional | Rate, effect: float) -> bool:
    return (effect > 0) == (claim.direction == "higher")


def _more_seeds(claim: Claim, test: Test, n: int, family: int) -> int | None:
    """Return how many more seeds would show the effect seen, or, near zero, that there is none."""
    assert not isinstance(claim, Counted | Identity)
    effect = max(abs(test.estimate), claim.margin)
    if isinstance(claim, Equivalence) or abs(test.estimate) < claim.margin / 2:
        effect = abs(claim.margin - abs(test.estimate))
    needed = seeds_needed(effect, test.sd, more_than=n, family=family)
    return needed - n if needed is not None else None


def _at_shared_level(
    claim: Claim, grid: Grid, rows: pd.DataFrame, select: str, measured: Measured
) -> float | None:
    """Return the estimate with `arm` held at the levels that were best for `against`."""
    if not isinstance(claim, Difference | Equivalence):
        return None
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
    return math.exp(mean) if claim.by_ratio else mean

"""Findings: what became of a claim, judged by what its seeds measured up to a look."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from suite.evidence import boundaries, effects, identities, shares
from suite.evidence.arms import ArmValues
from suite.evidence.contexts import Across
from suite.evidence.contrasts import Measured
from suite.evidence.reasons import HOPELESS, OPEN, Note, Reason, Verdict
from suite.evidence.significance import Contrast, Forecast, Test, from_logarithm
from suite.ground.wording import Worded, worded
from suite.vocabulary.claims import (
    Alike,
    Boundary,
    Claim,
    Counted,
    Difference,
    Equivalence,
    Identity,
    Tested,
    Within,
)
from suite.vocabulary.grid import Grid
from suite.vocabulary.study import Study

LEAST_CHANCE = 0.1  # of being decided, below which a claim gets no further seeds


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim and what became of it.

    Attributes:
        estimate: the effect in the metric's unit, a ratio, a rank correlation or a share; of an
            `Identity` the largest deviation.
        interval: its 95 % confidence interval.
        ends: the estimate if seeds that lack a value had measured what lies lowest and highest for
            the claim; the estimate twice where none lacks one.
        n: paired seeds; `asked`, how many had a trial in every arm.
        p, adjusted_p: of no effect, divided by the look's weight, the least of the looks so far, and
            after Holm's correction over the study's claims; NaN where nothing is tested.
        p_margin, adjusted_p_margin: of an effect of at least the margin, likewise.
        p_beyond, adjusted_p_beyond: of an effect of at most the margin, likewise.
        look: the look at which it was decided, or stands, from 1 to `looks`.
        chance: that the last look will decide it, as far as it can be foreseen.
        notes: what a reader of the verdict should know beside it, a clause each.
        contexts: the findings in each context that the claim asks for, by its name. Their p values
            are corrected over the study's findings in contexts, and cost the others nothing.
        across: what these and this one say together; None where the claim asks for no context.
        arms: what each arm measured after tuning, by name.
        seeds: one row a seed, one column an arm.
        contrast: one number a seed, on the scale that is analysed.
        trials: how many trials the finding rests on, and `lost` how many of them did not finish.
        spent: seconds of process time they took.
        shared: the estimate when both arms use the level tuned for `against`; None where nothing
            was tuned in both, or trials are missing.
        more_seeds: how many more would decide it with a chance of 80 %; None where it is decided or
            where more would not help.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    estimate: float
    interval: tuple[float, float]
    ends: tuple[float, float]
    n: int
    asked: int
    p: float
    adjusted_p: float
    p_margin: float
    adjusted_p_margin: float
    p_beyond: float
    adjusted_p_beyond: float
    arms: Mapping[str, ArmValues]
    seeds: pd.DataFrame
    contrast: Contrast
    trials: int
    lost: int
    spent: float
    shared: float | None
    more_seeds: int | None
    look: int
    looks: int
    chance: float
    notes: tuple[Worded, ...]
    contexts: Mapping[str, Finding] = dataclasses.field(default_factory=dict)
    across: Across | None = None

    @property
    def settled_by(self) -> Literal["effect", "margin", "beyond"] | None:
        """Which of the tests the verdict rests on; None where it rests on none."""
        if self.verdict is Verdict.UNDECIDED or isinstance(self.claim, Identity):
            return None
        if isinstance(self.claim, Within) and self.verdict is Verdict.SUPPORTED:
            return None
        by_margin = isinstance(self.claim, Alike | Boundary)
        equivalent = self.verdict is Verdict.SUPPORTED and by_margin
        if equivalent or self.verdict is Verdict.NO_EFFECT:
            return "margin"
        counted = isinstance(self.claim, Counted | Boundary)
        return "effect" if counted or self.verdict is Verdict.SIZE_OPEN else "beyond"

    @property
    def revised(self) -> bool:
        """Whether claim, seeds or levels were changed after results had been seen."""
        return any(str(note) in self.notes for note in (Note.REVISED, Note.RUN_BEFORE))

    @property
    def goes_on(self) -> bool:
        """Whether it gets the seeds of a further look: one without a prospect does not.

        To stop for want of prospects can only make fewer errors, so nothing is paid for it.
        """
        there_is_one = self.look < self.looks and self.reason not in HOPELESS
        return self.is_open and there_is_one and self.chance >= LEAST_CHANCE

    @property
    def is_open(self) -> bool:
        """Whether further seeds may decide it."""
        return self.verdict in (Verdict.UNDECIDED, Verdict.SIZE_OPEN) and not isinstance(
            self.claim, Identity
        )

    @property
    def arm(self) -> ArmValues:
        """The arm the claim speaks of; of a trend the first level."""
        return next(iter(self.arms.values()))

    @property
    def against(self) -> ArmValues:
        """What it is compared with, where there is such a thing."""
        return self.arms["against"]


class Look(NamedTuple):
    """What a claim measured at one look, from 1, and its tests there."""

    test: Test
    measured: Measured
    number: int


def kind_of(claim: Claim) -> Any:
    """Return the file that says how a claim of this kind is counted, tested and decided."""
    if isinstance(claim, Counted):
        return shares
    if isinstance(claim, Boundary):
        return boundaries
    return identities if isinstance(claim, Identity) else effects


def finding_of(
    study: Study,
    claim: Claim,
    grid: Grid,
    rows: pd.DataFrame,
    look: Look,
    *,
    same: bool,
    raw: Test,
    adjusted: Test,
    sharing: Mapping[str, int],
    beside: Sequence[Worded],
) -> Finding:
    """Return what a claim came to at a look.

    Args:
        grid: the claim's part, or its twin in a context.
        rows: of that part, one a trial, with the seeds of the look.
        same: whether its arms are one computation.
        raw: the least p values of the looks so far; `adjusted` after Holm's correction.
        sharing: by test, among how many claims Holm's method still shares its error rate.
        beside: notes on the part.
    """
    test, measured, at = look
    verdict, reason = _verdict(claim, look, adjusted, same=same)
    arms = measured.arms.values()
    n = kind_of(claim).count(measured)
    undo = from_logarithm if claim.by_ratio and not isinstance(claim, Boundary) else float
    shared = more_seeds = None
    chance = 1.0
    looks = len(grid.looks.counts) if grid.looks else 1
    if isinstance(claim, Difference | Equivalence):
        shared = effects.at_shared_level(claim, grid, rows, study.select, measured)
    if reason in OPEN and isinstance(claim, Tested) and n > 1 and test.sd > 0:
        beyond, within = sharing["p_beyond"], sharing["p_margin"]
        forecast = Forecast(n, test.estimate, test.sd, claim.margin, beyond, within)
        more_seeds = forecast.seeds_needed()
        if grid.looks and at < looks:
            chance = forecast.chance(grid.seeds - n, grid.looks.weights[-1])
    prospects = (
        [worded(Note.NO_PROSPECT, chance=f"{chance:.0%}", seeds=str(grid.seeds))]
        if chance < LEAST_CHANCE
        else []
    )
    ends = [float(end.mean()) for end in measured.ends] or [test.estimate, test.estimate]
    return Finding(
        claim=claim,
        verdict=verdict,
        reason=reason,
        estimate=undo(test.estimate),
        interval=(undo(test.low), undo(test.high)),
        ends=(undo(min(ends)), undo(max(ends))),
        n=n,
        asked=max(measured.asked, n),
        p=raw.p,
        adjusted_p=adjusted.p,
        p_margin=raw.p_margin,
        adjusted_p_margin=adjusted.p_margin,
        p_beyond=raw.p_beyond,
        adjusted_p_beyond=adjusted.p_beyond,
        arms=measured.arms,
        seeds=measured.seeds,
        contrast=measured.contrast,
        trials=sum(arm.trials for arm in arms),
        lost=sum(arm.lost for arm in arms),
        spent=float(sum(arm.spent for arm in arms)),
        shared=shared,
        more_seeds=more_seeds,
        look=at,
        looks=looks,
        chance=chance,
        notes=(*_notes(study, claim, measured), *prospects, *beside),
    )


def _verdict(claim: Claim, look: Look, adjusted: Test, *, same: bool) -> tuple[Verdict, str]:
    if not all(arm.trials for arm in look.measured.arms.values()):
        return Verdict.UNDECIDED, Reason.NO_TRIALS
    if same:
        return Verdict.UNDECIDED, Reason.SAME
    verdict: tuple[Verdict, str] = kind_of(claim).verdict(claim, look.measured, look.test, adjusted)
    return verdict


def _notes(study: Study, claim: Claim, measured: Measured) -> Iterator[Worded]:
    tried = [arm.tried for arm in measured.arms.values()]
    if len(set(tried)) > 1:
        yield worded(Note.UNEQUAL, counts=" / ".join(map(str, tried)))
    if measured.never:
        never = int(np.isinf(measured.seeds.to_numpy(float)).any(axis=1).sum())
        yield worded(Note.NEVER, n=str(never), all=str(measured.asked))
    elif isinstance(claim, Tested) and (lost := measured.asked - len(measured.seeds)):
        yield worded(Note.LOST, n=str(lost), all=str(measured.asked))
    if claim.part in study.revised:
        yield worded(Note.REVISED)

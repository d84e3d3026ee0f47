"""Verdicts: direction, significance and a size that matters, all three, from paired replicates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from suite.evidence import boundaries, effects, identities, shares
from suite.evidence.arms import ArmValues
from suite.evidence.contexts import AS_WRITTEN, Judged, Place, judge
from suite.evidence.contrasts import Contrast, Measured, measure_arms
from suite.evidence.reasons import OPEN, Reason, Verdict
from suite.evidence.significance import Test, from_logarithm, holm
from suite.evidence.table import by_part, table
from suite.vocabulary.claims import (
    Boundary,
    Claim,
    Counted,
    Difference,
    Equivalence,
    Identity,
    Tested,
    Within,
)
from suite.vocabulary.grid import Grid, in_context
from suite.vocabulary.record import Record
from suite.vocabulary.study import Study


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
    contexts: Mapping[str, Finding] = dataclasses.field(default_factory=dict)
    across: Judged | None = None

    @property
    def settled_by(self) -> Literal["effect", "margin"] | None:
        """Which of the two tests the verdict rests on; None where it rests on none."""
        if self.verdict is Verdict.UNDECIDED or isinstance(self.claim, Identity):
            return None
        if isinstance(self.claim, Within) and self.verdict is Verdict.SUPPORTED:
            return None
        by_margin = isinstance(self.claim, Equivalence | Boundary)
        equivalent = self.verdict is Verdict.SUPPORTED and by_margin
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
    found = _family(study, [(claim, by_name[claim.part]) for claim in study.claims], rows)
    places = [(claim, name) for claim in study.claims for name in claim.contexts]
    there = [(claim, by_name[in_context(claim.part, name)]) for claim, name in places]
    further = iter(_family(study, there, rows))
    found = [
        dataclasses.replace(one, contexts={name: next(further) for name in one.claim.contexts})
        for one in found
    ]
    asked = [one for one in found if one.contexts]
    judged = iter(judge([(one.claim, _places(one)) for one in asked]))
    return [dataclasses.replace(one, across=next(judged)) if one.contexts else one for one in found]


def _places(finding: Finding) -> dict[str, Place]:
    every = {AS_WRITTEN: finding, **finding.contexts}
    return {name: Place(one.verdict, one.contrast) for name, one in every.items()}


def _family(
    study: Study, asked: Sequence[tuple[Claim, Grid]], rows: Mapping[str, pd.DataFrame]
) -> list[Finding]:
    """Return a finding for each claim and grid, corrected over all of them."""
    measured = [measure_arms(claim, grid, rows[grid.name], study.select) for claim, grid in asked]
    tests = [
        _kind(claim).test(claim, one) if grid.seeds else _NOT_ASKED
        for (claim, grid), one in zip(asked, measured, strict=True)
    ]
    adjusted = holm([test.p for test in tests])
    adjusted_margin = holm([test.p_margin for test in tests])
    return [
        _decide(study, grid, rows[grid.name], claim, one, test, p, p_margin, len(asked))
        for (claim, grid), one, test, p, p_margin in zip(
            asked, measured, tests, adjusted, adjusted_margin, strict=True
        )
    ]


# A claim about a part that this tier leaves out is no question of the study's family.
_NOT_ASKED = Test(*[math.nan] * 6)


def _kind(claim: Claim) -> Any:
    """Return the file that says how a claim of this kind is counted, tested and decided."""
    if isinstance(claim, Counted):
        return shares
    if isinstance(claim, Boundary):
        return boundaries
    return identities if isinstance(claim, Identity) else effects


def _decide(
    study: Study,
    grid: Grid,
    rows: pd.DataFrame,
    claim: Claim,
    measured: Measured,
    test: Test,
    adjusted_p: float,
    adjusted_p_margin: float,
    family: int,
) -> Finding:
    kind, arms = _kind(claim), measured.arms.values()
    n = kind.count(measured)
    if all(arm.trials for arm in arms):
        verdict, reason = kind.verdict(claim, measured, test, adjusted_p, adjusted_p_margin)
    else:
        verdict, reason = Verdict.UNDECIDED, Reason.NO_TRIALS
    undo = from_logarithm if claim.by_ratio and not isinstance(claim, Boundary) else float
    shared = more_seeds = None
    if isinstance(claim, Difference | Equivalence):
        shared = effects.at_shared_level(claim, grid, rows, study.select, measured)
    if reason in OPEN and isinstance(claim, Tested):
        more_seeds = effects.more_seeds(claim, test, n, family)
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
        shared=shared,
        more_seeds=more_seeds,
    )

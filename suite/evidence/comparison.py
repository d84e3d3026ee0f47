"""Two result sets side by side: which verdicts, effects and costs are others in B than in A.

An effect *moved* if the difference between the sets is significant after correction for all
claims compared (Benjamini and Hochberg, 1995) and at least `MOVES` of what matters to the claim.
Sets that share seeds are compared in pairs by seed.

Claims whose seeds all gave the same numbers are not tested. A journal keeps one record a trial, so
versions are told apart by folder, not by commit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from suite.evidence.contexts import AS_WRITTEN
from suite.evidence.findings import Finding
from suite.evidence.moves import Shift, shift
from suite.evidence.reasons import Verdict
from suite.evidence.results import Results
from suite.evidence.significance import (
    ALPHA,
    benjamini_hochberg,
    from_logarithm,
    t_test,
    to_logarithm,
)
from suite.evidence.trials import Trials, compare_trials, log_ratios, total
from suite.vocabulary.claims import Claim, Counted, Identity
from suite.vocabulary.grid import in_context

MOVES = 0.5  # of what matters to the claim
COST_MATTERS = 1.1  # as a factor

Side = Literal["a", "b"]


@dataclass(frozen=True, kw_only=True)
class ClaimChange:
    """A claim in both sets.

    Attributes:
        estimate: the effect in B less that in A, or their ratio; `interval` its 95 % interval.
        n: pairs, or the seeds of both sets.
        p: of no difference; NaN where nothing was tested. `adjusted_p` after correction.
        equal: every seed gave the same numbers in both sets.
        only: the one set that can decide the claim, if just one of them can.
        context: in which it is asked; empty for the study as written.
    """

    claim: Claim
    a: Finding
    b: Finding
    paired: bool
    n: int
    estimate: float
    interval: tuple[float, float]
    p: float
    adjusted_p: float
    equal: bool
    moved: bool
    only: Side | None
    context: str = ""

    @property
    def reach_changed(self) -> bool:
        """Whether over all contexts it comes to something else in B than in A."""
        a, b = self.a.across, self.b.across
        return a is not None and b is not None and a.reach is not b.reach

    @property
    def verdict_changed(self) -> bool:
        """Whether both sets can decide the claim and do not agree."""
        return self.only is None and self.a.verdict is not self.b.verdict

    @property
    def unmeasured(self) -> bool:
        """Whether neither set can decide it."""
        return self.only is None and math.isnan(self.estimate)


@dataclass(frozen=True, kw_only=True)
class CostChange:
    """The seconds of a part's timed trials, B over A.

    Attributes:
        ratio: geometric mean over seeds, each the mean over its trials; `interval` at 95 %.
        n: seeds; `trials`: pairs of trials.
        moved: significant after correction, and a factor of at least `COST_MATTERS` either way.
    """

    part: str
    ratio: float
    interval: tuple[float, float]
    n: int
    trials: int
    p: float
    adjusted_p: float
    moved: bool


Change = TypeVar("Change", ClaimChange, CostChange)


@dataclass(frozen=True)
class StudyComparison:
    """One study in both sets."""

    a: Results
    b: Results
    claims: tuple[ClaimChange, ...]
    costs: tuple[CostChange, ...]
    trials: Trials

    def cost(self, change: ClaimChange) -> CostChange | None:
        """Return the cost of the part, in its context, that a claim is about, where it is timed."""
        part, context = change.claim.part, change.context
        part = in_context(part, context) if context else part
        return next((cost for cost in self.costs if cost.part == part), None)


@dataclass(frozen=True)
class Comparison:
    """Two result sets, by name: the studies that both have, and why others are left out."""

    a: str
    b: str
    studies: Sequence[StudyComparison]
    left_out: Mapping[str, str]

    @property
    def claims(self) -> list[ClaimChange]:
        return [claim for study in self.studies for claim in study.claims]

    @property
    def verdicts_changed(self) -> int:
        """How many verdicts are others in B, those over all contexts counted too."""
        return sum(claim.verdict_changed + claim.reach_changed for claim in self.claims)

    @property
    def trials(self) -> Trials:
        """The trials of all studies; one that several share counts in each."""
        return total(study.trials for study in self.studies)


def compare(pairs: Sequence[tuple[Results, Results]]) -> list[StudyComparison]:
    """Compare studies, each as it is in A and in B; corrections are over all of them."""
    claims = _corrected([list(_claim_changes(a, b)) for a, b in pairs], _is_effect_moved)
    costs = _corrected([list(_cost_changes(a, b)) for a, b in pairs], _is_cost_moved)
    return [
        StudyComparison(a, b, tuple(of_claims), tuple(of_costs), compare_trials(a, b))
        for (a, b), of_claims, of_costs in zip(pairs, claims, costs, strict=True)
    ]


def _claim_changes(a: Results, b: Results) -> Iterator[ClaimChange]:
    pairs = [
        (context, of_a, of_b)
        for whole_a, whole_b in zip(a.findings, b.findings, strict=True)
        for context, of_a, of_b in (
            (AS_WRITTEN, whole_a, whole_b),
            *((one, whole_a.contexts[one], whole_b.contexts[one]) for one in whole_a.contexts),
        )
    ]
    for context, of_a, of_b in pairs:
        only = _only(of_a, of_b)
        found = shift(of_a, of_b) if _is_decidable(of_a) and _is_decidable(of_b) else Shift()
        undo = from_logarithm if of_a.claim.by_ratio else float
        yield ClaimChange(
            claim=of_a.claim,
            a=of_a,
            b=of_b,
            paired=found.paired,
            n=found.n,
            estimate=undo(found.estimate),
            interval=(undo(found.low), undo(found.high)),
            p=found.p,
            adjusted_p=math.nan,
            equal=found.equal,
            moved=False,
            only=only,
            context=context,
        )


def _is_decidable(finding: Finding) -> bool:
    """Whether there was enough to decide on, even if the verdict is `undecided`."""
    decided = finding.verdict is not Verdict.UNDECIDED
    return decided or (finding.n >= 2 and math.isfinite(finding.estimate))


def _only(a: Finding, b: Finding) -> Side | None:
    if _is_decidable(a) == _is_decidable(b):
        return None
    return "a" if _is_decidable(a) else "b"


def _cost_changes(a: Results, b: Results) -> Iterator[CostChange]:
    for part, (trials, by_seed) in log_ratios(a, b).items():
        test = t_test(by_seed, math.log(COST_MATTERS))
        yield CostChange(
            part=part,
            ratio=from_logarithm(test.estimate),
            interval=(from_logarithm(test.low), from_logarithm(test.high)),
            n=len(by_seed),
            trials=trials,
            p=test.p if len(by_seed) > 1 else math.nan,
            adjusted_p=math.nan,
            moved=False,
        )


def _is_effect_moved(change: ClaimChange) -> bool:
    claim = change.claim
    size = change.estimate
    if claim.by_ratio:
        size = to_logarithm(size)
    if isinstance(claim, Identity):  # nothing is random, so nothing is tested
        return abs(size) > MOVES * claim.tolerance
    # A share of seeds has no smallest change that matters: what is significant counts.
    least = 0.0 if isinstance(claim, Counted) else MOVES * claim.margin
    return change.adjusted_p < ALPHA and abs(size) >= least


def _is_cost_moved(change: CostChange) -> bool:
    return change.adjusted_p < ALPHA and abs(math.log(change.ratio)) >= math.log(COST_MATTERS)


def _corrected(
    studies: Sequence[Sequence[Change]], is_moved: Callable[[Change], bool]
) -> list[list[Change]]:
    """Return the changes of each study with p values corrected over all, and whether they moved."""
    flat = [change for study in studies for change in study]
    adjusted = iter(benjamini_hochberg([change.p for change in flat]))
    corrected = [
        [dataclasses.replace(change, adjusted_p=next(adjusted)) for change in study]
        for study in studies
    ]
    return [
        [dataclasses.replace(change, moved=is_moved(change)) for change in study]
        for study in corrected
    ]

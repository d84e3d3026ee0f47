"""Verdicts from paired replicates: of an effect, of none that matters, and of what is open.

At each look that a study declares, its claims are tested; a decided one stays as it is, and what the
others read goes on to the next. What claims ask of contexts is a family of its own, at the same looks.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from suite.evidence import boundaries, effects, identities, shares
from suite.evidence.arms import ArmValues
from suite.evidence.contexts import AS_WRITTEN, Across, Place, heterogeneity, judge, testable
from suite.evidence.contrasts import Measured, measure_arms
from suite.evidence.reasons import HOPELESS, OPEN, Note, Reason, Verdict
from suite.evidence.significance import (
    LEVELS,
    Contrast,
    Forecast,
    Test,
    from_logarithm,
    holm,
)
from suite.evidence.table import by_part, table
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
    arms,
)
from suite.vocabulary.grid import Grid, Trial, in_context
from suite.vocabulary.record import Record
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


@dataclass(frozen=True)
class Looked:
    """How far the looks of a study have come.

    Attributes:
        findings: one a claim, in order.
        look: which look they stand at, from 1 to `looks`.
        asked: the trials of all looks so far and, where claims are open, of the next.
    """

    findings: list[Finding]
    look: int
    looks: int
    asked: tuple[Trial, ...]

    @property
    def open(self) -> int:
        """How many claims go on to the next look, as written or in a context."""
        return sum(
            any(one.goes_on for one in (finding, *finding.contexts.values()))
            for finding in self.findings
        )


def findings(study: Study, grids: Sequence[Grid], records: Iterable[Record]) -> list[Finding]:
    """Return a finding for every claim of the study, in order.

    Tests are paired by seed; n counts seeds. Three families, "there is an effect", "it is smaller
    than what matters" and "it is larger", are each corrected by Holm's method over the study's
    claims.
    """
    trials = study.trials(grids) if has_looks(grids) else ()
    return look_at(study, grids, trials, records).findings


def has_looks(grids: Iterable[Grid]) -> bool:
    """Whether which trials are asked for depends on what others showed."""
    return any(grid.looks is not None for grid in grids)


def look_at(
    study: Study,
    grids: Sequence[Grid],
    trials: Sequence[Trial],
    records: Iterable[Record],
    *,
    off_plan: Container[str] = (),
    declared_later: Container[str] = (),
    revised: Container[str] = (),
) -> Looked:
    """Judge a study's claims at each look whose trials are all there.

    At a look, the p values of open claims are divided by its weight, and a claim's is the least of
    its looks: the union bound over looks, whatever stopped them.

    Args:
        trials: all that the grids can ask for, in their order.
        off_plan: grids, by name, whose seeds are others than the file declares.
        declared_later: those whose looks were declared after they ran.
        revised: those of which an earlier run had other claims, looks or seeds.
    """
    found = list(records)
    there = {record.id for record in found}
    rows = by_part(table(found, study.target), grids)
    by_name = {grid.name: grid for grid in grids}
    of_part = {grid.name: [one for one in trials if one.part == grid.name] for grid in grids}
    weights = {record.id: record.outcome.weights_digest for record in found}
    beside = {
        grid.name: [
            worded(note)
            for note, names in (
                (Note.OFF_PLAN, off_plan),
                (Note.DECLARED_LATER, declared_later),
                (Note.RUN_BEFORE, revised),
            )
            if grid.name in names
        ]
        for grid in grids
    }
    wanted = {grid.name: _Wanted(grid) for grid in grids}
    questions = [_Question(claim, by_name[claim.part]) for claim in study.claims]
    rules = [_Rule.of(question, by_name) for question in questions if question.claim.contexts]
    further = [one for rule in rules for name, one in rule.places.items() if name != AS_WRITTEN]
    looks = max((len(grid.looks.counts) for grid in grids if grid.looks), default=1)
    for look in range(1, looks + 1):
        known = {name: _of(some, wanted[name], of_part[name]) for name, some in rows.items()}
        for question in (*questions, *further):
            if question.closed is None and not question.stopped:
                question.ask(look, known[question.grid.name], study.select, weights)
        for family in (questions, further):
            _judge(study, family, known, beside)
        for rule in rules:
            rule.ask(look)
        unsure = [question for question in (*questions, *further) if question.goes_on]
        if look == looks or not unsure or not _are_there(wanted, of_part, there):
            break
        for question in unsure:
            wanted[question.grid.name].extend(question.claim, look + 1)
        for question in (*questions, *further):
            # Seeds that others ask for anyway are no dearer with it.
            question.stopped = not wanted[question.grid.name].has(question.claim, look + 1)
        if not _are_there(wanted, of_part, there):
            break
    for rule, adjusted in zip(rules, holm([rule.p for rule in rules]), strict=True):
        rule.conclude(adjusted)
    return Looked([one.finding for one in questions], look, looks, tuple(_asked(wanted, of_part)))


def _of(rows: pd.DataFrame, wanted: _Wanted, trials: Sequence[Trial]) -> pd.DataFrame:
    """Return the rows of the trials asked for: what else has a record is no part of a verdict."""
    if not trials:  # nothing has looks
        return rows
    return rows[rows["id"].isin({trial.id for trial in wanted.of(trials)})]


def _asked(
    wanted: Mapping[str, _Wanted], of_part: Mapping[str, Sequence[Trial]]
) -> Iterator[Trial]:
    for name, one in wanted.items():
        yield from one.of(of_part[name])


def _are_there(
    wanted: Mapping[str, _Wanted], of_part: Mapping[str, Sequence[Trial]], there: set[str]
) -> bool:
    """Whether every trial that a look asks for has a record."""
    return all(trial.id in there for trial in _asked(wanted, of_part))


class _Wanted:
    """How many seeds of each cell of a grid have been asked for."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.seeds = [seeds_at(grid, 1)] * len(grid.cells)

    def extend(self, claim: Claim, look: int) -> None:
        """Ask for the seeds of a look, of the cells that a claim reads."""
        for i in self._read_by(claim):
            self.seeds[i] = max(self.seeds[i], seeds_at(self.grid, look))

    def has(self, claim: Claim, look: int) -> bool:
        """Whether all cells that a claim reads have the seeds of a look."""
        return all(self.seeds[i] >= seeds_at(self.grid, look) for i in self._read_by(claim))

    def _read_by(self, claim: Claim) -> Iterator[int]:
        levels = self.grid.axis(claim.along).levels if claim.along else ()
        read = arms(claim, levels).values()
        for i, cell in enumerate(self.grid.cells):
            if any(all(cell[path] == level for path, level in arm.items()) for arm in read):
                yield i

    def of(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return those asked for, of all trials of the grid, which come seed by seed."""
        cells = len(self.seeds)
        return [trial for i, trial in enumerate(trials) if trial.seed < self.seeds[i % cells]]


def asked_if_all_stay_open(
    study: Study, grids: Sequence[Grid], trials: Sequence[Trial]
) -> tuple[Trial, ...]:
    """Return the trials that looks ask for if no claim is decided before the last."""
    wanted = {grid.name: _Wanted(grid) for grid in grids}
    for claim in study.claims:
        for name in (claim.part, *(in_context(claim.part, one) for one in claim.contexts)):
            grid = wanted[name].grid
            wanted[name].extend(claim, len(grid.looks.counts) if grid.looks else 1)
    of_part = {name: [one for one in trials if one.part == name] for name in wanted}
    return tuple(_asked(wanted, of_part))


def seeds_at(grid: Grid, look: int) -> int:
    """Return how many seeds a grid has at a look."""
    return grid.looks.counts[min(look, len(grid.looks.counts)) - 1] if grid.looks else grid.seeds


@dataclass(eq=False)
class _Question:
    """A claim on its way through the looks.

    Attributes:
        stopped: whether it gets no further seeds, decided or not.
        least: for each family, the test with the least p value so far, and where it stood; a look
            at which nothing could be decided, whatever was measured, gives way to one that could.
        unsound: whether there was none that could.
    """

    claim: Claim
    grid: Grid
    least: dict[str, tuple[Test, Measured, int]] = dataclasses.field(default_factory=dict)
    last: tuple[Test, Measured, int] | None = None
    same: bool = False
    unsound: bool = True
    closed: Finding | None = None
    stopped: bool = False
    finding: Any = None

    @functools.cached_property
    def kind(self) -> Any:
        """The file that says how a claim of this kind is counted, tested and decided."""
        if isinstance(self.claim, Counted):
            return shares
        if isinstance(self.claim, Boundary):
            return boundaries
        return identities if isinstance(self.claim, Identity) else effects

    @property
    def goes_on(self) -> bool:
        return bool(self.grid.seeds) and self.finding.goes_on

    def ask(self, look: int, rows: pd.DataFrame, select: str, weights: Mapping[str, str]) -> None:
        """Measure and test at a look, if its part has it."""
        declared = self.grid.looks
        if self.last is not None and (declared is None or look > len(declared.counts)):
            return
        if declared is not None:
            rows = rows[rows["seed"] < declared.counts[look - 1]]
        weight = self.weight(look)
        measured = measure_arms(self.claim, self.grid, rows, select)
        # A claim about a part that this tier leaves out is no question of the study's family.
        test = self.kind.test(self.claim, measured, weight) if self.grid.seeds else Test()
        self.last = test, measured, look
        self.same = _is_same(measured, weights)
        sound = declared is None or self._is_sound(test, measured)
        for family in LEVELS:
            p = getattr(test, family)
            if (
                family not in self.least
                or (sound and self.unsound)
                or (sound and p < getattr(self.least[family][0], family))
            ):
                self.least[family] = self.last
        self.unsound = self.unsound and not sound

    def _is_sound(self, test: Test, measured: Measured) -> bool:
        """Whether it could be decided, had the p values been small enough."""
        if isinstance(self.claim, Identity):
            return True
        certain = Test(p=0.0, p_margin=0.0, p_beyond=0.0)
        verdict, _ = self.kind.verdict(self.claim, measured, test, certain)
        return bool(verdict is not Verdict.UNDECIDED)

    def weight(self, look: int) -> float:
        """Return the share of the error rate that a look may spend."""
        return self.grid.looks.weights[look - 1] if self.grid.looks else 1.0

    def p(self, family: str) -> float:
        """Return the least p value of a family so far, if it takes part in the correction."""
        return math.nan if self.same else self.raw(family)

    def raw(self, family: str) -> float:
        """Return the least p value of a family so far."""
        return float(getattr(self.least[family][0], family))

    def at(self, adjusted: Test) -> tuple[Test, Measured, int]:
        """Return what decided it, or its last look."""
        assert self.last is not None
        if self.unsound:
            return self.last
        tests: tuple[str, ...] = ("p_beyond", "p_margin")
        if isinstance(self.claim, Counted | Boundary):
            tests = ("p", "p_margin")
        decided = (family for family in tests if getattr(adjusted, family) < LEVELS[family])
        return next((self.least[family] for family in decided), self.last)


@dataclass
class _Rule:
    """A claim as written and in its contexts, on its way through the looks.

    Attributes:
        places: its questions by context, that of the study as written first.
        least: the least p value, of an effect that is the same everywhere, of the looks at which all
            places were tested, and which of them were compared then.
    """

    places: Mapping[str, _Question]
    least: tuple[float, frozenset[str]] = (math.nan, frozenset())

    @property
    def found(self) -> dict[str, Place]:
        """What was found in each place."""
        return {name: _place(one) for name, one in self.places.items()}

    @property
    def sound(self) -> dict[str, Place]:
        """The places that can be compared."""
        return testable(self.found)

    @property
    def p(self) -> float:
        """Of an effect that is the same everywhere; NaN if what was compared cannot be trusted now."""
        p, compared = self.least
        return p if compared <= self.sound.keys() else math.nan

    @classmethod
    def of(cls, question: _Question, by_name: Mapping[str, Grid]) -> _Rule:
        """Return the rule of a claim that asks for contexts."""
        claim = question.claim
        there = {name: by_name[in_context(claim.part, name)] for name in claim.contexts}
        further = {name: _Question(claim, grid) for name, grid in there.items()}
        return cls({AS_WRITTEN: question, **further})

    def ask(self, look: int) -> None:
        """Test at a look that no place has done with: one that was decided keeps what decided it.

        Where a place could not be decided at all, as its best rate lies on the edge of the grid, its
        effect is not what the others are held against.
        """
        last = [one.last for one in self.places.values() if one.last is not None]
        if not isinstance(self.places[AS_WRITTEN].claim, Tested) or any(
            at != look for _, _, at in last
        ):
            return
        sound = self.sound
        p = heterogeneity(sound) / min(one.weight(look) for one in self.places.values())
        least, compared = self.least
        if not math.isnan(p) and (sound.keys() != compared or p < least):
            self.least = min(1.0, p), frozenset(sound)

    def conclude(self, adjusted_p: float) -> None:
        """Give the claim's finding those of its contexts, and what they say together."""
        written = self.places[AS_WRITTEN]
        across = judge(written.claim, self.found, self.p, adjusted_p)
        contexts = {name: one.finding for name, one in self.places.items() if name != AS_WRITTEN}
        written.finding = dataclasses.replace(written.finding, contexts=contexts, across=across)


def _place(question: _Question) -> Place:
    assert question.last is not None
    finding, grain = question.finding, question.last[1].grain
    ways = {Verdict.SUPPORTED: 1, Verdict.REFUTED: -1}
    way = ways.get(finding.verdict, 0)
    if finding.verdict is Verdict.SIZE_OPEN:
        way = 1 if finding.reason == Reason.SIZE_AS_CLAIMED else -1
    sound = finding.verdict is not Verdict.UNDECIDED or finding.reason in OPEN
    contrast = finding.contrast if sound else finding.contrast[:0]
    return Place(finding.verdict, way, contrast, grain)


def _is_same(measured: Measured, weights: Mapping[str, str]) -> bool:
    """Whether the arms are one computation: their weights are equal to the bit, seed by seed."""
    arms = list(measured.arms.values())
    if len(arms) < 2 or not len(measured.contrast) or measured.contrast.any():
        return False
    found = [
        [weights.get(arm.trial_of.get(seed, ""), "") for arm in arms]
        for seed in measured.seeds.index
    ]
    return all(row[0] and len(set(row)) == 1 for row in found)


def _judge(
    study: Study,
    questions: Sequence[_Question],
    rows: Mapping[str, pd.DataFrame],
    beside: Mapping[str, Sequence[Worded]],
) -> None:
    """Correct the p values over the study's claims, and decide those that are open."""
    adjusted = {family: holm([question.p(family) for question in questions]) for family in LEVELS}
    verdicts = {}
    for i, question in enumerate(questions):
        if question.closed is None:
            ps = Test(**{family: adjusted[family][i] for family in LEVELS})
            verdicts[i] = ps, *_verdict(question, ps)
    # Among how many claims Holm's method still shares a test's error rate.
    sharing = {
        family: sum(p >= LEVELS[family] for p in adjusted[family])
        for family in ("p_beyond", "p_margin")
    }
    for i, (ps, verdict, reason) in verdicts.items():
        question = questions[i]
        of_part = question.grid.name
        found = _finding(
            study, question, rows[of_part], ps, verdict, reason, sharing, beside[of_part]
        )
        question.finding = found
        if not found.is_open:
            question.closed = found


def _verdict(question: _Question, adjusted: Test) -> tuple[Verdict, str]:
    test, measured, _ = question.at(adjusted)
    if not all(arm.trials for arm in measured.arms.values()):
        return Verdict.UNDECIDED, Reason.NO_TRIALS
    if question.same:
        return Verdict.UNDECIDED, Reason.SAME
    verdict: tuple[Verdict, str] = question.kind.verdict(question.claim, measured, test, adjusted)
    return verdict


def _finding(
    study: Study,
    question: _Question,
    rows: pd.DataFrame,
    adjusted: Test,
    verdict: Verdict,
    reason: str,
    sharing: Mapping[str, int],
    beside: Sequence[Worded],
) -> Finding:
    claim, grid = question.claim, question.grid
    test, measured, look = question.at(adjusted)
    arms = measured.arms.values()
    n = question.kind.count(measured)
    undo = from_logarithm if claim.by_ratio and not isinstance(claim, Boundary) else float
    shared = more_seeds = None
    chance = 1.0
    looks = len(grid.looks.counts) if grid.looks else 1
    if isinstance(claim, Difference | Equivalence):
        of_look = rows[rows["seed"] < seeds_at(grid, look)] if grid.looks else rows
        shared = effects.at_shared_level(claim, grid, of_look, study.select, measured)
    if reason in OPEN and isinstance(claim, Tested) and n > 1 and test.sd > 0:
        beyond, within = sharing["p_beyond"], sharing["p_margin"]
        forecast = Forecast(n, test.estimate, test.sd, claim.margin, beyond, within)
        more_seeds = forecast.seeds_needed()
        if grid.looks and look < looks:
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
        p=question.raw("p"),
        adjusted_p=adjusted.p,
        p_margin=question.raw("p_margin"),
        adjusted_p_margin=adjusted.p_margin,
        p_beyond=question.raw("p_beyond"),
        adjusted_p_beyond=adjusted.p_beyond,
        arms=measured.arms,
        seeds=measured.seeds,
        contrast=measured.contrast,
        trials=sum(arm.trials for arm in arms),
        lost=sum(arm.lost for arm in arms),
        spent=float(sum(arm.spent for arm in arms)),
        shared=shared,
        more_seeds=more_seeds,
        look=look,
        looks=looks,
        chance=chance,
        notes=(*_notes(study, claim, measured), *prospects, *beside),
    )


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

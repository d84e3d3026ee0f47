"""Looks: a study's claims are tested at each that it declares, until they are decided.

A decided one stays as it is, and what the others read goes on to the next. What claims ask of contexts
is a family of its own, at the same looks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from suite.evidence.contexts import AS_WRITTEN, Place, heterogeneity, judge, testable
from suite.evidence.contrasts import Measured, measure_arms
from suite.evidence.findings import Finding, Look, finding_of, kind_of
from suite.evidence.reasons import OPEN, Note, Reason, Verdict
from suite.evidence.significance import LEVELS, Test, holm
from suite.evidence.table import by_part, table
from suite.ground.wording import Worded, worded
from suite.vocabulary.claims import Boundary, Claim, Counted, Identity, Tested, arms
from suite.vocabulary.grid import Grid, Trial, in_context
from suite.vocabulary.record import Record
from suite.vocabulary.study import Study


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
        revised: those of which an earlier run had other claims, levels, looks or seeds.
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


def _judge(
    study: Study,
    questions: Sequence[_Question],
    rows: Mapping[str, pd.DataFrame],
    beside: Mapping[str, Sequence[Worded]],
) -> None:
    """Correct the p values over the study's claims, and decide those that are open."""
    adjusted = {family: holm([question.p(family) for question in questions]) for family in LEVELS}
    # Among how many claims Holm's method still shares a test's error rate.
    sharing = {
        family: sum(p >= LEVELS[family] for p in adjusted[family])
        for family in ("p_beyond", "p_margin")
    }
    for i, question in enumerate(questions):
        if question.closed is not None:
            continue
        ps = Test(**{family: adjusted[family][i] for family in LEVELS})
        grid, look = question.grid, question.at(ps)
        there = rows[grid.name]
        question.finding = finding_of(
            study,
            question.claim,
            grid,
            there[there["seed"] < seeds_at(grid, look.number)] if grid.looks else there,
            look,
            same=question.same,
            raw=Test(**{family: question.raw(family) for family in LEVELS}),
            adjusted=ps,
            sharing=sharing,
            beside=beside[grid.name],
        )
        if not question.finding.is_open:
            question.closed = question.finding


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
    least: dict[str, Look] = dataclasses.field(default_factory=dict)
    last: Look | None = None
    same: bool = False
    unsound: bool = True
    closed: Finding | None = None
    stopped: bool = False
    finding: Any = None

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
        test = kind_of(self.claim).test(self.claim, measured, weight) if self.grid.seeds else Test()
        self.last = Look(test, measured, look)
        self.same = _is_same(measured, weights)
        sound = declared is None or self._is_sound(test, measured)
        for family in LEVELS:
            p = getattr(test, family)
            if (
                family not in self.least
                or (sound and self.unsound)
                or (sound and p < getattr(self.least[family].test, family))
            ):
                self.least[family] = self.last
        self.unsound = self.unsound and not sound

    def _is_sound(self, test: Test, measured: Measured) -> bool:
        """Whether it could be decided, had the p values been small enough."""
        if isinstance(self.claim, Identity):
            return True
        certain = Test(p=0.0, p_margin=0.0, p_beyond=0.0)
        verdict, _ = kind_of(self.claim).verdict(self.claim, measured, test, certain)
        return bool(verdict is not Verdict.UNDECIDED)

    def weight(self, look: int) -> float:
        """Return the share of the error rate that a look may spend."""
        return self.grid.looks.weights[look - 1] if self.grid.looks else 1.0

    def p(self, family: str) -> float:
        """Return the least p value of a family so far, if it takes part in the correction."""
        return math.nan if self.same else self.raw(family)

    def raw(self, family: str) -> float:
        """Return the least p value of a family so far."""
        return float(getattr(self.least[family].test, family))

    def at(self, adjusted: Test) -> Look:
        """Return what decided it, or its last look."""
        assert self.last is not None
        if self.unsound:
            return self.last
        tests: tuple[str, ...] = ("p_beyond", "p_margin")
        if isinstance(self.claim, Counted | Boundary):
            tests = ("p", "p_margin")
        decided = (family for family in tests if getattr(adjusted, family) < LEVELS[family])
        return next((self.least[family] for family in decided), self.last)


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
        tested = isinstance(self.places[AS_WRITTEN].claim, Tested)
        if not tested or any(one.number != look for one in last):
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
    finding, grain = question.finding, question.last.measured.grain
    ways = {Verdict.SUPPORTED: 1, Verdict.REFUTED: -1}
    way = ways.get(finding.verdict, 0)
    if finding.verdict is Verdict.SIZE_OPEN:
        way = 1 if finding.reason == Reason.SIZE_AS_CLAIMED else -1
    sound = finding.verdict is not Verdict.UNDECIDED or finding.reason in OPEN
    contrast = finding.contrast if sound else finding.contrast[:0]
    return Place(finding.verdict, way, contrast, grain)


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


def has_looks(grids: Iterable[Grid]) -> bool:
    """Whether which trials are asked for depends on what others showed."""
    return any(grid.looks is not None for grid in grids)


def seeds_at(grid: Grid, look: int) -> int:
    """Return how many seeds a grid has at a look."""
    return grid.looks.counts[min(look, len(grid.looks.counts)) - 1] if grid.looks else grid.seeds


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

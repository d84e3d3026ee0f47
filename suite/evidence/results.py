"""One study's latest run, with everything that was concluded from it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from suite.evidence.findings import Finding
from suite.evidence.looks import Looked, has_looks, look_at, seeds_at
from suite.evidence.reasons import Note, Verdict
from suite.evidence.table import by_part, table
from suite.ground import contents
from suite.ground.wording import worded
from suite.vocabulary.grid import Grid, Trial
from suite.vocabulary.record import Execution, Record
from suite.vocabulary.study import Study


@dataclass(frozen=True)
class Results:
    """A study, the call that ran it, and the records of the trials that call asked for.

    Attributes:
        missing: how many of those trials have no record yet.
        trials: that the records are of, in their order.
        off_plan: grids, by name, whose seeds are others than the study's file declares.
        declared_later: those whose looks were declared after it ran.
        at_other_tiers: its latest whole runs at other tiers.
        known: how far its looks have come, where that had to be found out to say what was asked.
    """

    study: Study
    execution: Execution
    grids: tuple[Grid, ...]
    records: tuple[Record, ...]
    missing: int
    trials: tuple[Trial, ...] = ()
    off_plan: frozenset[str] = frozenset()
    declared_later: frozenset[str] = frozenset()
    at_other_tiers: tuple[Results, ...] = ()
    known: Looked | None = None

    @property
    def claims_changed(self) -> bool:
        """Whether the study's file says something else now than when the trials ran."""
        return self.execution.claims not in ("", self.study.claims_digest)

    @cached_property
    def table(self) -> pd.DataFrame:
        return table(self.records, self.study.target)

    @cached_property
    def parts(self) -> dict[str, pd.DataFrame]:
        """The rows of the table by part, with a column for each of a part's axes."""
        return by_part(self.table, self.grids)

    @cached_property
    def looked(self) -> Looked:
        """How far the study's looks have come."""
        if self.known is not None:
            return self.known
        trials = self.study.trials(self.grids) if has_looks(self.grids) else ()
        return look_at(
            self.study,
            self.grids,
            trials,
            self.records,
            off_plan=self.off_plan,
            declared_later=self.declared_later,
            revised=self.execution.revised,
        )

    @cached_property
    def findings(self) -> list[Finding]:
        """A finding for every claim, in order, with what another tier says otherwise."""
        found = list(self.looked.findings)
        for other in self.at_other_tiers:
            with contextlib.suppress(Exception):  # what cannot be judged there is told there
                found = [
                    _beside(one, there, other.execution.tier)
                    for one, there in zip(found, other.findings, strict=True)
                ]
        return found


def _beside(finding: Finding, there: Finding, tier: str) -> Finding:
    """Return a finding with a note where another tier's is decided otherwise."""
    is_open = there.verdict in (Verdict.UNDECIDED, Verdict.SIZE_OPEN)
    if is_open or there.verdict is finding.verdict:
        return finding
    note = worded(Note.OTHER_TIER, tier=tier, verdict=str(there.verdict))
    return dataclasses.replace(finding, notes=(*finding.notes, note))


def gather(study: Study, execution: Execution, records: Mapping[str, Record]) -> Results:
    """Return the results of an execution from all records there are, by trial id.

    A trial may have been run first by another study or part; here it stands in its own place.
    """
    only = {path: tuple(levels) for path, levels in execution.only.items()}
    grids = study.grids(
        execution.tier, overrides=execution.overrides, only=only, seeds=execution.seeds
    )
    planned = {grid.name: (grid.seeds, grid.looks) for grid in study.grids(execution.tier)}
    off_plan = frozenset(
        grid.name for grid in grids if grid.seeds and (grid.seeds, grid.looks) != planned[grid.name]
    )
    _recall(execution, records)
    ran = tuple(_as_it_ran(study, grid, execution) for grid in grids)
    later = frozenset(grid.name for grid, now in zip(grids, ran, strict=True) if grid != now)
    trials, known = study.trials(ran), None
    if has_looks(ran):
        beside = {"off_plan": off_plan, "declared_later": later, "revised": execution.revised}
        looked = try_looks(study, ran, trials, records, **beside)
        trials, known = looked.asked, looked if looked.findings and not later else None
    if later:  # which earlier looks may have asked some cells for fewer seeds than others
        ids = set(execution.trials)
        trials = tuple(one for one in trials if one.part not in later or one.id in ids)
    there = tuple(trial for trial in trials if trial.id in records)
    found = tuple(
        dataclasses.replace(
            records[trial.id], study=study.name, part=trial.part, cell=dict(trial.cell)
        )
        for trial in there
    )
    missing = len(trials) - len(found)
    return Results(*(study, execution, ran, found, missing, there, off_plan, later), known=known)


def _as_it_ran(study: Study, grid: Grid, execution: Execution) -> Grid:
    """Return a grid with one look, the first, where its looks were not declared when it ran."""
    if not grid.looks or execution.looks.get(grid.name) == list(grid.looks.counts):
        return grid
    ids = set(execution.trials)
    seeds = 1 + max((one.seed for one in study.trials((grid,)) if one.id in ids), default=-1)
    return dataclasses.replace(grid, seeds=seeds, looks=grid.looks.as_one(seeds)) if seeds else grid


def try_looks(
    study: Study,
    grids: tuple[Grid, ...],
    trials: tuple[Trial, ...],
    records: Mapping[str, Record],
    **beside: Container[str],
) -> Looked:
    """Return how far a study's looks have come, of all records there are, by trial id.

    `beside` is what `look_at` is told of grids.

    Where its claims cannot be judged, which is told with the verdicts, it stands at its first look.
    """
    found = [
        dataclasses.replace(records[one.id], part=one.part, cell=dict(one.cell))
        for one in trials
        if one.id in records
    ]
    try:
        return look_at(study, grids, trials, found, **beside)
    except Exception:
        first = {grid.name: seeds_at(grid, 1) for grid in grids}
        return Looked([], 1, 1, tuple(one for one in trials if one.seed < first[one.part]))


def _recall(execution: Execution, records: Mapping[str, Record]) -> None:
    """Let files that are gone count as what trials read from them: results outlive their data."""
    ran = (records[one].recipe for one in execution.trials if one in records)
    for part in (one for recipe in ran for one in recipe.values() if isinstance(one, Mapping)):
        if "digest" in part:
            files = [value for value in part.values() if isinstance(value, str)]
            contents.recalled |= {Path(file).absolute(): part["digest"] for file in files}

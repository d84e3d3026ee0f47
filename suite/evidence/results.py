"""One study's latest run, with everything that was concluded from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from suite.evidence.findings import Finding, findings
from suite.evidence.table import by_part, table
from suite.vocabulary.grid import Grid
from suite.vocabulary.record import Execution, Record
from suite.vocabulary.study import Study


@dataclass(frozen=True)
class Results:
    """A study, the call that ran it, and the records of the trials that call asked for.

    Attributes:
        missing: how many of those trials have no record yet.
    """

    study: Study
    execution: Execution
    grids: tuple[Grid, ...]
    records: tuple[Record, ...]
    missing: int

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
    def findings(self) -> list[Finding]:
        return findings(self.study, self.grids, self.records)


def gather(study: Study, execution: Execution, records: Mapping[str, Record]) -> Results:
    """Return the results of an execution from all records there are, by trial id.

    A trial may have been run first by another study or part; here it stands in its own place.
    """
    only = {path: tuple(levels) for path, levels in execution.only.items()}
    grids = study.grids(
        execution.tier, overrides=execution.overrides, only=only, seeds=execution.seeds
    )
    trials = study.trials(grids)
    found = tuple(
        dataclasses.replace(
            records[trial.id], study=study.name, part=trial.part, cell=dict(trial.cell)
        )
        for trial in trials
        if trial.id in records
    )
    return Results(study, execution, grids, found, len(trials) - len(found))

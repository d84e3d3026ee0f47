"""One study's latest run, with everything that was concluded from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from suite.evidence.findings import Finding, findings
from suite.evidence.table import by_part, table
from suite.ground import contents
from suite.vocabulary.grid import Grid, Trial
from suite.vocabulary.record import Execution, Record
from suite.vocabulary.study import Study


@dataclass(frozen=True)
class Results:
    """A study, the call that ran it, and the records of the trials that call asked for.

    Attributes:
        missing: how many of those trials have no record yet.
        trials: that the records are of, in their order.
    """

    study: Study
    execution: Execution
    grids: tuple[Grid, ...]
    records: tuple[Record, ...]
    missing: int
    trials: tuple[Trial, ...] = ()

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
    _recall(execution, records)
    trials = study.trials(grids)
    there = tuple(trial for trial in trials if trial.id in records)
    found = tuple(
        dataclasses.replace(
            records[trial.id], study=study.name, part=trial.part, cell=dict(trial.cell)
        )
        for trial in there
    )
    return Results(study, execution, grids, found, len(trials) - len(found), there)


def _recall(execution: Execution, records: Mapping[str, Record]) -> None:
    """Let files that are gone count as what trials read from them: results outlive their data."""
    ran = (records[one].recipe for one in execution.trials if one in records)
    for part in (one for recipe in ran for one in recipe.values() if isinstance(one, Mapping)):
        if "digest" in part:
            files = [value for value in part.values() if isinstance(value, str)]
            contents.recalled |= {Path(file).absolute(): part["digest"] for file in files}

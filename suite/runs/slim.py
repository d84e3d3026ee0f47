"""A result set made small enough to come along with the project."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from suite.evidence.results import Results
from suite.vocabulary.record import Execution, Record, ResultSet


def slim(all_results: Iterable[Results]) -> ResultSet:
    """Return the records of latest runs, each with the curves that its study reads.

    These are what a figure shows, and on what the price of a target is read off.

    Curves are nine tenths of an archive. The digests of initial and final weights, of which these
    are the path, stay.
    """
    records: dict[str, Record] = {}
    curves: dict[str, set[str]] = {}
    executions: dict[str, Execution] = {}
    for results in all_results:
        executions[results.study.name] = results.execution
        target = results.study.target
        read = {target.metric} if target else set()
        views = [view for view in results.study.views if view.kind == "curves"]
        for record in results.records:
            records[record.id] = record
            shown = {view.of for view in views if view.part == record.part}
            curves.setdefault(record.id, set()).update(shown | read)
    kept = {trial: _with(record, curves[trial]) for trial, record in records.items()}
    return ResultSet(kept, executions)


def _with(record: Record, names: set[str]) -> Record:
    curves = {name: one for name, one in record.outcome.curves.items() if name in names}
    return dataclasses.replace(record, outcome=dataclasses.replace(record.outcome, curves=curves))

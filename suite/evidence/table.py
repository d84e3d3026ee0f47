"""One row a trial: its cell, how it ended and what it measured. Nothing dropped, nothing imputed."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from suite.vocabulary.grid import Grid
from suite.vocabulary.metrics import CHOSEN
from suite.vocabulary.record import Record, Status
from suite.vocabulary.study import Target

COLUMNS = ("id", "part", "seed", "status", "error", "spent")
TARGET_OF = {
    "target/steps": "cost/steps",
    "target/examples": "cost/examples",
    "target/seconds": "cost/seconds",
}


def table(records: Iterable[Record], target: Target | None = None) -> pd.DataFrame:
    """Return a frame of trials.

    Its columns are `id`, `part`, `seed`, `status`, `error`, `spent` (seconds of a process, on a
    shared machine or not), the axes by path and the final metrics by name. A metric that a trial does not have, such as the accuracy of a diverged one, is NaN.
    """
    rows = []
    for record in records:
        outcome, ran = record.outcome, record.provenance
        rows.append(
            {
                "id": record.id,
                "part": record.part,
                "seed": record.seed,
                "status": str(outcome.status),
                "error": outcome.error,
                "spent": ran.finished - ran.started,
                **{path: hashable(level) for path, level in record.cell.items()},
                **outcome.final,
                **(price_of_target(record, target) if target else {}),
            }
        )
    return pd.DataFrame(rows)


def finished(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of trials that finished."""
    return rows[rows["status"] == Status.FINISHED]


def by_part(rows: pd.DataFrame, grids: Iterable[Grid]) -> dict[str, pd.DataFrame]:
    """Return each part's rows of a table, with a column for each of the part's axes.

    Of an axis of numbers a second one, `chosen/optimizer.lr`, is the metric of which level was chosen:
    a trial's own, which counts where tuning takes that trial.
    """
    whole = rows if len(rows) else pd.DataFrame(columns=COLUMNS)
    parts = {}
    for grid in grids:
        wanted = dict.fromkeys([*whole.columns, *(axis.path for axis in grid.axes)])
        mine = whole[whole["part"] == grid.name].reindex(columns=list(wanted))
        levels = {f"{CHOSEN}{axis.path}": mine[axis.path] for axis in grid.axes if axis.in_numbers}
        parts[grid.name] = mine.assign(**levels)
    return parts


def price_of_target(record: Record, target: Target) -> dict[str, float]:
    """Return what it took until the target was first met; empty if it never was.

    The resolution is that of the curve: one evaluation.
    """
    curve = record.outcome.curves.get(target.metric, [])
    reached = next((epoch for epoch, value in curve if target.reached(value)), None)
    if reached is None:
        return {}
    share = reached / curve[-1][0]
    final = record.outcome.final
    price = {"target/epochs": reached}
    for name, whole in TARGET_OF.items():
        if whole in final:
            price[name] = final[whole] * share
    return price


def hashable(level: object) -> object:
    """Return a level as a frame's cell has it: a list would have no hash."""
    return tuple(level) if isinstance(level, list) else level

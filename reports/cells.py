"""The full table of a part: every cell with how its trials ended and what they measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.quantities import NOT_MEASURED, axis_label, measured
from reports.setting import metrics_of, part_title
from reports.shown import part_rows
from reports.summary import mean_of
from reports.words import axis_words, level_words
from suite.evidence.arms import at_level
from suite.evidence.results import Results
from suite.grid import Grid


@dataclass(frozen=True)
class CellTable:
    """A part's cells as text.

    Attributes:
        axes, metrics: headings.
        rows: levels; counts of finished, diverged and failed trials; metrics.
    """

    title: str
    axes: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]], ...]


@dataclass(frozen=True)
class Loss:
    """A trial that did not finish."""

    part: str
    cell: str
    seed: int
    status: str
    error: str
    id: str


def cell_table(results: Results, grid: Grid) -> CellTable:
    """Return the table of a part of the results."""
    rows = part_rows(results, grid)
    metrics = metrics_of(results, grid)
    metrics = [metric for metric in metrics if metric in rows and rows[metric].notna().any()]
    lines = []
    for cell in grid.cells:
        of_cell = rows
        for path, level in cell.items():
            of_cell = at_level(of_cell, path, level)
        lines.append((_levels(cell), _counts(of_cell), _values(of_cell, metrics)))
    return CellTable(
        part_title(grid),
        tuple(axis_words(axis.path) for axis in grid.axes),
        tuple(axis_label(metric) for metric in metrics),
        tuple(lines),
    )


def losses_of(results: Results) -> list[Loss]:
    """Return every trial that diverged or failed."""
    titles = {grid.name: part_title(grid) for grid in results.grids}
    return [
        Loss(
            titles.get(record.part, record.part),
            ", ".join(f"{axis_words(path)} {level_words(v)}" for path, v in record.cell.items()),
            record.seed,
            str(record.outcome.status),
            record.outcome.error,
            record.id,
        )
        for record in results.records
        if record.outcome.status != "finished"
    ]


def _levels(cell: dict[str, Any]) -> tuple[str, ...]:
    return tuple(level_words(level) for level in cell.values())


def _counts(rows: pd.DataFrame) -> tuple[int, ...]:
    return tuple(int((rows["status"] == name).sum()) for name in ("finished", "diverged", "failed"))


def _values(rows: pd.DataFrame, metrics: Sequence[str]) -> tuple[str, ...]:
    good = rows[rows["status"] == "finished"]
    values = []
    for metric in metrics:
        mean = mean_of(good[metric])
        text = measured(metric, mean.mean, mean.low, mean.high)
        fewer = text != NOT_MEASURED and mean.n < len(good)
        values.append(f"{text} (n = {mean.n})" if fewer else text)
    return tuple(values)

"""The full table of a part: every cell with how its trials ended and what they measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.figures.summary import Mean, mean_of
from reports.pages.setting import metrics_of, part_title
from suite.evidence.arms import at_levels
from suite.evidence.results import Results
from suite.language.quantities import axis_label, measured
from suite.language.words import axis_words, comma, level_words, status_words
from suite.vocabulary.grid import Grid
from suite.vocabulary.record import Status


@dataclass(frozen=True)
class Cell:
    """A cell of a grid: how many trials ended how, and each metric's mean over those that finished."""

    levels: Mapping[str, Any]
    ends: Mapping[Status, int]
    means: Mapping[str, Mean]


@dataclass(frozen=True)
class CellTable:
    """A part's cells as text.

    Attributes:
        axes, ends, metrics: headings.
        rows: levels; counts of finished, diverged and failed trials; metrics.
    """

    title: str
    axes: tuple[str, ...]
    ends: tuple[str, ...]
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


def cells_of(results: Results, grid: Grid) -> list[Cell]:
    """Return the cells of a part of the results, in the grid's order."""
    rows = results.parts[grid.name]
    metrics = [name for name in metrics_of(results, grid) if name in rows]
    metrics = [name for name in metrics if rows[name].notna().any()]
    found = []
    for cell in grid.cells:
        of_cell = at_levels(rows, cell)
        ends = {status: int((of_cell["status"] == status).sum()) for status in Status}
        good = of_cell[of_cell["status"] == Status.FINISHED]
        found.append(Cell(cell, ends, {name: mean_of(good[name]) for name in metrics}))
    return found


def cell_table(grid: Grid, cells: list[Cell]) -> CellTable:
    """Return the table of a part's cells."""
    metrics = tuple(cells[0].means) if cells else ()
    return CellTable(
        part_title(grid),
        tuple(axis_words(axis.path) for axis in grid.axes),
        tuple(status_words(status) for status in Status),
        tuple(axis_label(metric) for metric in metrics),
        tuple(
            (
                tuple(level_words(level) for level in cell.levels.values()),
                tuple(cell.ends.values()),
                tuple(_value(cell, metric) for metric in metrics),
            )
            for cell in cells
        ),
    )


def cells_frame(grid: Grid, cells: list[Cell]) -> pd.DataFrame:
    """Return a part's cells as numbers, one row a cell: each metric's mean, interval and n."""
    rows = [
        {
            "part": grid.name,
            **cell.levels,
            **cell.ends,
            **{
                f"{metric} {name}": getattr(mean, name)
                for metric, mean in cell.means.items()
                for name in ("mean", "low", "high", "n")
            },
        }
        for cell in cells
    ]
    return pd.DataFrame(rows)


def losses_of(results: Results) -> list[Loss]:
    """Return every trial that diverged or failed."""
    titles = {grid.name: part_title(grid) for grid in results.grids}
    return [
        Loss(
            titles.get(record.part, record.part),
            comma(f"{axis_words(path)} {level_words(v)}" for path, v in record.cell.items()),
            record.seed,
            status_words(record.outcome.status),
            record.outcome.error,
            record.id,
        )
        for record in results.records
        if record.outcome.status is not Status.FINISHED
    ]


def _value(cell: Cell, metric: str) -> str:
    """Return a mean; empty where no trial measured it, with its n where not all did."""
    mean = cell.means[metric]
    if not mean.n:
        return ""
    text = measured(metric, mean.mean, mean.low, mean.high)
    return f"{text} (n = {mean.n})" if mean.n < cell.ends[Status.FINISHED] else text

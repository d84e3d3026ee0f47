"""The cell that one would take, what it measures, and which others cannot be told from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from suite.evidence.arms import at_levels
from suite.evidence.results import Results
from suite.evidence.significance import ALPHA, Contrast, holm, t_test
from suite.evidence.table import COLUMNS, finished
from suite.ground.errors import RequestError, nearest
from suite.vocabulary.grid import Grid
from suite.vocabulary.metrics import METRICS

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Rival:
    """Another cell of the part, and how it differs from the best one.

    Attributes:
        cell: its levels, by path.
        score: its mean of the metric that selects.
        seeds: how many of its trials finished.
        mean: of the metric asked, over its seeds, and the 95 % t interval of that.
        difference: of the metric asked, best cell minus this one, a mean over shared seeds, with
            its 95 % interval, `low` to `high`.
        n: seeds that measured it in both cells.
        p: of no difference, by a paired t test; NaN below two shared seeds. `adjusted_p` is after
            Holm's correction over all rivals that can be compared.
    """

    cell: Cell
    score: float
    seeds: int
    mean: float
    interval: tuple[float, float]
    difference: float
    low: float
    high: float
    n: int
    p: float
    adjusted_p: float

    @property
    def alike(self) -> bool:
        """Whether it cannot be told from the best cell."""
        return not self.adjusted_p < ALPHA


@dataclass(frozen=True, repr=False)
class Best:
    """The cell of a part with the best mean of a validation metric, and what it measures.

    Only cells of which as many trials finished as of any can be chosen: one that diverged at a seed
    is not best for its luck at the others. The p values compare `metric`, two-sided; where a rival
    is better than the cell that validation chose, `difference` says so. As the same trials chose
    and are compared, a small p is some comfort and no proof, above all where `metric` is `select`.

    Attributes:
        part, cell: which; levels by path.
        select: the study's validation metric that chose it, and `score`, its mean.
        metric: what was asked: its `mean` over `n` seeds, and the 95 % t interval of that, `low` to
            `high`, NaN below two seeds.
        rivals: the other cells, best on validation first; those that could not be chosen last.
    """

    part: str
    cell: Cell
    select: str
    score: float
    metric: str
    mean: float
    low: float
    high: float
    n: int
    rivals: tuple[Rival, ...]

    @property
    def runner_up(self) -> Rival | None:
        """The cell that would have been chosen without this one; None if there is no other."""
        return self.rivals[0] if self.rivals else None

    @property
    def p(self) -> float:
        """The adjusted p value against the runner-up; NaN where they cannot be compared."""
        return self.runner_up.adjusted_p if self.runner_up else math.nan

    @property
    def alike(self) -> tuple[Cell, ...]:
        """The cells that cannot be told from this one."""
        return tuple(rival.cell for rival in self.rivals if rival.alike)

    @property
    def table(self) -> pd.DataFrame:
        """The rivals, a row each: their levels by path, then their other attributes."""
        return pd.DataFrame(
            [
                {**one.cell, **{name: getattr(one, name) for name in (*_NUMBERS, "alike")}}
                for one in self.rivals
            ]
        )

    def __repr__(self) -> str:
        lines = [
            f"best by {self.select}, {self.score:.4g}: {_words(self.cell)}",
            f"{self.metric} {self.mean:.4g} [{self.low:.4g}, {self.high:.4g}], n = {self.n}",
        ]
        if self.runner_up:
            lines.append(
                f"against the runner-up, {_words(self.runner_up.cell)}: p = {self.p:.2g} (Holm)"
            )
            lines.append(
                f"cannot be told from it: {len(self.alike)} of {len(self.rivals)} other cells"
            )
        return "\n".join(lines)


_NUMBERS = ("score", "seeds", "mean", "difference", "low", "high", "n", "p", "adjusted_p")


def best(results: Results, metric: str, part: str, each: str | None = None) -> Best:
    """Return the best cell of a part, as `Frames.best` says; raises as that does."""
    grids = {grid.name: grid for grid in results.grids}
    if part not in grids:
        raise RequestError(f"there is no part '{part}' {nearest(part, grids)}")
    grid, rows, select = grids[part], results.parts[part], results.study.select
    _check_measured(results, grid, rows, metric)
    if grid.looks:  # further seeds are of cells that open claims read, be they good or not
        seen = [set(at_levels(rows, cell)["seed"]) for cell in grid.cells]
        rows = rows[rows["seed"].isin(set.intersection(*filter(None, seen)))]
    cells = [finished(at_levels(rows, cell)).set_index("seed") for cell in grid.cells]
    scores = [float(cell[select].mean()) for cell in cells]
    seeds = [int(cell[select].notna().sum()) for cell in cells]
    order = _order(scores, seeds, METRICS[select].better == "higher")
    if each is not None:
        path, first = grid.axis(each).path, dict[Any, int]()
        for i in order:
            first.setdefault(grid.cells[i][path], i)
        order = list(first.values())
    chosen, *others = order
    values = [cell[metric].dropna().astype(float) for cell in cells]
    # Cells share seeds, and are paired by them; what one lacks does not count.
    contrasts = [_numbers((values[chosen] - values[i]).dropna()) for i in others]
    tests = [t_test(contrast, 0.0) for contrast in contrasts]
    p_values = [
        test.p if len(contrast) > 1 else math.nan
        for test, contrast in zip(tests, contrasts, strict=True)
    ]
    adjusted = holm(p_values)
    own, *of_others = (t_test(_numbers(values[i]), 0.0) for i in order)
    return Best(
        part=part,
        cell=grid.cells[chosen],
        select=select,
        score=scores[chosen],
        metric=metric,
        mean=own.estimate,
        low=own.low,
        high=own.high,
        n=len(values[chosen]),
        rivals=tuple(
            Rival(
                cell=grid.cells[i],
                score=scores[i],
                seeds=seeds[i],
                mean=of_others[k].estimate,
                interval=(of_others[k].low, of_others[k].high),
                difference=tests[k].estimate,
                low=tests[k].low,
                high=tests[k].high,
                n=len(contrasts[k]),
                p=p_values[k],
                adjusted_p=adjusted[k],
            )
            for k, i in enumerate(others)
        ),
    )


def _order(scores: Sequence[float], seeds: Sequence[int], higher: bool) -> list[int]:
    """Return the places of cells, best first: those of most seeds before others, of none last."""

    def place(i: int) -> tuple[int, float]:
        return -seeds[i], (-scores[i] if higher else scores[i]) if seeds[i] else 0.0

    return sorted(range(len(scores)), key=place)


def _numbers(values: pd.Series[float]) -> Contrast:
    return np.array(values.tolist(), np.float64)


def _check_measured(results: Results, grid: Grid, rows: pd.DataFrame, metric: str) -> None:
    """Refuse a metric that no trial of a part that finished has, or a part without validation."""
    good, axes = finished(rows), [axis.path for axis in grid.axes]
    there = [
        name for name in good if name not in (*COLUMNS, *axes) and bool(good[name].notna().any())
    ]
    who = f"part '{grid.name}' of study '{results.study.name}'"
    if metric not in there:
        raise RequestError(f"{who} has no metric '{metric}' {nearest(metric, there)}")
    if results.study.select not in there:
        raise RequestError(f"{who} has no {results.study.select}, by which a cell is chosen")


def _words(cell: Cell) -> str:
    return ", ".join(f"{path}={level}" for path, level in cell.items()) or "the only cell"

"""What a view shows: its points by seed, after tuning or averaging, and the trials it lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from reports.figures.summary import Mean, mean_of
from suite.evidence.arms import arm_values, at_levels
from suite.evidence.results import Results
from suite.evidence.table import finished
from suite.language.catalogue import gettext, ngettext
from suite.language.words import arm_words, axis_words, listed, metric_words, status_words
from suite.vocabulary.grid import Axis, Grid
from suite.vocabulary.views import View

ONE = Axis("", (None,))
MEASURED = "measured on"  # the x of a matrix, whose levels are metrics


@dataclass(frozen=True)
class Shown:
    """The data of one figure.

    Attributes:
        x, colour: the axes told apart; without one, an axis of one level and no path.
        points: columns `x` and `colour` (positions among the levels), `seed` and `value`; for
            curves `x` is the epoch.
        trials: columns `x`, `colour`, `status`, `count`: how many trials ended how.
        rest: the other axes that vary: tuned, or averaged over.
        absent: how many of the `finished` trials never gave a value.
    """

    view: View
    grid: Grid
    x: Axis
    colour: Axis
    points: pd.DataFrame
    trials: pd.DataFrame
    rest: tuple[str, ...]
    absent: int
    finished: int

    @property
    def lost(self) -> pd.DataFrame:
        """The trials that did not finish."""
        return self.trials[self.trials["status"] != "finished"]

    @property
    def lost_words(self) -> str:
        """How many trials did not finish, by what became of them; empty if all did."""
        counts = self.lost.groupby("status")["count"].sum()
        return listed(
            ngettext("{n} trial {ended}", "{n} trials {ended}", int(count)).format(
                n=f"{count:,}", ended=status_words(str(status))
            )
            for status, count in counts.items()
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about how the points came about."""
        notes = []
        if self.view.where:
            notes.append(gettext("Only {arm}.").format(arm=arm_words(self.view.where)))
        if self.rest and len(self.points):
            names = listed(axis_words(path) for path in self.rest)
            pattern = gettext(
                "Averaged, within each seed, over the levels of {axes} that finished."
            )
            if self.view.tuned:
                pattern = gettext("For each seed the {axes} that validation chose.")
            notes.append(pattern.format(axes=names))
        if self.absent and len(self.points):
            pattern = ngettext(
                "{n} of {all} finished trials never gave a value for {metric} and has no point.",
                "{n} of {all} finished trials never gave a value for {metric} and have no point.",
                self.absent,
            )
            metric = metric_words(self.view.of)
            notes.append(pattern.format(n=self.absent, all=self.finished, metric=metric))
        return (*notes, *_seeds_note(self.points))

    @cached_property
    def means(self) -> tuple[Mapping[int, Mean], ...]:
        """For each level of colour, the mean over seeds at every position along x that has one."""
        found: list[dict[int, list[float]]] = [{} for _ in self.colour.levels]
        for x, colour, value in self.points[["x", "colour", "value"]].itertuples(index=False):
            found[int(colour)].setdefault(int(x), []).append(value)
        return tuple({x: mean_of(line[x]) for x in sorted(line)} for line in found)

    def line(self, colour: int) -> pd.DataFrame:
        """Return the points of one level of colour."""
        return self.points[self.points["colour"] == colour]


def shown(results: Results, view: View) -> Shown:
    """Return what a view shows of the results."""
    grid = _held(next(grid for grid in results.grids if grid.name == view.part), view)
    x = grid.axis(view.x) if view.x and view.kind != "curves" else ONE
    if view.kind == "matrix":
        x = Axis(MEASURED, tuple(view.metrics))
    colour = grid.axis(view.colour) if view.colour else ONE
    rows = at_levels(results.parts[grid.name], view.where)
    if view.kind == "effect":  # arms may share trials
        both = pd.concat([at_levels(rows, view.arm), at_levels(rows, view.against)])
        rows = both[~both.index.duplicated()]
    points, trials = [], []
    for i, j, every in _cells(rows, x, colour):
        cell = _even(every) if grid.looks else every
        one = dataclasses.replace(view, of=list(view.metrics.values())[i]) if view.metrics else view
        of_cell = (_curve_points if view.kind == "curves" else _points)(results, one, grid, cell)
        points.append(of_cell.assign(colour=j) if "x" in of_cell else of_cell.assign(x=i, colour=j))
        ended = cell["status"].value_counts(sort=False)
        trials += [(i, j, str(status), int(count)) for status, count in ended.items()]
    table = pd.concat(points, ignore_index=True)[["x", "colour", "seed", "value"]].astype(float)
    table = table.dropna()
    ends = pd.DataFrame(trials, columns=["x", "colour", "status", "count"])
    rest = tuple(
        axis.path
        for axis in grid.axes
        if axis.path not in (x.path, colour.path, *view.arm, *view.against) and len(axis.levels) > 1
    )
    good = finished(rows)
    absent = int(good[view.of].isna().sum()) if view.of in rows else 0
    return Shown(view, grid, x, colour, table, ends, rest, absent, len(good))


def _even(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the seeds that all levels have: open claims may have asked some of them for more."""
    levels = rows.groupby("seed")["id"].transform("size")
    return rows.loc[np.asarray(levels == levels.max(), bool)]


def _held(grid: Grid, view: View) -> Grid:
    """Return the grid with the one level that the view keeps of each axis it holds."""
    axes = tuple(
        Axis(axis.path, (view.where[axis.path],)) if axis.path in view.where else axis
        for axis in grid.axes
    )
    return dataclasses.replace(grid, axes=axes)


def _cells(rows: pd.DataFrame, x: Axis, colour: Axis) -> Iterator[tuple[int, int, pd.DataFrame]]:
    for j, colour_level in enumerate(colour.levels):
        for i, x_level in enumerate(x.levels):
            levels = {colour.path: colour_level, x.path: x_level}
            yield i, j, at_levels(rows, {path: levels[path] for path in levels if path in rows})


def _points(results: Results, view: View, grid: Grid, cell: pd.DataFrame) -> pd.DataFrame:
    if view.kind == "effect":
        select, tune = results.study.select, grid.probe is None
        arm, against = (
            arm_values(cell, grid, one, view.of, select, tune=tune).values
            for one in (view.arm, view.against)
        )
        values = (arm - against).dropna()
    elif view.tuned:
        values = arm_values(cell, grid, {}, view.of, results.study.select).values
    elif view.of in cell:
        good = finished(cell)
        values = good.groupby("seed")[view.of].mean()
    else:
        values = pd.Series(dtype=float)
    return pd.DataFrame({"seed": values.index, "value": values.to_numpy(float)})


def _curve_points(results: Results, view: View, grid: Grid, cell: pd.DataFrame) -> pd.DataFrame:
    """Return the curves of a cell's finished trials, averaged within each seed."""
    kept = finished(cell)
    if view.tuned:
        select = results.study.select
        chosen = arm_values(cell, grid, {}, select, select).chosen
        paths = ["seed", *chosen.columns]
        kept = kept.merge(chosen.reset_index(), on=paths) if len(chosen) else kept.iloc[:0]
    ids = set(kept["id"])
    pairs = [
        (record.seed, epoch, value)
        for record in results.records
        if record.id in ids
        for epoch, value in record.outcome.curves.get(view.of, [])
    ]
    frame = pd.DataFrame(pairs, columns=["seed", "x", "value"])
    return frame.groupby(["seed", "x"])[["value"]].mean().reset_index()


def _seeds_note(points: pd.DataFrame) -> tuple[str, ...]:
    """Say how many seeds each mean is of."""
    if points.empty:
        return ()
    seeds = points.groupby(["x", "colour"])["seed"].nunique()
    least, most = int(seeds.min()), int(seeds.max())
    if least == most:
        return (gettext("n = {n}.").format(n=most),)
    return (gettext("n = {least} to {most}.").format(least=least, most=most),)

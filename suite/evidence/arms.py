"""The values of an arm: for each seed, the metric at the arm's levels, the rest tuned.

A replicate is the whole procedure "tune, then test once", and n counts seeds. If the level that is
best on average lies on the edge of the grid, the verdict is `undecided`, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from suite.evidence.table import finished
from suite.vocabulary.grid import Axis, Grid
from suite.vocabulary.metrics import METRICS


@dataclass(frozen=True)
class ArmValues:
    """What one arm of a claim measured.

    Attributes:
        levels: what defines it.
        values: the metric by seed; missing where no trial finished or the chosen one lacks it, such
            as the price of a target it never reached.
        chosen: for each tuned axis, the level each seed chose.
        best: for each tuned axis, the level whose mean over seeds is best on validation.
        on_edge: tuned axes whose best level is the first or last of at least three.
        ends: how the trial of each seed ended, by seed; with tuned axes, every trial's end.
        trials: how many trials the arm had, over all levels that were tried.
        lost: how many of them diverged or failed.
        spent: seconds of process time they took.
        best_trial: id of the one that is best on validation, over all seeds and levels; or empty.
    """

    levels: Mapping[str, Any]
    values: pd.Series[float]
    chosen: pd.DataFrame
    best: Mapping[str, Any]
    on_edge: tuple[str, ...]
    ends: pd.Series[str]
    trials: int
    lost: int
    spent: float
    best_trial: str = ""

    @property
    def levels_chosen(self) -> dict[str, dict[int, Any]]:
        """The level that each seed chose of each tuned axis: by path, then by seed."""
        return {
            str(path): {
                int(seed): _plain(level)
                for seed, level in zip(self.chosen.index, self.chosen[path], strict=True)
            }
            for path in self.chosen
        }


def at_levels(rows: pd.DataFrame, levels: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows at these levels; unlike `==`, also where one is a tuple or None."""
    here = np.ones(len(rows), bool)
    for path, level in levels.items():
        here &= np.asarray([_same(value, level) for value in rows[path]], bool)
    return rows[here]


def _same(value: Any, level: Any) -> bool:
    if level is None:  # pandas turns None into NaN, which differs from itself
        return bool(pd.isna(value)) if not isinstance(value, tuple) else False
    return isinstance(value, tuple) == isinstance(level, tuple) and bool(value == level)


def _plain(level: Any) -> Any:
    """Return a level as it was before a frame held it."""
    level = level.item() if isinstance(level, np.generic) else level
    return None if not isinstance(level, tuple) and pd.isna(level) else level


def arm_values(
    rows: pd.DataFrame,
    grid: Grid,
    arm: Mapping[str, Any],
    metric: str,
    select: str,
    *,
    tune: bool = True,
) -> ArmValues:
    """Return the values of an arm over the rows of its part.

    Axes that `arm` does not name are tuned: each seed takes the trial that is best by `select`,
    a validation metric, so a replicate is a whole run of "tune, then test once". Without `tune`
    every finished trial's value is returned.
    """
    tuned = [axis for axis in grid.axes if tune and axis.path not in arm]
    paths = [axis.path for axis in tuned]
    needed = dict.fromkeys(["id", "seed", "status", "spent", *paths, metric, select])
    rows = at_levels(rows, arm).reindex(columns=list(needed))  # many columns make pandas slow
    good, best = finished(rows), dict[str, Any]()
    if tuned:
        good = good.dropna(subset=[select])
    if tuned and len(good):
        good, best = _tuned(good, paths, select)
    by_seed = good.set_index("seed")
    return ArmValues(
        levels=arm,
        values=by_seed[metric].dropna().astype(float),
        chosen=by_seed[paths],
        best=best,
        on_edge=tuple(axis.path for axis in tuned if best and is_edge(axis, {**arm, **best})),
        ends=rows.set_index("seed")["status"],
        trials=len(rows),
        lost=len(rows) - len(finished(rows)),
        spent=float(rows["spent"].sum()),
        best_trial=_best_trial(rows, select),
    )


def _tuned(
    good: pd.DataFrame, paths: Sequence[str], select: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the row of each seed that is best on validation, and the levels best on average."""
    score = good[select] * (1.0 if METRICS[select].better == "higher" else -1.0)
    means = score.groupby([good[path] for path in paths], dropna=False).mean()
    top: Any = means.idxmax()
    levels = top if len(paths) > 1 else (top,)
    best = {
        path: None if pd.isna(level) is True else level  # a level of None is NaN in a frame
        for path, level in zip(paths, levels, strict=True)
    }
    return good.loc[score.groupby(good["seed"]).idxmax()], best


def is_edge(axis: Axis, cell: Mapping[str, Any]) -> bool:
    """Whether a cell has the first or last of at least three levels: a better one may lie beyond."""
    levels = axis.beside(cell)
    return len(levels) > 2 and cell[axis.path] in (levels[0], levels[-1])


def _best_trial(rows: pd.DataFrame, select: str) -> str:
    score = finished(rows)[select].dropna().astype(float)
    if score.empty:
        return ""
    best: Any = score.idxmax() if METRICS[select].better == "higher" else score.idxmin()
    return str(rows.loc[best, "id"])

"""The values of an arm: for each seed, the metric at the arm's levels, the rest tuned.

A replicate is the whole procedure "tune, then test once", and n counts seeds. If the level that is
best on average lies on the edge of the grid, the verdict is `undecided`, and says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from suite.evidence.significance import ALPHA, t_test
from suite.evidence.table import finished
from suite.ground.fields import owner_of
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
        on_edge: tuned axes whose best level lies at an end where better ones may follow.
        tried: how many combinations of tuned levels it could choose from.
        ends: how the trial of each seed ended, by seed; with tuned axes, every trial's end.
        trials: how many trials the arm had, over all levels that were tried.
        lost: how many of them diverged or failed.
        spent: seconds of process time they took.
        best_trial: id of the one that is best on validation, over all seeds and levels; or empty.
        trial_of: id of the trial that each seed's value is of, by seed.
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
    tried: int = 1
    trial_of: Mapping[int, str] = dataclasses.field(default_factory=dict)

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
    done = finished(rows)
    good, best, on_edge = done, dict[str, Any](), tuple[str, ...]()
    if tuned:
        good = good.dropna(subset=[select])
    if tuned and len(good):
        score = good[select] * (1.0 if METRICS[select].better == "higher" else -1.0)
        best = _best_levels(good, paths, score)
        on_edge = tuple(
            axis.path
            for axis in tuned
            if is_edge(grid, axis, {**arm, **best})
            and _is_better_there(axis, {**arm, **best}, best, good.assign(score=score))
        )
        good = good.loc[score.groupby(good["seed"]).idxmax()]
    seeds = pd.Index(good["seed"])
    return ArmValues(
        levels=arm,
        values=good[metric].set_axis(seeds).dropna().astype(float),
        chosen=good[paths].set_axis(seeds),
        best=best,
        on_edge=on_edge,
        ends=rows["status"].set_axis(pd.Index(rows["seed"])),
        trials=len(rows),
        lost=len(rows) - len(done),
        spent=float(rows["spent"].sum()),
        best_trial=_best_trial(done, select),
        tried=len(rows[paths].drop_duplicates()) if paths else 1,
        trial_of=dict(zip(good["seed"], good["id"], strict=True)),
    )


def _best_levels(
    good: pd.DataFrame, paths: Sequence[str], score: pd.Series[float]
) -> dict[str, Any]:
    """Return the levels whose mean score over seeds is best."""
    means = score.groupby([good[path] for path in paths], dropna=False).mean()
    top: Any = means.idxmax()
    levels = top if len(paths) > 1 else (top,)
    return {
        path: None if pd.isna(level) is True else level  # a level of None is NaN in a frame
        for path, level in zip(paths, levels, strict=True)
    }


def is_edge(grid: Grid, axis: Axis, cell: Mapping[str, Any]) -> bool:
    """Whether a better level may lie beyond a cell's: it is the least or largest of three or more.

    Only numbers are in an order, and nothing lies beyond what a field can be: no dropout below 0.
    """
    levels, here = _in_order(axis, cell), cell[axis.path]
    return len(levels) > 2 and here in (levels[0], levels[-1]) and not _is_bound(grid, axis, here)


def _in_order(axis: Axis, cell: Mapping[str, Any]) -> list[Any]:
    levels = axis.beside(cell)
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in levels)
    return sorted(levels) if numbers else []


def _is_bound(grid: Grid, axis: Axis, level: Any) -> bool:
    if grid.probe is not None or axis.sets:
        return False
    _, field = owner_of(grid.recipe, axis.path)
    return level in (field.metadata.get("low"), field.metadata.get("high"))


def _is_better_there(
    axis: Axis, cell: Mapping[str, Any], best: Mapping[str, Any], good: pd.DataFrame
) -> bool:
    """Whether the last level is better than the one before it, and not by luck alone."""
    levels = _in_order(axis, cell)
    before = levels[1] if cell[axis.path] == levels[0] else levels[-2]
    there, inner = (
        at_levels(good, where).set_index("seed")["score"]
        for where in (best, {**best, axis.path: before})
    )
    gained = (there - inner).dropna().to_numpy(float)
    return t_test(gained, 0.0).p < ALPHA


def _best_trial(done: pd.DataFrame, select: str) -> str:
    score = done[select].dropna().astype(float)
    if score.empty:
        return ""
    best: Any = score.idxmax() if METRICS[select].better == "higher" else score.idxmin()
    return str(done.loc[best, "id"])

"""The values of an arm: for each seed, the metric at the arm's levels, the rest tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from suite.metrics import METRICS
from suite.study import Grid


@dataclass(frozen=True)
class ArmValues:
    """What one arm of a claim measured.

    Attributes:
        values: the metric by seed; a seed without a finished trial is missing.
        chosen: for each tuned axis, the level each seed chose.
        best: for each tuned axis, the level whose mean over seeds is best on validation.
        on_edge: tuned axes whose best level is the first or last of at least three.
        trials: how many trials the arm had, over all levels that were tried.
        lost: how many of them diverged or failed.
        spent: seconds of process time they took.
    """

    values: pd.Series[float]
    chosen: pd.DataFrame
    best: Mapping[str, Any]
    on_edge: tuple[str, ...]
    trials: int
    lost: int
    spent: float


def arm_values(
    rows: pd.DataFrame, grid: Grid, arm: Mapping[str, Any], metric: str, select: str
) -> ArmValues:
    """Return the values of an arm over the rows of its part.

    Axes that `arm` does not name are tuned: each seed takes the trial that is best by `select`,
    a validation metric, so a replicate is a whole run of "tune, then test once".
    """
    for path, level in arm.items():
        rows = rows[rows[path] == level]
    tuned = [axis for axis in grid.axes if axis.path not in arm]
    paths = [axis.path for axis in tuned]
    good = rows[rows["status"] == "finished"]
    if metric in good:
        good = good[good[metric].notna()]
    if good.empty or metric not in good:
        empty = pd.Series(dtype=float)
        return ArmValues(empty, pd.DataFrame(), {}, (), len(rows), len(rows), rows["spent"].sum())
    sign = 1.0 if METRICS[select].better == "higher" else -1.0
    if tuned:
        score = sign * good[select]
        picked = good.loc[score.groupby(good["seed"]).idxmax()]
        means = score.groupby([good[path] for path in paths]).mean()
        top = means.idxmax()
        best = dict(zip(paths, top if len(paths) > 1 else (top,), strict=True))
    else:
        picked, best = good, {}
    on_edge = tuple(
        axis.path
        for axis in tuned
        if len(axis.levels) > 2 and best[axis.path] in (axis.levels[0], axis.levels[-1])
    )
    return ArmValues(
        values=picked.set_index("seed")[metric].astype(float),
        chosen=picked.set_index("seed")[paths],
        best=best,
        on_edge=on_edge,
        trials=len(rows),
        lost=int((rows["status"] != "finished").sum()),
        spent=float(rows["spent"].sum()),
    )

"""What a claim compares, reduced to one number a seed.

Every kind of claim is a contrast (a difference, a slope, a rank correlation, a difference of
differences, a distance to a level), tested by the same t tests. Only shares of seeds (`Rate` and
`Within`, exact) and identities (`Identity`, a tolerance) are decided otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from suite.evidence.arms import ArmValues, arm_values
from suite.vocabulary.claims import (
    Claim,
    Identity,
    Interaction,
    Ordering,
    Rate,
    Threshold,
    Trend,
    Within,
    arms,
)
from suite.vocabulary.grid import Grid

Contrast = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Measured:
    """The arms of a claim.

    Attributes:
        arms: what each measured, by name.
        seeds: one row a seed that has a value in every arm, one column an arm.
        contrast: one number a row, on the scale that is analysed.
    """

    arms: Mapping[str, ArmValues]
    seeds: pd.DataFrame
    contrast: Contrast


def measure_arms(claim: Claim, grid: Grid, rows: pd.DataFrame, select: str) -> Measured:
    """Return the arms of a claim and its contrast, from the rows of its part."""
    levels = grid.axis(claim.along).levels if claim.along else ()
    tune = grid.probe is None and not isinstance(claim, Identity)
    found = {
        name: arm_values(rows, grid, arm, claim.of, select, tune=tune)
        for name, arm in arms(claim, levels).items()
    }
    seeds = pd.DataFrame({name: arm.values for name, arm in found.items()}).dropna()
    if isinstance(claim, Identity):
        seeds = seeds.abs().groupby(level="seed").max()
    return Measured(found, seeds, contrast(claim, seeds, levels))


def contrast(claim: Claim, seeds: pd.DataFrame, levels: tuple[float, ...] = ()) -> Contrast:
    """Return one number a seed: a difference, a slope, a rank correlation, a distance.

    On a ratio scale everything is done to logarithms.
    """
    values = seeds.to_numpy(float)
    ratio = claim.by_ratio
    if ratio:
        values = np.log(values)
    if isinstance(claim, Trend):
        if len(levels) < 2:
            return np.full(len(values), np.nan)  # no slope
        places = np.array([claim.place(level) for level in levels])
        centred = places - places.mean()
        return np.asarray(values @ centred / (centred @ centred))
    if isinstance(claim, Ordering):
        taus = [stats.kendalltau(range(len(levels)), row).statistic for row in values]
        return np.asarray(np.nan_to_num(taus), float)  # all values equal: no order at all
    if isinstance(claim, Threshold):
        return np.asarray(values[:, 0] - (np.log(claim.level) if ratio else claim.level))
    if isinstance(claim, Interaction):
        return np.asarray(values @ np.array([1, -1, -1, 1]))
    if isinstance(claim, Rate):
        return np.asarray(values[:, 0] >= claim.level, float)
    if isinstance(claim, Within):
        inside = (values[:, 0] >= claim.low) & (values[:, 0] <= claim.high)
        return np.asarray(inside, float)
    return np.asarray(values[:, 0] - values[:, 1] if values.shape[1] > 1 else values[:, 0])

"""What a claim compares, reduced to one number a seed.

Every kind of claim is a contrast (a difference, a slope, a rank correlation, a difference of
differences, a distance to a level), tested by the same t tests. Only shares of seeds (`Rate` and
`Within`, exact) and identities (`Identity`, a tolerance) are decided otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from suite.evidence.arms import ArmValues, arm_values
from suite.evidence.profiles import Profile
from suite.vocabulary.claims import (
    Boundary,
    Claim,
    Difference,
    Equivalence,
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
    if claim.by_ratio:
        # Of values at or below 0 there is none.
        values = np.log(np.where(values > 0, values, np.nan))
    match claim:
        case Trend():
            return _slopes(claim, values, levels)
        case Ordering():
            if len(levels) < 2:
                return np.full(len(values), np.nan)
            taus = [stats.kendalltau(range(len(levels)), row).statistic for row in values]
            return np.asarray(np.nan_to_num(taus), float)  # all values equal: no order at all
        case Threshold():
            level = np.log(claim.level) if claim.by_ratio else claim.level
            return np.asarray(values[:, 0] - level)
        case Interaction():
            return np.asarray(values @ np.array([1, -1, -1, 1]))
        case Rate():
            return np.asarray(values[:, 0] >= claim.level, float)
        case Within():
            inside = (values[:, 0] >= claim.low) & (values[:, 0] <= claim.high)
            return np.asarray(inside, float)
        case Identity():
            return np.asarray(values[:, 0])
        case Boundary():
            return _amid(claim, values, levels)
        case Difference() | Equivalence():
            return np.asarray(values[:, 0] - values[:, 1])


def _amid(claim: Boundary, values: np.ndarray[Any, Any], levels: tuple[float, ...]) -> Contrast:
    """Return each row's effect in the middle of the claimed range."""
    order = np.argsort(levels)
    effects = values[:, : len(levels)] - values[:, len(levels) :]
    found = Profile(tuple(float(levels[i]) for i in order), effects[:, order])
    low, high = (found.place(max(end, found.levels[0])) for end in (claim.low, claim.high))
    return found.at((low + high) / 2)


def _slopes(claim: Trend, values: np.ndarray[Any, Any], levels: tuple[float, ...]) -> Contrast:
    """Return each row's least-squares slope; none over a single level."""
    if len(levels) < 2:
        return np.full(len(values), np.nan)
    places = np.array([claim.place(level) for level in levels])
    centred = places - places.mean()
    return np.asarray(values @ centred / (centred @ centred))

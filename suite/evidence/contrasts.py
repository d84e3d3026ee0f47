"""What a claim compares, reduced to one number a seed.

Every kind of claim is a contrast (a difference, a slope, a rank correlation, a difference of
differences, a distance to a level), tested by the same t tests. Only shares of seeds (`Rate` and
`Within`, exact) and identities (`Identity`, a tolerance) are decided otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from suite.evidence.arms import ArmValues, arm_values, at_levels
from suite.evidence.profiles import Profile
from suite.evidence.significance import Contrast
from suite.evidence.table import finished
from suite.vocabulary.claims import (
    Boundary,
    Claim,
    Difference,
    Equivalence,
    Identity,
    Interaction,
    Ordering,
    Rate,
    Slope,
    Tested,
    Threshold,
    Trend,
    Within,
    arms,
    claimed_slope,
    place,
)
from suite.vocabulary.grid import Grid
from suite.vocabulary.metrics import METRICS, chosen_axis


@dataclass(frozen=True)
class Measured:
    """The arms of a claim.

    Attributes:
        arms: what each measured, by name.
        seeds: one row a seed that has a value in every arm, one column an arm.
        contrast: one number a row, on the scale that is analysed.
        asked: how many seeds had a trial in every arm.
        ends: what the contrast would be, seed by seed, if those that lack a value had measured what
            lies lowest and highest for the claim; empty where none lacks one.
        grain: standard deviation of what rounding does to a contrast.
    """

    arms: Mapping[str, ArmValues]
    seeds: pd.DataFrame
    contrast: Contrast
    asked: int = 0
    ends: tuple[Contrast, ...] = ()
    grain: float = 0.0

    @property
    def never(self) -> bool:
        """Whether a seed never came to its target, which is later than any that did."""
        return bool(np.isinf(self.seeds.to_numpy(float)).any())


def measure_arms(claim: Claim, grid: Grid, rows: pd.DataFrame, select: str) -> Measured:
    """Return the arms of a claim and its contrast, from the rows of its part."""
    levels = grid.axis(claim.along).levels if claim.along else ()
    tune = grid.probe is None and not isinstance(claim, Identity)
    found = {
        name: arm_values(rows, grid, arm, claim.of, select, tune=tune)
        for name, arm in arms(claim, levels).items()
    }
    if isinstance(claim, Identity):
        seeds = pd.DataFrame({name: arm.values for name, arm in found.items()}).dropna()
        seeds = seeds.abs().groupby(level="seed").max()
        return Measured(found, seeds, contrast(claim, seeds, levels), len(seeds))
    values = pd.DataFrame({name: arm.values for name, arm in found.items()})
    shared = set.intersection(*(set(arm.ends.index) for arm in found.values()))
    values = values.reindex(sorted(shared))
    values.index.name = "seed"
    if isinstance(claim, Tested) and claim.of.startswith("target/"):
        values = values.fillna(np.inf)
    seeds = values.dropna()
    ends: tuple[Contrast, ...] = ()
    if isinstance(claim, Tested) and len(seeds) < len(values):
        ends = tuple(_ends(claim, values, levels, *_extremes(claim.of, rows)))
    grain = grain_of(claim, rows, levels) if isinstance(claim, Tested | Boundary) else 0.0
    return Measured(found, seeds, contrast(claim, seeds, levels), len(values), ends, grain)


def _extremes(metric: str, rows: pd.DataFrame) -> tuple[float, float]:
    """Return between what a value lies that is not there: of a share 0 and 1, else what was seen."""
    seen = _seen(metric, rows)
    if METRICS[metric].unit == "percent" and seen.between(0, 1).all():
        return 0.0, 1.0
    return (float(seen.min()), float(seen.max())) if len(seen) else (math.nan, math.nan)


def _seen(metric: str, rows: pd.DataFrame) -> pd.Series[float]:
    good = finished(rows)
    return good[metric].dropna().astype(float) if metric in good else pd.Series(dtype=float)


def _ends(
    claim: Tested, values: pd.DataFrame, levels: tuple[Any, ...], low: float, high: float
) -> Iterator[Contrast]:
    """Yield the contrast with the values that are missing at either end of what they can be."""
    if isinstance(claim, Ordering):
        found = pd.Series(contrast(claim, values.dropna(), levels), index=values.dropna().index)
        for tau in (-1.0, 1.0):
            yield np.asarray(found.reindex(values.index, fill_value=tau), np.float64)
        return
    signs = np.sign(coefficients(claim, levels))
    for lowest in (True, False):
        filled = [low if (sign > 0) == lowest else high for sign in signs]
        whole = values.fillna(dict(zip(values.columns, filled, strict=True)))
        yield contrast(claim, whole, levels)


def grain_of(claim: Tested | Boundary, rows: pd.DataFrame, levels: tuple[Any, ...]) -> float:
    """Return the standard deviation of what rounding does to a contrast.

    A share of m examples is known to 1/m, the least step between any two that were measured, a chosen
    level to the step between two of the grid, and a rank correlation of k levels to 4 / k(k - 1); what
    is rounded off is as good as uniform (Sheppard, 1898).
    """
    if isinstance(claim, Ordering):
        k = len(levels)
        return 4 / (k * (k - 1)) / math.sqrt(12) if k > 1 else 0.0
    by_arm = [rows]
    if chosen_axis(claim.of):  # which levels there are may depend on the arm
        by_arm = [at_levels(rows, arm) for arm in arms(claim, levels).values()]
    elif METRICS[claim.of].unit != "percent" or claim.by_ratio:
        return 0.0
    steps = np.array([_step(claim, _seen(claim.of, some).to_numpy()) for some in by_arm])
    rounded = steps * coefficients(claim, levels)
    return float(np.linalg.norm(rounded)) / math.sqrt(12)


def _step(claim: Tested | Boundary, values: np.ndarray[Any, Any]) -> float:
    """Return the least step between two values; 0 where there are no two."""
    seen = np.unique(np.log(values[values > 0]) if claim.by_ratio else values.round(7))
    return float(np.diff(seen).min()) if len(seen) > 1 else 0.0


def coefficients(claim: Tested | Boundary, levels: tuple[Any, ...] = ()) -> Contrast:
    """Return by what each arm's value is multiplied in a contrast; an order has no such numbers."""
    match claim:
        case Trend() | Slope():
            places = np.array([place(claim.per, level) for level in levels])
            if len(places) < 2:
                return np.full(len(places), np.nan)  # over a single level there is no slope
            centred = places - places.mean()
            return np.asarray(centred / (centred @ centred))
        case Threshold():
            return np.array([1.0])
        case Interaction():
            return np.array([1.0, -1.0, -1.0, 1.0])
        case Difference() | Equivalence() | Boundary():  # of a boundary, at a level
            return np.array([1.0, -1.0])
    raise AssertionError(f"{type(claim).__name__} is no sum of its arms")


def contrast(claim: Claim, seeds: pd.DataFrame, levels: tuple[Any, ...] = ()) -> Contrast:
    """Return one number a seed: a difference, a slope, a rank correlation, a distance.

    On a ratio scale everything is done to logarithms.
    """
    values = seeds.to_numpy(float)
    if claim.by_ratio:
        # Of values at or below 0 there is none.
        values = np.log(np.where(values > 0, values, np.nan))
    match claim:
        case Ordering():
            if len(levels) < 2:
                return np.full(len(values), np.nan)
            taus = [stats.kendalltau(range(len(levels)), row).statistic for row in values]
            return np.asarray(np.nan_to_num(taus), float)  # all values equal: no order at all
        case Rate():
            return np.asarray(values[:, 0] >= claim.level, float)
        case Within():
            inside = (values[:, 0] >= claim.low) & (values[:, 0] <= claim.high)
            return np.asarray(inside, float)
        case Identity():
            return np.asarray(values[:, 0])
        case Boundary():
            return _amid(claim, values, levels)
        case Threshold():
            return np.asarray(
                values[:, 0] - (np.log(claim.level) if claim.by_ratio else claim.level)
            )
        case Difference() | Equivalence():
            with np.errstate(invalid="ignore"):
                differences = values[:, 0] - values[:, 1]
            # Neither came to its target: neither was earlier.
            both = np.isinf(values).all(axis=1)
            return np.asarray(np.where(both, 0.0, differences))
    with np.errstate(invalid="ignore"):
        found = values @ coefficients(claim, levels)
    if (claimed := claimed_slope(claim)) is not None:
        found = found - (np.log(claimed) if claim.by_ratio else claimed)
    return np.asarray(found)


def _amid(claim: Boundary, values: np.ndarray[Any, Any], levels: tuple[Any, ...]) -> Contrast:
    """Return each row's effect in the middle of the claimed range."""
    order = np.argsort(levels)
    effects = values[:, : len(levels)] - values[:, len(levels) :]
    found = Profile(tuple(float(levels[i]) for i in order), effects[:, order])
    low, high = (found.place(max(end, found.levels[0])) for end in (claim.low, claim.high))
    return found.at((low + high) / 2)

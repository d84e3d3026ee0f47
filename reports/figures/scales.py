"""Scales: where levels sit along x, which axes are logarithmic, where the frame ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from suite.language.words import level_words
from suite.vocabulary.grid import Axis, spans_widely
from suite.vocabulary.metrics import METRICS, chosen_axis

FACTORS = 8.0  # of what grows by factors, the span from which an axis is logarithmic


def places(axis: Axis) -> tuple[list[float], bool]:
    """Return where an axis's levels sit, and whether that is on a logarithmic scale.

    Geometric ones are. Levels that are no numbers, that hold a zero beside a wide span, or whose
    labels would run into each other, are spaced evenly.
    """
    levels: list[Any] = list(axis.levels)
    if axis.in_numbers:
        if axis.is_geometric:
            return [float(level) for level in levels], True
        above = [level for level in levels if level > 0]
        if not spans_widely(above) and not _crowded(levels):
            return [float(level) for level in levels], False
    return [float(place) for place in range(len(levels))], False


def _crowded(levels: Sequence[float]) -> bool:
    gaps = np.diff(sorted(levels))
    return len(gaps) > 0 and bool(gaps.min() < 0.06 * gaps.sum())


def set_x(axes: Axes, axis: Axis) -> None:
    """Scale x for an axis of the grid and write its levels below it."""
    where, log = places(axis)
    if log:
        axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(where, [level_words(level) for level in axis.levels])
    low, high = min(where), max(where)
    if log:
        pad = (high / low) ** 0.05
        axes.set_xlim(low / pad, high * pad)
    else:
        pad = 0.06 * (high - low) or 0.5
        axes.set_xlim(low - pad, high + pad)


def log_y(metric: str, values: Sequence[float]) -> bool:
    """Whether a loss, a time or an error deserves a logarithmic axis for these values.

    So do the price of a target and the level that was chosen, which grow by factors, from a lesser span.
    """
    if chosen_axis(metric) or metric.startswith("target/"):
        return len(values) > 1 and min(values) > 0 and max(values) >= FACTORS * min(values)
    unit, better = METRICS[metric].unit, METRICS[metric].better
    is_one = unit in ("nats", "seconds") or (unit == "none" and better == "lower")
    return is_one and spans_widely(list(values))


@dataclass(frozen=True)
class Frame:
    """The ends of a y axis, and whether a bound of an interval lies outside and is cut."""

    bottom: float
    top: float
    log: bool
    cuts: bool


def frame(values: Sequence[float], bounds: Sequence[float], log: bool) -> Frame:
    """Return what frames points and their intervals.

    With two seeds a t interval is 13 standard errors long: framing it would flatten the points,
    so the frame gives intervals as much room again as the points have, and no more.
    """
    points = np.asarray([math.log10(value) if log else value for value in values])
    low, high = float(points.min()), float(points.max())
    room = (high - low) or abs(high) * 0.1 or 1.0
    finite = [bound for bound in bounds if math.isfinite(bound) and (bound > 0 or not log)]
    ends = np.asarray([math.log10(end) if log else end for end in finite] or points)
    bottom = max(low - 0.6 * room, min(low, float(ends.min()))) - 0.06 * room
    top = min(high + 0.6 * room, max(high, float(ends.max()))) + 0.06 * room
    if log:
        bottom, top = 10.0**bottom, 10.0**top
    cuts = any(not bottom <= bound <= top for bound in bounds if math.isfinite(bound))
    return Frame(bottom, top, log, cuts)


def set_y(axes: Axes, framed: Frame) -> None:
    """Give an axis its ends and its scale."""
    if framed.log:
        axes.set_yscale("log")
        if framed.top / framed.bottom < 10**3.5:  # fewer than three labels would read as none
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(framed.bottom, framed.top)

"""The difference of two arms over two axes: its mean in each cell, and the line where it is zero."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from reports.figures.canvas import Size, canvas
from reports.figures.heat import Cell, cell_words, draw_cells, field, height, set_frame
from reports.figures.shown import Shown
from reports.figures.summary import Mean
from suite.language.catalogue import gettext
from suite.language.quantities import MINUS, decimal, decimals, scaled, unit_words
from suite.language.words import arm_words, axis_words, metric_words, sentences
from suite.vocabulary.metrics import METRICS

# Matplotlib's PuOr, purple above zero: its middle is as light as paper, so it is left to the text.
STRETCH = 0.82


def draw(shown: Shown, size: Size) -> Figure:
    """Draw the figure at a size."""
    cells = field(shown)
    with canvas(size, height(shown, size)) as figure:
        axes = figure.subplots()
        paint = _paint(shown, cells.means)
        draw_cells(axes, shown, cells, paint, _said, size)
        _zero_line(axes, shown, cells.means)
        for said in axes.texts:  # which the line would cross
            x, y = map(int, said.get_position())
            if (x, y) in paint:
                said.set_bbox({"facecolor": paint[x, y], "edgecolor": "none", "pad": 1.5})
        set_frame(axes, shown, _label(shown), size)
    return figure


def _paint(shown: Shown, means: Mapping[Cell, Mean]) -> Mapping[Cell, str]:
    most = max((abs(one.mean) for one in means.values()), default=0.0) or 1.0
    tints = mpl.colormaps["PuOr"]
    return {
        cell: to_hex(tints(0.5 + 0.5 * STRETCH * one.mean / most)) for cell, one in means.items()
    }


def _said(shown: Shown, mean: Mean) -> str:
    """Return a mean with its sign, in brackets where its interval holds zero."""
    value = scaled(shown.view.of, mean.mean)
    digits = 1 if METRICS[shown.view.of].unit == "percent" else decimals(float("nan"), value)
    said = decimal(abs(value), digits)
    if float(said.replace(",", "")) != 0:
        said = ("+" if value > 0 else MINUS) + said
    return said if mean.low > 0 or mean.high < 0 else f"({said})"


def _zero_line(axes: Axes, shown: Shown, means: Mapping[Cell, Mean]) -> None:
    """Draw where the means, interpolated between the middles of cells, are zero."""
    if len(shown.x.levels) < 2 or len(shown.colour.levels) < 2 or not crosses(means):
        return
    values = np.full((len(shown.colour.levels), len(shown.x.levels)), np.nan)
    for (x, y), one in means.items():
        values[y, x] = one.mean
    for ink, width in (("#ffffff", 4.5), ("#000000", 2.0)):
        axes.contour(
            np.ma.masked_invalid(values), levels=[0.0], colors=[ink], linewidths=width, zorder=2
        )


def crosses(means: Mapping[Cell, Mean]) -> bool:
    """Whether some cell lies above zero and some below."""
    return any(one.mean > 0 for one in means.values()) and any(
        one.mean < 0 for one in means.values()
    )


def _label(shown: Shown) -> str:
    unit = METRICS[shown.view.of].unit
    words = metric_words(shown.view.of)
    if unit == "percent":
        return gettext("difference in {metric} (points)").format(metric=words)
    unit_said = unit_words(shown.view.of)
    label = gettext("difference in {metric}").format(metric=words)
    return f"{label} ({unit_said})" if unit_said else label


def texts(shown: Shown) -> list[str]:
    """Return the text that only this kind of figure has."""
    return [_label(shown)]


def alt(shown: Shown) -> str:
    """Say in words what the figure shows."""
    means, view = field(shown).means, shown.view
    head = gettext("{metric}, {arm} less {against}, by {x} and {y}, mean of seeds in each cell")
    said = [
        head.format(
            metric=metric_words(view.of), arm=arm_words(view.arm), against=arm_words(view.against),
            x=axis_words(shown.x.path), y=axis_words(shown.colour.path),
        )
    ]  # fmt: skip
    if means:
        ends = (
            min(means, key=lambda cell: means[cell].mean),
            max(means, key=lambda cell: means[cell].mean),
        )
        low, high = (
            gettext("{value} at {cell}").format(
                value=_said(shown, means[cell]), cell=cell_words(shown, cell)
            )
            for cell in ends
        )
        said.append(gettext("lowest {low}, highest {high}").format(low=low, high=high))
        said.append(_sides(means))
    return sentences([*said, shown.lost_words])


def _sides(means: Mapping[Cell, Mean]) -> str:
    if not crosses(means):
        return gettext("the mean is on one side of zero everywhere")
    above = sum(one.mean > 0 for one in means.values())
    pattern = gettext("above zero in {n} of {all} cells")
    return pattern.format(n=above, all=len(means))


def notes(shown: Shown) -> tuple[str, ...]:
    """Explain the colours, the brackets and the line."""
    view = shown.view
    compared = gettext("{arm} less {against}").format(
        arm=arm_words(view.arm), against=arm_words(view.against)
    )
    line = gettext("The line is where the mean, interpolated between cells, is zero")
    said = [
        gettext("{difference}: purple is above zero, orange below").format(difference=compared),
        gettext("In brackets: the 95 % interval holds zero"),
        line if crosses(field(shown).means) else "",
    ]
    if shown.lost_words:
        said.append(gettext("In all, {trials}").format(trials=shown.lost_words))
    return (sentences(said),)

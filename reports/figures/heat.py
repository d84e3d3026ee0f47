"""A metric over two axes: the mean written in each cell, the best outlined, losses counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.figures.canvas import INK, SOFT, SURFACE, Size, canvas, name_values
from reports.figures.labels import point_words, x_labels
from reports.figures.scales import log_y
from reports.figures.shown import Shown
from reports.figures.summary import Mean
from suite.language.catalogue import gettext
from suite.language.quantities import axis_label, measured, scaled, short
from suite.language.words import (
    axis_words,
    comma,
    level_words,
    metric_words,
    sentences,
    status_words,
)
from suite.vocabulary.metrics import METRICS

Cell = tuple[int, int]
# Seaborn's crest, without the end where cells would vanish into a dark page.
STRETCH = (0.02, 0.86)
LONGEST = 14  # letters in a line of a row's label, on a phone
LETTER = 6  # CSS pixels


@dataclass(frozen=True)
class Field:
    """A heat map's cells, by position along x and y.

    Attributes:
        means: over seeds.
        lost: how many trials diverged or failed, where any did.
        best: the best mean among the cells all of whose trials finished, if any; of a matrix, the
            best of each column.
    """

    means: Mapping[Cell, Mean]
    lost: Mapping[Cell, Mapping[str, int]]
    best: tuple[Cell, ...]


def field(shown: Shown) -> Field:
    """Return the cells of what a heat map shows."""
    means = {(x, y): mean for y, row in enumerate(shown.means) for x, mean in row.items()}
    lost: dict[Cell, dict[str, int]] = {}
    for x, y, status, count in shown.lost.itertuples(index=False):
        lost.setdefault((int(x), int(y)), {})[str(status)] = int(count)
    whole = {cell: mean.mean for cell, mean in means.items() if cell not in lost}
    better = METRICS[shown.view.of].better
    if not whole or better == "neither":
        return Field(means, lost, ())
    if shown.view.kind == "matrix":
        columns = [[cell for cell in whole if cell[0] == x] for x in range(len(shown.x.levels))]
    else:
        columns = [list(whole)]
    pick = max if better == "higher" else min
    best = tuple(pick(column, key=lambda cell: whole[cell]) for column in columns if column)
    return Field(means, lost, best)


def draw(shown: Shown, size: Size) -> Figure:
    """Draw the figure at a size."""
    with canvas(size, height(shown, size)) as figure:
        axes = figure.subplots()
        cells = field(shown)
        draw_cells(axes, shown, cells, _paint(shown, cells), _value, size)
        for cell in cells.best:
            _outline(axes, cell)
        set_frame(axes, shown, axis_label(shown.view.of), size)
    return figure


def height(shown: Shown, size: Size) -> int:
    """Return the height in CSS pixels at which every cell and every label has room."""
    rows = len(shown.colour.levels)
    lines = max(label.count("\n") + 1 for label in _row_labels(shown, size))
    high = 62 + max(46 if size.narrow else 48, 15 * lines) * max(2, rows)
    if _upright(shown, size):  # there is room for five letters
        high += LETTER * (_longest(shown) - 5)
    return high


def draw_cells(
    axes: Axes,
    shown: Shown,
    cells: Field,
    paint: Mapping[Cell, str],
    say: Callable[[Shown, Mean], str],
    size: Size,
) -> None:
    """Draw every cell in its paint with what is said of its mean, and how many trials it lost."""
    for x in range(len(shown.x.levels)):
        for y in range(len(shown.colour.levels)):
            lines = [say(shown, cells.means[x, y])] if (x, y) in cells.means else []
            _cell(axes, shown, cells.lost.get((x, y), {}), (x, y), paint.get((x, y)), lines, size)


def _value(shown: Shown, mean: Mean) -> str:
    return short(shown.view.of, mean.mean)


def alt(shown: Shown) -> str:
    """Say in words what the figure shows."""
    metric, cells = shown.view.of, field(shown)
    x, y = axis_words(shown.x.path), axis_words(shown.colour.path)
    head = gettext("{metric} by {x} and {y}, mean of seeds in each cell")
    parts = [head.format(metric=metric_words(metric), x=x, y=y)]
    for cell in cells.best:
        mean = cells.means[cell]
        value = measured(metric, mean.mean, mean.low, mean.high)
        pattern = gettext("best: {value} at {cell}")
        parts.append(pattern.format(value=value, cell=cell_words(shown, cell)))
    if cells.means:
        values = [mean.mean for mean in cells.means.values()]
        low, high = measured(metric, min(values)), measured(metric, max(values))
        parts.append(gettext("range {low} to {high}").format(low=low, high=high))
    return sentences([*parts, shown.lost_words])


def hints(shown: Shown) -> dict[str, str]:
    """Return what each cell shows, by the names that `draw` gives them."""
    metrics = list(shown.view.metrics.values())
    said = {}
    for (x, y), mean in field(shown).means.items():
        metric = metrics[x] if metrics else shown.view.of
        value = measured(metric, mean.mean, mean.low, mean.high)
        said[f"{x}.{y}"] = point_words(cell_words(shown, (x, y)), value, mean.n)
    return said


def heat_note(shown: Shown) -> str:
    """Explain the shades, the outline and the counts."""
    shades = {
        "neither": gettext("Darker is higher"),
        "higher": gettext("Darker is better (higher)"),
        "lower": gettext("Darker is better (lower)"),
    }
    parts = [shades[METRICS[shown.view.of].better]]
    if field(shown).best and shown.view.kind == "matrix":
        parts.append(
            gettext(
                "The outlined cell is the best mean of its column among those where every trial "
                "finished"
            )
        )
    elif field(shown).best:
        parts.append(
            gettext("The outlined cell is the best mean among those where every trial finished")
        )
    if shown.lost_words:
        parts.append(gettext("In all, {trials}").format(trials=shown.lost_words))
    return sentences(parts)


def cell_words(shown: Shown, cell: Cell) -> str:
    """Return the levels of a cell: `batch size 16, learning rate 0.1`."""
    x, y = x_labels(shown)[cell[0]], level_words(shown.colour.levels[cell[1]])
    return comma([f"{axis_words(shown.x.path)} {x}", f"{axis_words(shown.colour.path)} {y}"])


def _paint(shown: Shown, cells: Field) -> Mapping[Cell, str]:
    values = {cell: scaled(shown.view.of, mean.mean) for cell, mean in cells.means.items()}
    if not values:
        return {}
    low, high = min(values.values()), max(values.values())
    norm = (
        LogNorm(low, high) if log_y(shown.view.of, list(values.values())) else Normalize(low, high)
    )
    start, end = STRETCH if METRICS[shown.view.of].better != "lower" else STRETCH[::-1]
    crest = mpl.colormaps["crest"]
    return {
        cell: to_hex(crest(start + (end - start) * float(norm(value) if high > low else 0.5)))
        for cell, value in values.items()
    }


def _cell(
    axes: Axes,
    shown: Shown,
    lost: Mapping[str, int],
    cell: Cell,
    paint: str | None,
    lines: Sequence[str],
    size: Size,
) -> None:
    x, y = cell
    axes.add_patch(
        Rectangle(
            (x - 0.5, y - 0.5), 1, 1, facecolor=paint or "none", edgecolor=SURFACE, linewidth=1.5,
            gid=f"point-{x}.{y}",
        )
    )  # fmt: skip
    if paint is None and lost:
        axes.add_patch(
            Rectangle(
                (x - 0.46, y - 0.46), 0.92, 0.92, facecolor="none", edgecolor=SOFT, linewidth=0.8,
                linestyle=(0, (2, 2)),
            )
        )  # fmt: skip
    for status, count in lost.items():
        lines = [*lines, f"{count}/{_asked(shown, cell)}", status_words(status)]
    crowded = len(shown.x.levels) > 4 and size.narrow
    axes.text(
        x, y, "\n".join(lines) or "–", ha="center", va="center", color=_readable(paint),
        fontsize=(10.5 if not lost else 9.5) - (1.5 if crowded else 0), linespacing=1.15,
    )  # fmt: skip


def _asked(shown: Shown, cell: Cell) -> int:
    """Return how many trials a cell has: those that finished and those that did not."""
    tried = shown.trials[(shown.trials["x"] == cell[0]) & (shown.trials["colour"] == cell[1])]
    return int(tried["count"].sum())


def _readable(paint: str | None) -> str:
    """Return black or white, whichever stands out from a cell's paint: at least 4.58 to 1."""
    if paint is None:
        return INK
    channels = np.asarray([int(paint[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "#000000" if luminance > 0.179 else "#ffffff"


def _outline(axes: Axes, cell: Cell) -> None:
    x, y = cell
    axes.add_patch(
        Rectangle(
            (x - 0.47, y - 0.47), 0.94, 0.94, facecolor="none", edgecolor=INK, linewidth=2.6,
            zorder=3,
        )
    )  # fmt: skip


def _row_labels(shown: Shown, size: Size) -> list[str]:
    widest = LONGEST if size.narrow else 2 * LONGEST
    return [fill(level_words(level), widest) for level in shown.colour.levels]


def _column_labels(shown: Shown) -> list[str]:
    return [fill(label, 2 * LONGEST) for label in x_labels(shown)]


def _longest(shown: Shown) -> int:
    return max(len(line) for label in _column_labels(shown) for line in label.split("\n"))


def _upright(shown: Shown, size: Size) -> bool:
    """Whether the labels of columns are too long to stand beside each other."""
    room = (0.6 if size.narrow else 0.8) * size.width / len(shown.x.levels)
    return LETTER * _longest(shown) > room


def set_frame(axes: Axes, shown: Shown, measured_words: str, size: Size) -> None:
    """Name the rows, the columns and what is measured."""
    axes.set_xlim(-0.5, len(shown.x.levels) - 0.5)
    axes.set_ylim(-0.5, len(shown.colour.levels) - 0.5)
    labels = _column_labels(shown)
    axes.set_xticks(range(len(labels)), labels)
    if _upright(shown, size):  # held by their ends, whatever they will say
        for label in axes.get_xticklabels():
            label.set(ha="right", va="center", rotation=90, rotation_mode="anchor")
    axes.set_yticks(range(len(shown.colour.levels)), _row_labels(shown, size))
    if shown.view.kind == "matrix":
        axes.invert_yaxis()  # a table is read from its top
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel(axis_words(shown.x.path))
    axes.set_ylabel(axis_words(shown.colour.path))
    name_values(axes, measured_words, size)

"""The legend: markers and levels, under the axis's name in words."""

from __future__ import annotations

import math
from textwrap import fill

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures.canvas import SURFACE, Size, stand_in
from reports.figures.palette import DASHES, MARKERS
from suite.language.words import axis_words, level_words
from suite.vocabulary.grid import Axis

LONGEST = 24  # letters in a line
LINE = 15  # CSS pixels


def legend_growth(colour: Axis, size: Size) -> int:
    """Return by how much a legend below a narrow figure exceeds one line, in CSS pixels."""
    if not (colour.path and size.narrow):
        return 0
    labels = _labels(colour)
    lines = sum(label.count("\n") + 1 for label in labels)
    return LINE * (math.ceil(lines / _columns(labels)) - 1)


def _labels(colour: Axis) -> list[str]:
    return [fill(level_words(level), LONGEST) for level in colour.levels]


def _columns(labels: list[str]) -> int:
    return max(1, min(4, len(labels), 34 // (5 + max(map(len, labels)))))


def add_legend(figure: Figure, colour: Axis, size: Size) -> None:
    """Add a legend beside a wide figure or below a narrow one, where colour means something."""
    if not colour.path:
        return
    handles = [
        Line2D(
            [0],
            [0],
            color=stand_in(index),
            linestyle=DASHES[index % len(DASHES)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=8,
            markeredgecolor=SURFACE,
        )
        for index in range(len(colour.levels))
    ]
    labels = _labels(colour)
    title = axis_words(colour.path)
    if size.narrow:
        columns = _columns(labels)
        legend = figure.legend(handles, labels, title=title, loc="lower center", ncols=columns)
    else:
        legend = figure.legend(handles, labels, title=title, loc="center right", alignment="left")
    for index, (line, text) in enumerate(zip(legend.get_lines(), legend.get_texts(), strict=True)):
        line.set_gid(f"legend-{index}__0")
        text.set_gid(f"legend-{index}__1")

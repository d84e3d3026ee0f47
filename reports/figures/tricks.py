"""What each trick moves against how far seeds differ: a dot and a bar a row."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure

from reports.figures.canvas import (
    BAND,
    NARROW,
    SURFACE,
    Drawing,
    Size,
    canvas,
    drawing,
    point,
    stand_in,
)
from reports.figures.palette import CATEGORIES
from suite.evidence.tricks import Trick, Tricks
from suite.language.catalogue import gettext
from suite.language.quantities import decimal
from suite.language.words import sentences

LARGE = Size("wide", 760, 400)
ROW = 26  # CSS pixels


def picture_of(tricks: Tricks) -> Drawing:
    """Draw every trick, the largest effect on top."""
    return drawing(
        "tricks",
        (LARGE, NARROW),
        lambda size: _draw(tricks, size),
        CATEGORIES[:2],
        lambda: [*map(_label, tricks.all), _axis()],
        lambda: sentences([_axis(), *_hints(tricks).values()]),
        lambda: _hints(tricks),
    )


def _draw(tricks: Tricks, size: Size) -> Figure:
    longest = 22 if size.narrow else 60
    labels = [textwrap.fill(_label(trick), longest) for trick in tricks.all]
    lines = sum(label.count("\n") + 1 for label in labels)
    with canvas(size, 60 + ROW * len(labels) + 9 * (lines - len(labels))) as figure:
        axes = figure.subplots()
        for row, trick in enumerate(tricks.all):
            effect, spread = 100 * trick.effect, 100 * trick.spread
            axes.barh(row, spread, height=0.62, color=BAND, linewidth=0, zorder=0)
            ink = stand_in(0 if trick.is_smaller else 1)
            axes.plot(
                [effect], [row], "o" if trick.is_smaller else "D", color=ink, markersize=8,
                markeredgecolor=SURFACE, markeredgewidth=1,
            )  # fmt: skip
            point(axes, effect, row, str(row))
        axes.set_yticks(range(len(labels)), labels, fontsize=9.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(_axis(), fontsize=9.5)
    return figure


def _label(trick: Trick) -> str:
    return gettext(trick.finding.claim.source)


def _axis() -> str:
    return gettext("points of test accuracy")


def _hints(tricks: Tricks) -> dict[str, str]:
    pattern = gettext("{rule}: moves {effect} points, seeds differ by {spread}")
    return {
        str(row): pattern.format(
            rule=_label(trick),
            effect=decimal(100 * trick.effect, 2),
            spread=decimal(100 * trick.spread, 2),
        )
        for row, trick in enumerate(tricks.all)
    }

"""The texts that stand in a view's figure, in an order that no language changes."""

from __future__ import annotations

from typing import Any

from reports.figures.shown import MEASURED, Shown
from suite.language.catalogue import gettext
from suite.language.quantities import axis_label
from suite.language.words import axis_words, level_words, status_words
from suite.vocabulary.record import Status


def view_labels(shown: Shown) -> list[str]:
    """Return every text of a figure but its numbers."""
    axes = [axis_words(axis.path) for axis in (shown.x, shown.colour)]
    levels = [*x_labels(shown), *map(level_words, shown.colour.levels)]
    ends = [status_words(status) for status in Status]
    laws = map(gettext, shown.view.laws)
    return [epochs(), axis_label(shown.view.of), *axes, *levels, *ends, *laws]


def x_labels(shown: Shown) -> list[str]:
    """Return what stands below the levels along x: of a matrix, its words for the metrics."""
    if shown.x.path == MEASURED:
        return [gettext(str(level)) for level in shown.x.levels]
    return [level_words(level) for level in shown.x.levels]


def epochs() -> str:
    """Return what stands below an axis of epochs."""
    return gettext("epochs")


def point_words(place: str, value: str, n: int) -> str:
    """Return what a point shows: `dropout 0.5: 94.1 % [93.8, 94.4], n = 5`."""
    pattern = gettext("{place}: {value}, n = {n}")
    return pattern.format(place=place, value=value, n=n)


def named(shown: Shown, level: Any, said: str) -> str:
    """Return what is said of a level of colour with the level's name before it, if it has one."""
    if not shown.colour.path:
        return said
    axis = axis_words(shown.colour.path)
    pattern = gettext("{axis} {level}: {said}")
    return pattern.format(axis=axis, level=level_words(level), said=said)

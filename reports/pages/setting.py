"""The setting of a study in words: what was varied, held fixed, measured and tuned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suite.evidence.results import Results
from suite.language.catalogue import gettext, ngettext
from suite.language.words import (
    axis_words,
    comma,
    level_words,
    listed,
    metric_words,
    seeds_words,
    trials_words,
)
from suite.vocabulary.grid import Grid
from suite.vocabulary.model import MODEL_FIELDS
from suite.vocabulary.optimizer import OPTIMIZER_FIELDS, SCHEDULE_FIELDS
from suite.vocabulary.study import MAIN

READS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "data": {"synthetic_linear": ("noise",), "xor": ("noise",)},
    "model": MODEL_FIELDS,
    "optimizer": OPTIMIZER_FIELDS,
    "schedule": SCHEDULE_FIELDS,
}


@dataclass(frozen=True)
class PartSetting:
    """One grid in words: pairs of a name and its levels, and of a name and its fixed value."""

    title: str
    size: str
    measured: str
    alone: bool
    varied: tuple[tuple[str, str], ...]
    fixed: tuple[tuple[str, str], ...]


def part_title(grid: Grid) -> str:
    """Return what a page calls a part."""
    if grid.name == MAIN:
        return gettext("Main grid")
    return gettext("Part “{name}”").format(name=gettext(grid.name.replace("_", " ")))


def part_setting(results: Results, grid: Grid) -> PartSetting:
    """Return the setting of a grid of the results."""
    varied = tuple(
        (axis_words(axis.path), comma(level_words(level) for level in axis.levels))
        for axis in grid.axes
    )
    paths = {axis.path for axis in grid.axes}
    fixed = tuple(
        (axis_words(path), level_words(value))
        for path, value in _fields(grid.recipe)
        if path not in paths and value is not None
    )
    if grid.probe is not None:
        first = (grid.probe.__doc__ or grid.probe.__name__).strip().partition("\n")[0]
        fixed = ((gettext("measured without training"), gettext(first)),)
    measured = listed(metric_words(metric) for metric in metrics_of(results, grid))
    return PartSetting(part_title(grid), _size(grid), measured, grid.alone, varied, fixed)


def metrics_of(results: Results, grid: Grid) -> list[str]:
    """Return the metrics that claims, views and tuning look at in a part, in order."""
    study = results.study
    used = [claim.of for claim in study.claims if claim.part == grid.name]
    for view in study.views:
        if view.part == grid.name:
            used += view.measured
    return list(dict.fromkeys(used if grid.probe else [study.select, *used]))


def _size(grid: Grid) -> str:
    levels = " × ".join(
        ngettext("{n} level of {axis}", "{n} levels of {axis}", len(axis.levels)).format(
            n=len(axis.levels), axis=axis_words(axis.path)
        )
        for axis in grid.axes
    )
    trials = trials_words(len(grid.cells) * grid.seeds)
    return " × ".join(filter(None, (levels, seeds_words(grid.seeds)))) + f" = {trials}"


def _fields(part: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted paths and values of a recipe, less those its named parts do not read."""
    reads = READS.get(prefix.rstrip("."), {})
    owned = {name for names in reads.values() for name in names}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if field.name in owned and field.name not in reads.get(part.name, ()):
            continue
        if dataclasses.is_dataclass(value):
            yield from _fields(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value

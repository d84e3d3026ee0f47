"""The setting of a study in words: what was varied, held fixed, measured and tuned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reports.words import axis_words, counted, level_words, listed
from suite.evidence.results import Results
from suite.grid import Grid
from suite.metrics import METRICS
from suite.recipe import MODEL_FIELDS, OPTIMIZER_FIELDS, SCHEDULE_FIELDS
from suite.study import MAIN

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
    return "Main grid" if grid.name == MAIN else f"Part “{grid.name.replace('_', ' ')}”"


def part_setting(results: Results, grid: Grid) -> PartSetting:
    """Return the setting of a grid of the results."""
    varied = tuple(
        (axis_words(axis.path), ", ".join(level_words(level) for level in axis.levels))
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
        fixed = (("measured without training", first),)
    measured = listed(METRICS[metric].words for metric in metrics_of(results, grid))
    return PartSetting(part_title(grid), _size(grid), measured, grid.alone, varied, fixed)


def metrics_of(results: Results, grid: Grid) -> list[str]:
    """Return the metrics that claims, views and tuning look at in a part, in order."""
    study = results.study
    used = [claim.of for claim in study.claims if claim.part == grid.name]
    for view in study.views:
        if view.part == grid.name:
            used += [view.of, *view.metrics.values()]
    return list(dict.fromkeys(used if grid.probe else [study.select, *used]))


def _size(grid: Grid) -> str:
    levels = " × ".join(
        counted(len(axis.levels), "level") + f" of {axis_words(axis.path)}" for axis in grid.axes
    )
    trials = counted(len(grid.cells) * grid.seeds, "trial")
    return " × ".join(filter(None, (levels, counted(grid.seeds, "seed")))) + f" = {trials}"


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

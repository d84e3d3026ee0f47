"""The setting of a study in words: what was varied, held fixed, measured and tuned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from suite.evidence.results import Results
from suite.ground.identity import flatten, worded
from suite.language.catalogue import gettext, ngettext
from suite.language.contexts import context_words
from suite.language.words import (
    axis_words,
    clauses,
    comma,
    level_words,
    listed,
    metric_words,
    seeds_words,
    trials_words,
)
from suite.vocabulary.components import Component, Kind
from suite.vocabulary.grid import Axis, Changes, Grid
from suite.vocabulary.study import MAIN


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
    if grid.context:
        part = part_title(dataclasses.replace(grid, name=grid.part, context=""))
        pattern = gettext("{part}, in context “{name}”")
        return pattern.format(part=part, name=context_words(grid.context))
    if grid.name == MAIN:
        return gettext("Main grid")
    return gettext("Part “{name}”").format(name=gettext(grid.name.replace("_", " ")))


def part_setting(results: Results, grid: Grid) -> PartSetting:
    """Return the setting of a grid of the results."""
    varied = tuple((axis_words(axis.path), _levels(axis)) for axis in grid.axes)
    paths = {
        path for axis in grid.axes for sets in axis.sets or ({axis.path: None},) for path in sets
    }
    fixed = tuple(
        (axis_words(path), level_words(value))
        for path, value in flatten(grid.recipe).items()
        if value not in (None, "")
        and not any(path == one or path.startswith(f"{one}.") for one in paths)
    )
    if grid.probe is not None:
        first = (grid.probe.__doc__ or grid.probe.__name__).strip().partition("\n")[0]
        fixed = ((gettext("measured without training"), gettext(first)),)
    measured = listed(metric_words(metric) for metric in metrics_of(results, grid))
    return PartSetting(part_title(grid), _size(grid), measured, grid.alone, varied, fixed)


def _levels(axis: Axis) -> str:
    """Return the levels of an axis, and what each sets where it is a component or sets several."""
    if not axis.sets:
        return comma(level_words(level) for level in axis.levels)
    said = []
    for level, sets in zip(axis.levels, axis.sets, strict=True):
        contents = dict(_contents(sets))
        words = comma(
            f"{axis_words(path)} {level_words(value)}" for path, value in contents.items()
        )
        said.append(f"{level_words(level)} ({words})" if words else level_words(level))
    return clauses(said) if any("(" in one for one in said) else comma(said)


def _contents(sets: Changes) -> Iterator[tuple[str, Any]]:
    for path, value in sets.items():
        if isinstance(value, Component):
            if len(sets) > 1:
                yield path, value.name
            yield from ((f"{path}.{name}", worded(one)) for name, one in value.arguments().items())
        elif not isinstance(value, Kind) and (len(sets) > 1 or "." in path):
            yield path, worded(value)


def metrics_of(results: Results, grid: Grid) -> list[str]:
    """Return the metrics that claims, views and tuning look at in a part, in order."""
    study = results.study
    used = [
        claim.of
        for claim in study.claims
        if claim.part == grid.part and (not grid.context or grid.context in claim.contexts)
    ]
    for view in study.views:
        if view.part == grid.name:
            used += view.measured
    return list(dict.fromkeys(used if grid.probe else [study.select, *used]))


def _size(grid: Grid) -> str:
    axes = [] if any(axis.per for axis in grid.axes) else grid.axes  # then it is no product
    levels = " × ".join(
        ngettext("{n} level of {axis}", "{n} levels of {axis}", len(axis.levels)).format(
            n=len(axis.levels), axis=axis_words(axis.path)
        )
        for axis in axes
    )
    cells = ngettext("%(count)s cell", "%(count)s cells", len(grid.cells)) % {
        "count": len(grid.cells)
    }
    seeds, trials = seeds_words(grid.seeds), trials_words(len(grid.cells) * grid.seeds)
    if grid.looks:
        *some, _ = (f"{count:,}" for count in grid.looks.counts)
        pattern = gettext("looks after {some} and {seeds}, for what is still open")
        seeds = pattern.format(some=", ".join(some), seeds=seeds_words(grid.looks.counts[-1]))
        trials = gettext("at most {trials}").format(trials=trials)
    return " × ".join(filter(None, (levels or cells if grid.axes else "", seeds))) + f" = {trials}"

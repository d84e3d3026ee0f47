"""Grids: axes crossed over a base recipe, and the trials that they hold."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from suite.ground.errors import RequestError, nearest
from suite.ground.fields import annotation, normalised, owner_of, replace_at
from suite.ground.identity import trial_id
from suite.vocabulary.recipe import Probe, ProbeFunction, Recipe

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """One varied field of the recipe, by its dotted path, and its levels in order."""

    path: str
    levels: tuple[Any, ...]


def axis(path: str, levels: Iterable[Any]) -> Axis:
    """Vary the recipe's field at `path` over `levels`."""
    return Axis(path, tuple(levels))


@dataclass(frozen=True)
class Grid:
    """A part of a study with every change applied: a base recipe and its axes, crossed."""

    name: str
    recipe: Recipe
    axes: tuple[Axis, ...]
    seeds: int
    alone: bool = False
    probe: ProbeFunction | None = None

    def axis(self, path: str) -> Axis:
        """Return the axis of a path, or raise RequestError."""
        for found in self.axes:
            if found.path == path:
                return found
        paths = [known.path for known in self.axes]
        raise RequestError(f"part '{self.name}' has no axis '{path}' {nearest(path, paths)}")

    def form(self, path: str, level: Any) -> Any:
        """Return a level in the form that the field it sets gives it, if it fits at all."""
        try:
            return level if self.probe else normalised(self.recipe, path, level)
        except RequestError:
            return level

    def check_level(self, path: str, level: Any, who: str) -> None:
        try:
            levels = self.axis(path).levels
        except RequestError as error:
            raise RequestError(f"{who}: {error}") from None
        if level not in levels:
            raise RequestError(f"{who}: {path}={level} is not in the grid {nearest(level, levels)}")

    def changed(self, changes: Changes, varied: frozenset[str]) -> Grid:
        """Return the grid with values replaced: of an axis its levels, else of the base recipe.

        Several levels for an axis that only another part varies (`varied` names them all) do not
        concern this grid.
        """
        mine = {known.path for known in self.axes}
        base = {
            path: value
            for path, value in changes.items()
            if path != "seeds"
            and path not in mine
            and not (path in varied and self._is_elsewhere(path, value))
        }
        axes = tuple(
            self._changed_axis(known, changes[known.path]) if known.path in changes else known
            for known in self.axes
        )
        return dataclasses.replace(
            self,
            recipe=self.recipe if self.probe else replace_at(self.recipe, base),
            axes=axes,
            seeds=_whole_number(changes.get("seeds", self.seeds)),
        )

    def _is_elsewhere(self, path: str, value: Any) -> bool:
        """Whether a change can only be meant for a part that varies its path."""
        return not _is_field(self.recipe, path) or len(_levels(self.recipe, path, value)) > 1

    def _changed_axis(self, known: Axis, value: Any) -> Axis:
        made = Axis(known.path, _levels(self.recipe, known.path, value))
        if self.probe:  # Of a recipe's axis, the field says what its levels may be.
            kinds = {_kind(level) for level in known.levels}
            wrong = [level for level in made.levels if _kind(level) not in kinds]
            if wrong:
                like = ", ".join(map(repr, known.levels))
                raise RequestError(f"axis '{known.path}' has levels like {like}, not {wrong[0]!r}")
        return made

    def settled(self) -> Grid:
        """Return the grid with each level normalised by the field it sets; refuse repeats."""
        axes = []
        paths = [known.path for known in self.axes]
        for known in self.axes:
            if paths.count(known.path) > 1:
                raise RequestError(f"part '{self.name}' has two axes '{known.path}'")
            levels = known.levels
            if self.probe is None:
                _check_leaf(self.recipe, known.path)
                levels = tuple(normalised(self.recipe, known.path, level) for level in levels)
            if not levels or len(set(levels)) < len(levels):
                raise RequestError(f"axis '{known.path}' needs distinct levels, not {levels}")
            axes.append(Axis(known.path, levels))
        return dataclasses.replace(self, axes=tuple(axes))

    @functools.cached_property
    def cells(self) -> tuple[dict[str, Any], ...]:
        """Every combination of levels."""
        paths = [known.path for known in self.axes]
        combinations = itertools.product(*(known.levels for known in self.axes))
        return tuple(dict(zip(paths, levels, strict=True)) for levels in combinations)

    @property
    def size(self) -> int:
        """How many trials it has."""
        return len(self.cells) * self.seeds

    def trials(self, study: str, source: str) -> Iterator[Trial]:
        """Yield every trial, seed by seed; `source` is the digest of the study's file."""
        made = [(cell, self._made(study, source, cell)) for cell in self.cells]
        for seed in range(self.seeds):
            for cell, recipe in made:
                yield Trial(study, self.name, cell, recipe, seed, self.alone)

    def _made(self, study: str, source: str, cell: dict[str, Any]) -> Recipe | Probe:
        if self.probe is None:
            return replace_at(self.recipe, cell)
        return Probe(study, self.probe.__name__, source, cell)


@dataclass(frozen=True)
class Trial:
    """One training run, or one call of a probe: a cell of a grid, at a seed."""

    study: str
    part: str
    cell: Mapping[str, Any]
    recipe: Recipe | Probe
    seed: int
    alone: bool = False

    @functools.cached_property
    def id(self) -> str:
        """Sixteen hexadecimal digits, the same wherever and whenever this recipe and seed meet."""
        return trial_id(self.recipe, self.seed, alone=self.alone)

    @property
    def devices(self) -> int:
        """How many processes it takes: the recipe's, or what a probe's axis `devices` says."""
        if isinstance(self.recipe, Probe):
            return int(self.recipe.cell.get("devices", 1))
        return self.recipe.devices

    @property
    def words(self) -> str:
        """The cell as a person would say it."""
        levels = ", ".join(f"{p.split('.')[-1]} {_in_words(v)}" for p, v in self.cell.items())
        return f"{levels}, seed {self.seed}" if levels else f"seed {self.seed}"


def _kind(level: Any) -> type:
    """Return a level's type, all numbers being of one."""
    return float if type(level) is int else type(level)


def _in_words(level: Any) -> str:
    return " + ".join(map(str, level)) or "none" if isinstance(level, tuple) else str(level)


def _levels(recipe: Recipe, path: str, value: Any) -> tuple[Any, ...]:
    """Read the levels given for an axis: one, or several where the field itself is no tuple."""
    if not isinstance(value, tuple | list):
        return (value,)
    if _is_tuple_field(recipe, path) and _is_one_level(recipe, path, value):
        return (value,)
    return tuple(value)


def _is_one_level(recipe: Recipe, path: str, value: Any) -> bool:
    """Whether a tuple for a tuple field is its value, and not a tuple of values."""
    if not all(isinstance(item, tuple | list) for item in value):
        return True
    try:
        normalised(recipe, path, value)
    except RequestError:
        return False
    return True


def _is_field(recipe: Recipe, path: str) -> bool:
    """Whether a path is a recipe's; else it is the axis of a probe."""
    try:
        owner_of(recipe, path)
    except RequestError:
        return False
    return True


def _is_tuple_field(recipe: Recipe, path: str) -> bool:
    if not _is_field(recipe, path):
        return False
    cls, field = owner_of(recipe, path)
    return get_origin(annotation(cls, field.name)) is tuple


def _check_leaf(recipe: Recipe, path: str) -> None:
    cls, field = owner_of(recipe, path)
    if dataclasses.is_dataclass(annotation(cls, field.name)):
        raise RequestError(f"axis '{path}' must be a field of {field.name}, such as '{path}.name'")


def _whole_number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RequestError(f"seeds must be a whole number of at least 1, not {value!r}")
    return value


def keep_only(grids: tuple[Grid, ...], only: Mapping[str, tuple[Any, ...]]) -> tuple[Grid, ...]:
    paths = sorted({known.path for grid in grids for known in grid.axes})
    for path, levels in only.items():
        if not levels:
            raise RequestError(f"--only {path} names no level")
        if path not in paths:
            raise RequestError(f"no grid has an axis '{path}' {nearest(path, paths)}")
    return tuple(_narrowed(grid, only) for grid in grids)


def _narrowed(grid: Grid, only: Mapping[str, tuple[Any, ...]]) -> Grid:
    axes = []
    for known in grid.axes:
        path, levels = known.path, known.levels
        if path in only:
            wanted = [
                level if grid.probe else normalised(grid.recipe, path, level)
                for level in only[path]
            ]
            for level in wanted:
                grid.check_level(path, level, "--only")
            levels = tuple(level for level in levels if level in wanted)
        axes.append(Axis(path, levels))
    return dataclasses.replace(grid, axes=tuple(axes))

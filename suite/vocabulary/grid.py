"""Grids: axes crossed over a base recipe, and the trials that they hold."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from suite.ground.errors import RequestError, nearest
from suite.ground.fields import annotation, coerce, normalised, owner_of, replace_at
from suite.ground.identity import trial_id, worded
from suite.vocabulary.components import Component, Kind
from suite.vocabulary.looks import MOST_SEEDS, Looks
from suite.vocabulary.loss import Loss
from suite.vocabulary.metrics import check_written
from suite.vocabulary.recipe import Probe, ProbeFunction, Recipe

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """What is varied, by a dotted path or a name, and its levels in order.

    Attributes:
        path: a field of the recipe, or, where levels have names and set several, a word.
        levels: what claims, tables and overrides call them.
        sets: what each level sets, by dotted path; nothing where a level is its field's value.
        per: another axis, on whose level it depends which levels there are.
        among: those levels, by the level of `per`.
    """

    path: str
    levels: tuple[Any, ...]
    sets: tuple[Changes, ...] = ()
    per: str = ""
    among: Mapping[Any, tuple[Any, ...]] = dataclasses.field(default_factory=dict)

    @property
    def in_numbers(self) -> bool:
        """Whether all levels are numbers, which have an order and a distance."""
        return all(
            isinstance(one, int | float) and not isinstance(one, bool) for one in self.levels
        )

    def changes(self, level: Any) -> Changes:
        """Return what a level sets, by dotted path."""
        return self.sets[self.levels.index(level)] if self.sets else {self.path: level}

    def beside(self, cell: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the levels that there are beside those of other axes."""
        return self.among.get(cell.get(self.per), self.levels) if self.per else self.levels

    def only(self, wanted: Iterable[Any]) -> Axis:
        """Return the axis with some of its levels."""
        kept = [index for index, level in enumerate(self.levels) if level in list(wanted)]
        return dataclasses.replace(
            self,
            levels=tuple(self.levels[index] for index in kept),
            sets=tuple(self.sets[index] for index in kept) if self.sets else (),
            among={
                key: tuple(level for level in levels if level in list(wanted))
                for key, levels in self.among.items()
            },
        )


def axis(path: str, levels: Iterable[Any] | Mapping[Any, Any], *, per: str = "") -> Axis:
    """Vary what is at `path` over `levels`.

    Levels are values of a field, `axis("optimizer.lr", (0.1, 0.3))`, or whole components,
    `axis("optimizer", (Optimizer("sgd", momentum=0.9), Optimizer("adam")))`, called by their names.
    A mapping gives levels names of their own: of values, `axis("model.widths", {"small": (8,)})`, or
    of several fields together, `axis("scale", {"small": {"batch_size": 32, "optimizer.lr": 0.1}})`.

    Args:
        per: the axis on whose level it depends which levels there are: `levels` has a tuple for each
            of that axis's, `axis("optimizer.lr", {"sgd": (0.1, 0.3), "adam": (0.001,)},
            per="optimizer")`.
    """
    if not isinstance(path, str):
        raise RequestError(f"an axis is a dotted path, or a name, not {path!r}")
    check_written(path, "an axis")
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise RequestError(f"axis '{path}' needs a tuple of levels, not {levels!r}")
    if per:
        if not isinstance(levels, Mapping) or not all(
            isinstance(some, tuple | list) for some in levels.values()
        ):
            raise RequestError(f"axis '{path}' needs a tuple of levels for each level of '{per}'")
        among = {key: tuple(map(_plain, some)) for key, some in levels.items()}
        every = tuple(dict.fromkeys(level for some in among.values() for level in some))
        in_order = all(isinstance(level, int | float) for level in every)
        return Axis(path, tuple(sorted(every)) if in_order else every, per=per, among=among)
    if isinstance(levels, Mapping):
        sets = (one if isinstance(one, Mapping) else {path: one} for one in levels.values())
        return Axis(path, tuple(levels), tuple(sets))
    return Axis(path, tuple(map(_plain, levels)))


def _plain(level: Any) -> Any:
    """Return a number of NumPy's as one of Python's."""
    return level.item() if getattr(level, "ndim", None) == 0 else level


@dataclass(frozen=True)
class Grid:
    """A part of a study with every change applied: a base recipe and its axes, crossed.

    Attributes:
        seeds: how many at most.
        looks: at which numbers of them its claims are judged; None for all at once.
        later: changes to components that levels replace, which each of theirs must take.
        context: the study's context in which it is, or nothing where it is as written.
    """

    name: str
    recipe: Recipe
    axes: tuple[Axis, ...]
    seeds: int
    alone: bool = False
    probe: ProbeFunction | None = None
    later: Changes = dataclasses.field(default_factory=dict)
    looks: Looks | None = None
    context: str = ""

    @property
    def part(self) -> str:
        """The part that it is, in whatever context."""
        return self.name.removesuffix(f"@{self.context}") if self.context else self.name

    def axis(self, path: str, who: str = "") -> Axis:
        """Return the axis of a path, or raise RequestError, which begins with `who`."""
        for found in self.axes:
            if found.path == path:
                return found
        paths = [known.path for known in self.axes]
        raise RequestError(f"{who}part '{self.name}' has no axis '{path}' {nearest(path, paths)}")

    def form(self, path: str, level: Any) -> Any:
        """Return a level as the grid calls it, if it fits at all."""
        known = next((one for one in self.axes if one.path == path), None)
        if self.probe or (known and level in known.levels):
            return level
        try:
            value = normalised(self.recipe, path, level)
        except RequestError:
            return level
        for named, sets in (
            zip(known.levels, known.sets, strict=True) if known and known.sets else ()
        ):
            if sets == {path: value}:
                return named
        return worded(value)

    def check_level(self, path: str, level: Any, who: str) -> None:
        levels = self.axis(path, f"{who}: ").levels
        if level not in levels:
            raise RequestError(f"{who}: {path}={level} is not in the grid {nearest(level, levels)}")

    def changed(self, changes: Changes, varied: frozenset[str]) -> Grid:
        """Return the grid with values replaced: of an axis its levels, else of the base recipe.

        Several levels for an axis that only another part varies (`varied` names them all) do not
        concern this grid.
        """
        if not changes:
            return self
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
        for known in self.axes:
            if both := base.keys() & _set_by(known):
                part = f"part '{self.name}': " if self.name != "main" else ""
                said = f"'{min(both)}' is set by each level of axis '{known.path}'"
                raise RequestError(f"{part}{said}")
        for path in base if self.probe else ():
            if (
                path.partition(".")[0] not in Recipe.__dataclass_fields__
            ):  # nor is it other studies'
                self.axis(path)
        later = {} if self.probe else {path: base[path] for path in base if self._is_later(path)}
        now = {path: value for path, value in base.items() if path not in later}
        return dataclasses.replace(
            self,
            recipe=self.recipe if self.probe else replace_at(self.recipe, now),
            later={**self.later, **later},
            axes=axes,
            **(seeds_of(changes["seeds"]) if "seeds" in changes else {}),
        )

    def _is_later(self, path: str) -> bool:
        """Whether a path is a field of a component that levels replace, or that only theirs have."""
        head, _, field = path.partition(".")
        set_by_levels = {one for known in self.axes for one in (known.path, *_set_by(known))}
        if head in set_by_levels:
            return bool(field)
        child = getattr(self.recipe, head, None)
        named = f"{head}.name" in set_by_levels
        return named and owner_of(self.recipe, path)[0] is not type(child)

    def _is_elsewhere(self, path: str, value: Any) -> bool:
        """Whether a change can only be meant for a part that varies its path."""
        return not _is_field(self.recipe, path) or len(_levels(self.recipe, path, value)) > 1

    def _changed_axis(self, known: Axis, value: Any) -> Axis:
        levels = _levels(self.recipe, known.path, value)
        if self.probe:  # Of a recipe's axis, the field says what its levels may be.
            kinds = {_kind(level) for level in known.levels}
            wrong = [level for level in levels if _kind(level) not in kinds]
            if wrong:
                like = ", ".join(map(repr, known.levels))
                raise RequestError(f"axis '{known.path}' has levels like {like}, not {wrong[0]!r}")
            return Axis(known.path, levels)
        named = self._settled(known)
        if known.sets:
            for level in levels:
                if level not in named.levels:
                    raise RequestError(
                        f"axis '{known.path}' has no level {level!r} {nearest(level, named.levels)}"
                    )
            return named.only(levels)
        # A word that names a level means that, with its fields, and not the bare component.
        of_name = dict(zip(named.levels, named.sets or named.levels, strict=True))
        meant = (of_name.get(level, level) if isinstance(level, str) else level for level in levels)
        made = (one.get(known.path) if isinstance(one, Mapping) else one for one in meant)
        return Axis(known.path, tuple(made))

    def check_dependence(self) -> None:
        """Refuse an axis that depends on none of the grid's, or on levels that are not there."""
        for known in self.axes:
            if not known.per:
                continue
            other = self.axis(known.per)
            if other.per:
                what = f"'{known.per}', which depends on '{other.per}'"
                raise RequestError(f"axis '{known.path}' cannot depend on {what}")
            there = [*other.levels, *map(str, other.levels)]
            there += [level.name for level in other.levels if isinstance(level, Component)]
            for key in known.among:
                if key not in there:
                    raise RequestError(
                        f"axis '{known.path}' has levels for {known.per}={key}, which is not in "
                        f"the grid {nearest(key, map(str, other.levels))}"
                    )

    def settled(self) -> Grid:
        """Return the grid with each level as the field that it sets has it; refuse repeats."""
        taken: set[str] = set()
        for known in self.axes:
            paths = {known.path, *_set_by(known)}
            if both := paths & taken:
                raise RequestError(f"part '{self.name}' has two axes '{min(both)}'")
            taken |= paths
        axes = tuple(self._settled(known) for known in self.axes)
        return dataclasses.replace(self, axes=axes).matched()

    def matched(self) -> Grid:
        """Return the grid with the levels of axes that depend on another one's, and no others."""
        axes = tuple(map(self._beside_its_own, self.axes))
        return dataclasses.replace(self, axes=axes)

    def _settled(self, known: Axis) -> Axis:
        levels, sets, among = known.levels, known.sets, known.among
        if self.probe is not None and sets:
            raise RequestError(f"axis '{known.path}' of a probe has values as levels, not names")
        if self.probe is not None:
            for level in levels:
                _check_value(level, f"axis '{known.path}'")
        if self.probe is None and sets:
            sets = tuple(
                {path: normalised(self.recipe, path, value) for path, value in one.items()}
                for one in sets
            )
        elif self.probe is None:
            _check_leaf(self.recipe, known.path)
            values = tuple(normalised(self.recipe, known.path, level) for level in levels)
            levels = _called(values)
            of_level = dict(zip(known.levels, levels, strict=True)) if among else {}
            among = {key: tuple(map(of_level.__getitem__, some)) for key, some in among.items()}
            sets = () if levels == values else tuple({known.path: value} for value in values)
        if not levels or len(set(levels)) < len(levels):
            raise RequestError(f"axis '{known.path}' needs distinct levels, not {levels}")
        return Axis(known.path, levels, sets, known.per, among)

    def _beside_its_own(self, known: Axis) -> Axis:
        """Return an axis that depends on another one with the levels of that as the grid has them."""
        if not known.per:
            return known
        other = self.axis(known.per)
        among = {self.form(known.per, key): levels for key, levels in known.among.items()}
        if missing := [level for level in other.levels if not among.get(level)]:
            raise RequestError(f"axis '{known.path}' has no levels for {known.per}={missing[0]}")
        there = {level: among[level] for level in other.levels}
        used = {level for levels in there.values() for level in levels}
        return dataclasses.replace(known.only(used), among=there)

    @functools.cached_property
    def cells(self) -> tuple[dict[str, Any], ...]:
        """Every combination of levels."""
        paths = [known.path for known in self.axes]
        combinations = itertools.product(*(known.levels for known in self.axes))
        cells = (dict(zip(paths, levels, strict=True)) for levels in combinations)
        return tuple(
            cell
            for cell in cells
            if all(cell[one.path] in one.beside(cell) for one in self.axes if one.per)
        )

    @property
    def size(self) -> int:
        """How many trials it has, counted without making any."""
        cells = 1
        for known in (one for one in self.axes if not one.per):
            within = [one for one in self.axes if one.per == known.path]
            beside = ({known.path: level} for level in known.levels)
            cells *= sum(math.prod(len(one.beside(cell)) for one in within) for cell in beside)
        return cells * self.seeds

    @property
    def losses(self) -> Iterator[Loss]:
        """Every loss that one of its trials has."""
        changes = [known.changes(level) for known in self.axes for level in known.levels]
        named = [one["loss"] for one in changes if "loss" in one]
        yield from (Loss(one) if isinstance(one, str) else one for one in named)
        if not any(known.path == "loss" for known in self.axes):
            yield self.recipe.loss

    def has(self, levels: Mapping[str, Any]) -> bool:
        """Whether a cell has levels that the axes have: what there is may depend on another one."""
        depending = (one for one in self.axes if one.per and {one.path, one.per} <= levels.keys())
        return all(levels[one.path] in one.beside(levels) for one in depending)

    def check_cells(self) -> None:
        """Refuse a cell whose recipe there cannot be."""
        for cell in self.cells if self.probe is None else ():
            self._made("", "", cell)

    def trials(self, study: str, source: str) -> Iterator[Trial]:
        """Yield every trial, seed by seed; `source` is the digest of the study's file."""
        made = [(cell, self._made(study, source, cell)) for cell in self.cells]
        for seed in range(self.seeds):
            for cell, recipe in made:
                yield Trial(study, self.name, cell, recipe, seed, self.alone)

    def _made(self, study: str, source: str, cell: dict[str, Any]) -> Recipe | Probe:
        if self.probe is None:
            changes = dict(self.later)
            for known in self.axes:
                changes |= known.changes(cell[known.path])
            return replace_at(self.recipe, changes)
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


def _set_by(known: Axis) -> set[str]:
    """Return the paths that levels with names of their own set."""
    return {path for sets in known.sets for path in sets}


def _kind(level: Any) -> type:
    """Return a level's type, all numbers being of one."""
    return float if type(level) is int else type(level)


def _in_words(level: Any) -> str:
    return " + ".join(map(str, level)) or "none" if isinstance(level, tuple) else str(level)


def _called(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what levels are called: components by their names, if these are enough to tell them."""
    if not all(isinstance(value, Component) for value in values):
        return tuple(map(worded, values))
    names = tuple(value.name for value in values)
    return names if len(set(names)) == len(names) else tuple(map(str, values))


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
    kind = annotation(cls, field.name)
    if dataclasses.is_dataclass(kind) and not isinstance(kind, Kind):
        first = dataclasses.fields(kind)[0].name
        raise RequestError(
            f"axis '{path}' must be a field of {field.name}, such as '{path}.{first}'"
        )


def _check_value(level: Any, who: str) -> None:
    """Refuse a level of a probe that no record could hold."""
    if isinstance(level, tuple):
        for one in level:
            _check_value(one, who)
    elif type(level) in (int, float, str):
        coerce(level, type(level), f"{who}: a level")
    elif level is not None and not isinstance(level, bool):
        what = "a number, a word, a truth value, None or a tuple of these"
        raise RequestError(f"{who}: a level of a probe is {what}, not {level!r}")


def seeds_of(value: Any) -> dict[str, Any]:
    """Return a grid's seeds and looks as they are given: a number, or looks."""
    if isinstance(value, Looks):
        return {"seeds": value.counts[-1], "looks": value}
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_SEEDS:
        raise RequestError(f"seeds must be a whole number from 1 to {MOST_SEEDS:,}, not {value!r}")
    return {"seeds": value, "looks": None}


def keep_only(grids: tuple[Grid, ...], only: Mapping[str, tuple[Any, ...]]) -> tuple[Grid, ...]:
    paths = sorted({known.path for grid in grids for known in grid.axes})
    for path, levels in only.items():
        if not levels:
            raise RequestError(f"--only {path} names no level")
        if path not in paths:
            raise RequestError(f"no grid has an axis '{path}' {nearest(path, paths)}")
    return tuple(_narrowed(grid, only) for grid in grids)


def in_context(part: str, context: str) -> str:
    """Return what the grid of a part in a context is called."""
    return f"{part}@{context}"


def keep_levels(grid: Grid, wanted: Mapping[str, Iterable[Any]]) -> Grid:
    """Return the grid with some levels of its axes; where it has none of these, it has no trials."""
    axes = tuple(
        known.only([grid.form(known.path, level) for level in wanted[known.path]])
        if known.path in wanted
        else known
        for known in grid.axes
    )
    if not all(one.levels for one in axes):
        return dataclasses.replace(grid, seeds=0, looks=None)
    return dataclasses.replace(grid, axes=axes).matched()


def _narrowed(grid: Grid, only: Mapping[str, tuple[Any, ...]]) -> Grid:
    if grid.context:  # which has few of the levels, or others
        return keep_levels(grid, only)
    axes = []
    for known in grid.axes:
        if known.path in only:
            wanted = [grid.form(known.path, level) for level in only[known.path]]
            for level in wanted:
                if level not in known.levels and not (grid.probe or known.sets):
                    normalised(grid.recipe, known.path, level)  # says what it cannot be
                grid.check_level(known.path, level, "--only")
        axes.append(known.only(wanted) if known.path in only else known)
    return dataclasses.replace(grid, axes=tuple(axes)).matched()

"""What makes two trials the same trial: the canonical form of a recipe and the id drawn from it.

The study's name is not in an id, so a trial that two studies share is trained once. Defaults are
left out, so a new field does not rename old trials.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from suite.ground.fields import annotation, unknown_field

T = TypeVar("T")

# Raised whenever the same recipe and seed would train to other numbers than before, so that
# results of the old arithmetic are never taken for results of the new. The golden tests say when.
SEMANTICS_VERSION = 1


def canonical(value: Any) -> Any:
    """Return `value` as plain JSON types, leaving out every field that has its default.

    A component (`suite.vocabulary.components`) says what stands for its name; where most of a kind
    have no fields, such as losses, one that has none is a word.
    """
    if isinstance(value, tuple):
        return [canonical(item) for item in value]
    if isinstance(value, Path):
        return value.as_posix()
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    form = _identity(value) | {
        field.name: canonical(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    }
    bare = getattr(value, "brief", False) and form.keys() <= {"name"}
    return getattr(value, "name", "") if bare else form


def _identity(value: Any) -> dict[str, Any]:
    """Return what stands in a component's form beside the fields that differ from their defaults."""
    found: dict[str, Any] = getattr(value, "identity", dict)()
    return found


@functools.lru_cache(maxsize=65_536)
def _kept_canonical(recipe: Any) -> Any:
    """Return the form of a recipe, or nothing if it names files, which may change meanwhile.

    Every seed asks for the same of each cell: a plan of 100,000 trials takes half the time.
    """
    return None if getattr(recipe, "reads_files", False) else canonical(recipe)


def rebuild(cls: type[T], form: Mapping[str, Any]) -> T:
    """Return the object whose canonical form is `form`: the inverse of `canonical`."""
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    arguments = {}
    for name, value in form.items():
        if name not in names:
            raise unknown_field(cls, name)
        kind = annotation(cls, name)
        nested = isinstance(value, Mapping) and not hasattr(kind, "accept")
        arguments[name] = rebuild(kind, value) if nested else value
    return cls(**arguments)


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return every field, defaults included, by its dotted path."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        child = getattr(value, field.name)
        if dataclasses.is_dataclass(child) and not getattr(child, "brief", False):
            flat |= flatten(child, f"{prefix}{field.name}.")
        else:
            flat[prefix + field.name] = worded(child)
    return flat


def worded(value: Any) -> Any:
    """Return a value as a level or a parameter is called: a component in its own words, a path as text."""
    if isinstance(value, tuple):
        return tuple(map(worded, value))
    if isinstance(value, Path):
        return value.as_posix()
    return str(value) if hasattr(value, "brief") else value


def digest(form: Any) -> str:
    """Return 16 hexadecimal digits that name a JSON value."""
    text = json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cohort_key(recipe: Any) -> str:
    """Return what all recipes share that differ in `scalar()` fields only."""

    def less_scalars(value: Any) -> Any:
        if not dataclasses.is_dataclass(value):
            return canonical(value)
        return _identity(value) | {
            field.name: less_scalars(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not field.metadata.get("scalar")
        }

    return digest(less_scalars(recipe))


def trial_id(recipe: Any, seed: int, *, alone: bool = False) -> str:
    """Return the id of a trial.

    A trial that must run alone, to be timed, is another trial than the same training beside
    others: the numbers are equal but only one of them has seconds.
    """
    try:
        form_of_recipe = _kept_canonical(recipe)
    except TypeError:  # the cell of a probe has no hash
        form_of_recipe = None
    if form_of_recipe is None:
        form_of_recipe = canonical(recipe)
    return id_of(form_of_recipe, seed, alone=alone)


def id_of(form: Any, seed: int, *, alone: bool, semantics: int = SEMANTICS_VERSION) -> str:
    """Return the id of a trial by its recipe's canonical form, at a version of the semantics."""
    whole: dict[str, Any] = {"recipe": form, "seed": seed, "semantics": semantics}
    return digest(whole | {"alone": True} if alone else whole)

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
from typing import Any, TypeVar

from suite.ground.fields import annotation, unknown_field

T = TypeVar("T")

# Raised whenever the same recipe and seed would train to other numbers than before, so that
# results of the old arithmetic are never taken for results of the new. The golden tests say when.
SEMANTICS_VERSION = 1


def canonical(value: Any) -> Any:
    """Return `value` as plain JSON types, leaving out every field that has its default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: canonical(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != field.default
        }
    return list(value) if isinstance(value, tuple) else value


# Every seed asks for the same of each cell: a plan of 100,000 trials takes half the time.
_kept_canonical = functools.lru_cache(maxsize=65_536)(canonical)


def rebuild(cls: type[T], form: Mapping[str, Any]) -> T:
    """Return the object whose canonical form is `form`: the inverse of `canonical`."""
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    arguments = {}
    for name, value in form.items():
        if name not in names:
            raise unknown_field(cls, name)
        nested = isinstance(value, Mapping)
        arguments[name] = rebuild(annotation(cls, name), value) if nested else value
    return cls(**arguments)


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return every field, defaults included, by its dotted path."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        child = getattr(value, field.name)
        if dataclasses.is_dataclass(child):
            flat |= flatten(child, f"{prefix}{field.name}.")
        else:
            flat[prefix + field.name] = child
    return flat


def digest(form: Any) -> str:
    """Return 16 hexadecimal digits that name a JSON value."""
    text = json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cohort_key(recipe: Any) -> str:
    """Return what all recipes share that differ in `scalar()` fields only."""

    def less_scalars(value: Any) -> Any:
        if not dataclasses.is_dataclass(value):
            return canonical(value)
        return {
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
        form_of_recipe = canonical(recipe)
    return id_of(form_of_recipe, seed, alone=alone)


def id_of(form: Any, seed: int, *, alone: bool, semantics: int = SEMANTICS_VERSION) -> str:
    """Return the id of a trial by its recipe's canonical form, at a version of the semantics."""
    whole: dict[str, Any] = {"recipe": form, "seed": seed, "semantics": semantics}
    return digest(whole | {"alone": True} if alone else whole)

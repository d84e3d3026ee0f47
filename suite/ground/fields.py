"""Typed, frozen, keyword-checked dataclasses whose values are normalised when they are made.

`1` and `1.0` in a float field are one value, a list in a tuple field is a tuple, a NumPy
scalar is a Python one: two ways to write a recipe must not become two trials.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, dataclass_transform

from suite.ground.errors import RequestError, nearest

T = TypeVar("T")
MOST = 2**63  # whole numbers are below, in JSON's readers, in Parquet and in PyTorch


def number(
    default: Any, *, low: float = -math.inf, high: float = math.inf, small: Any = None
) -> Any:
    """A field whose value, where it is not None, lies in [low, high].

    Args:
        small: a value with which it is cheap to try, as `suite check` does.
    """
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "small": small})


def scalar(default: Any, *, low: float = -math.inf, high: float = math.inf) -> Any:
    """A number that may differ between the cells of one vectorised cohort.

    Such a field enters the arithmetic of a step as a factor; it never changes which
    operations run or the shape of what they run on.
    """
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "scalar": True})


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, number, scalar))
def vocabulary(cls: type[T], *, kw_only: bool = False) -> type[T]:
    """Make `cls` a frozen dataclass that checks its field names, types, choices and ranges."""

    def normalise(self: Any) -> None:
        for field, kind, where in _checks(cls):  # type: ignore[arg-type]
            value = coerce(getattr(self, field.name), kind, where)
            check_range(value, field, where)
            object.__setattr__(self, field.name, value)
        if hasattr(self, "check"):
            self.check()

    cls.__post_init__ = normalise  # type: ignore[attr-defined]
    made: Any = dataclasses.dataclass(frozen=True, kw_only=kw_only)(cls)
    plain_init = made.__init__
    names = [field.name for field in dataclasses.fields(made)]

    @functools.wraps(plain_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in names:
                raise unknown_field(made, name)
        plain_init(self, *args, **kwargs)

    made.__init__ = init
    return typing.cast("type[T]", made)


def unknown_field(cls: type, name: str) -> RequestError:
    """Return the refusal of a field, with the nearest that the class has, or another of its kind."""
    classes = (cls, *getattr(cls, "relatives", tuple)())
    names = dict.fromkeys(field.name for one in classes for field in dataclasses.fields(one))
    return RequestError(f"{called(cls)} has no field '{name}' {nearest(name, names)}")


def called(cls: type) -> str:
    """Return what messages call a class: a name's class is called as its kind."""
    return getattr(cls, "label", cls.__name__)


@functools.cache
def _annotations(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


@functools.cache
def _checks(cls: Any) -> tuple[tuple[dataclasses.Field[Any], Any, str], ...]:
    """Return each field with its type and its name in messages."""
    return tuple(
        (field, annotation(cls, field.name), f"{called(cls)}.{field.name}")
        for field in dataclasses.fields(cls)
    )


def annotation(cls: type, name: str) -> Any:
    """Return the type of a field."""
    return _annotations(cls)[name]


def check_range(value: object, field: dataclasses.Field[Any], where: str) -> None:
    low, high = field.metadata.get("low", -math.inf), field.metadata.get("high", math.inf)
    if isinstance(value, int | float) and not low <= value <= high:
        bound = f"at least {low:g}" if value < low else f"at most {high:g}"
        raise RequestError(f"{where} must be {bound}, not {value}")


def coerce(value: Any, kind: Any, where: str) -> Any:
    """Return `value` in the one form its type has, or raise RequestError naming `where`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _coerce_union(value, arguments, where)
    if origin is Literal:
        if value is None and "none" in arguments:  # which a command line reads as no value
            value = "none"
        if value not in arguments:
            raise RequestError(f"{where} cannot be {value!r} {nearest(value, arguments)}")
        return value
    if origin is tuple:
        items = value if isinstance(value, tuple | list) else (value,)
        return tuple(coerce(item, arguments[0], where) for item in items)
    return _coerce_plain(value, origin or kind, where)


def _coerce_plain(value: Any, kind: Any, where: str) -> Any:
    """Accept a value of a kind that has no parts; a number where it loses nothing."""
    if getattr(value, "ndim", None) == 0:
        value = value.item()  # a NumPy scalar
    if isinstance(value, int) and abs(value) >= MOST and kind in (int, float):
        raise RequestError(f"{where} must be below 2^63")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is Path and isinstance(value, str) and value:
        value = Path(value)
    if hasattr(kind, "accept"):  # a kind of component, which a word may name
        return kind.accept(value, where)
    fits = type(value) is kind if kind in (int, float, bool, str) else isinstance(value, kind)
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        raise RequestError(f"{where} must be {_in_words(kind)}, not {value!r}")
    if isinstance(value, str | Path) and not _is_text(str(value)):
        raise RequestError(f"{where} has a character that cannot be written, {value!r}")
    # Of two equal values, JSON writes -0.0 another way, and the id would differ.
    return 0.0 if kind is float and value == 0.0 else value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
    return True


def _coerce_union(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    """Accept a value of any of the kinds; failing that, make it the first that is not None."""
    if any(isinstance(kind, type) and type(value) is kind for kind in kinds):
        return value
    return coerce(value, next(kind for kind in kinds if kind is not type(None)), where)


def _in_words(kind: Any) -> str:
    words = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a word",
        Path: "a path",
    }
    return words.get(kind, f"of type {getattr(kind, '__name__', kind)}")


def parse(text: str) -> Any:
    """Read a value typed on a command line: a Python literal where it is one, else a word."""
    special = {"true": True, "false": False, "none": None}
    if text.lower() in special:
        return special[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        words = [word.strip() for word in text.split(",")]
        return tuple(words) if len(words) > 1 else text


def owner_of(root: Any, path: str) -> tuple[type, dataclasses.Field[Any]]:
    """Return the class that holds the field at a dotted `path` below `root`, and the field.

    Where a component does not have it, another one of its kind may, which can take its place.
    """
    head, _, rest = path.partition(".")
    own: dict[str, dataclasses.Field[Any]] = type(root).__dataclass_fields__
    if head in own and not rest:
        return type(root), own[head]
    for cls in getattr(root, "relatives", tuple)():
        if head in cls.__dataclass_fields__ and not rest:
            return cls, cls.__dataclass_fields__[head]
    if head not in own:
        raise unknown_field(type(root), head)
    child = getattr(root, head)
    if not dataclasses.is_dataclass(child):
        raise RequestError(f"{called(type(root))}.{head} has no fields, so '{path}' names nothing")
    return owner_of(child, rest)


def normalised(root: Any, path: str, value: Any) -> Any:
    """Return `value` in the form that the field at `path` gives it."""
    cls, field = owner_of(root, path)
    where = f"{called(cls)}.{field.name}"
    if field.name == "name" and hasattr(cls, "named"):
        return cls.named(value, where)
    kind = annotation(cls, field.name)
    value = coerce(_as_words(value, kind), kind, where)
    check_range(value, field, where)
    return value


def _as_words(value: Any, kind: Any) -> Any:
    """Return whole numbers as words where these are wanted: a command line takes a column `1` for one."""
    if isinstance(value, tuple | list) and typing.get_args(kind)[:1] == (str,):
        return tuple(_as_words(item, str) for item in value)
    kinds = {kind, *typing.get_args(kind)}
    return str(value) if type(value) is int and str in kinds and not {int, float} & kinds else value


def _typed(root: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of a component's fields, of whatever name it will have, with words as words."""
    typed = dict(changes)
    for path, value in changes.items():
        with contextlib.suppress(RequestError):  # which the component itself will say
            cls, field = owner_of(root, path)
            typed[path] = _as_words(value, annotation(cls, field.name))
    return typed


def replace_at(root: T, changes: Mapping[str, Any]) -> T:
    """Return `root` with the fields at dotted paths replaced, all at once, checked as ever."""
    if hasattr(root, "changed"):  # a component, whose name may change with them
        return typing.cast("T", root.changed(_typed(root, changes)))
    own: dict[str, Any] = {}
    below: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        head, _, rest = path.partition(".")
        owner_of(root, head)
        if rest:
            below.setdefault(head, {})[rest] = value
        else:
            own[head] = normalised(root, head, value)
    for head, inner in below.items():
        child = own.get(head, getattr(root, head))
        if not dataclasses.is_dataclass(child):
            owner_of(root, f"{head}.{next(iter(inner))}")  # says that it has no fields
        own[head] = replace_at(child, inner)
    return dataclasses.replace(root, **own)  # type: ignore[type-var]

"""What a recipe names: a network, a source, an update rule, a loss. One mechanism for all kinds.

A kind, such as `Model`, is a class; each of its names is a class below it, with the fields that
this name reads and no others. `Model("mlp", widths=(8,))` makes an object of the class that is
called `mlp`. A built-in name is written as such a class, and says where its torch code is, which
the process that trains loads. A name of one's own is a function in a study file, under a decorator
such as `@model`: its keyword arguments are the fields. A field that is a path names a file or a
folder, and a digest of what that holds stands in a trial's id.

A name is never a place. It is looked up among the built-in ones and those that the study at hand
defines or imports, so a record or an archive of someone else's can make nobody import anything. In
a trial's id a name of one's own stands with a digest of its code (`suite.vocabulary.code`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

from suite.ground import contents
from suite.ground.errors import RequestError, nearest
from suite.ground.fields import annotation, coerce, unknown_field, vocabulary
from suite.ground.identity import canonical, digest
from suite.vocabulary import code

# The names that a study's file can write: what it defines, and what the modules that it imports do.
_names: ContextVar[Mapping[str, Any]] = ContextVar("names", default={})  # noqa: B039 - never changed

K = TypeVar("K", bound="Component")


class Kind(type):
    """The class of `Model` and of all that is a model; calling it makes the one that is named."""

    def __str__(cls) -> str:
        """Return the name that the class stands for."""
        return str(getattr(cls, "word", "")) or cls.__name__

    def __call__(cls, *words: Any, **fields: Any) -> Any:
        """Return the component that the first argument names, with its fields.

        A field that differs from its default goes along when `dataclasses.replace` changes the
        name; one at its default is as good as not given.
        """
        made: Any = cls  # a Kind is always the class of a Component
        if len(words) > 1:
            raise RequestError(f"{made.label} takes one name; its fields have names, as lr=0.1")
        name = words[0] if words else fields.pop("name", made.word or made.kind.default)
        target = made.named(name)
        if made.word and target is not made:
            fields = {one: fields[one] for one in fields if fields[one] != made.defaults().get(one)}
        for field in [one for one in fields if one not in target.defaults()]:
            if not target.is_unset(field, fields[field]):
                raise target.unread(field)
            del fields[field]
        return type.__call__(target, target.word, **fields)


class Component(metaclass=Kind):
    """A named part of a recipe, such as a network; base of every kind.

    Attributes:
        name: what it is called.
        kind: the class of its kind, such as `Model`.
        label: what messages call it: `Model`, or the name of one's own function.
        word: its name; empty for a kind.
        default: of a kind, the name that is meant where none is given; empty if there is none.
        brief: of a kind, whether a name without fields is written as a word alone.
        known: of a kind, its built-in names.
        place: where its code is, as `module:name`, which is loaded when it is called for.
        home: the module of one's own function; empty for what is built in.
        stacks: whether cells with it can train as one program (`suite.training.stack`).
        shared: of a kind, whether cells that do compute with the first one's.
        facts: of one's own, what its decorator was told that changes results.
    """

    name: str
    kind: ClassVar[type[Component]]
    label: ClassVar[str] = ""
    word: ClassVar[str] = ""
    default: ClassVar[str] = ""
    brief: ClassVar[bool] = False
    known: ClassVar[dict[str, type[Component]]] = {}
    place: ClassVar[str] = ""
    home: ClassVar[str] = ""
    stacks: ClassVar[bool] = True
    shared: ClassVar[bool] = False
    own: ClassVar[Callable[..., Any]]
    version: ClassVar[str] = ""
    facts: ClassVar[Mapping[str, Any]] = {}

    if TYPE_CHECKING:  # its fields are those of the class that the name stands for
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

        def __init__(self, name: str = "", /, **fields: Any) -> None: ...

    def __init_subclass__(
        cls, *, name: str = "", place: str = "", kind: str = "", default: str = ""
    ) -> None:
        if kind:
            cls.kind, cls.label, cls.default, cls.known = cls, kind, default, {}
        cls.word, cls.place = name, place
        cls.__annotations__ = {"name": str, **inspect.get_annotations(cls)}
        cls.name = dataclasses.field(default=name or cls.kind.default, kw_only=False)
        vocabulary(cls, kw_only=True)
        if name and not cls.home:
            cls.kind.known[name] = cls

    @classmethod
    def named(cls, name: Any, where: str = "") -> type[Component]:
        """Return the class of a name, one's own included, or raise RequestError with the nearest."""
        kind = cls.kind
        if isinstance(name, Kind) and issubclass(name, kind) and name.word:
            return name
        if name == cls.word and name:
            return cls
        found = kind.known.get(name) if isinstance(name, str) else None
        if found is None:
            own = own_names(kind)
            if not isinstance(name, str) or name not in own:
                where = where or f"{kind.label}.name"
                raise RequestError(
                    f"{where} cannot be {name!r} {nearest(name, (*kind.known, *own))}"
                )
            found = own[name]
        return found

    @classmethod
    @functools.cache
    def defaults(cls) -> dict[str, Any]:
        """Return every field's default by its name."""
        return {one.name: one.default for one in dataclasses.fields(cls)}

    @classmethod
    @functools.cache
    def own_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields that are this name's own, not its kind's."""
        return tuple(one for one in cls.defaults() if one in inspect.get_annotations(cls))[1:]

    @classmethod
    def relatives(cls) -> Iterator[type[Component]]:
        """Yield every class of the kind that can be named here: one may take this one's place."""
        yield from cls.kind.known.values()
        yield from own_names(cls.kind).values()

    @classmethod
    def is_unset(cls, field: str, value: Any) -> bool:
        """Say whether a field that this name does not read has the default that others give it."""
        theirs = [one.defaults()[field] for one in cls.relatives() if field in one.defaults()]
        return bool(theirs) and all(value == default for default in theirs)

    @classmethod
    def unread(cls, field: str) -> RequestError:
        """Return the refusal of a field that this name does not read."""
        if any(field in one.defaults() for one in cls.relatives()):
            return RequestError(f"{cls.kind.label} '{cls.word}' does not use '{field}'")
        return unknown_field(cls, field)

    @classmethod
    def accept(cls, value: Any, where: str) -> Self:
        """Return a value of a field of this kind: a component, its class, its name or its form."""
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            return cls._of_form(value)
        if isinstance(value, Component):
            what = f"the {value.kind.label} '{value.name}'"
            article = "an" if cls.kind.label[0] in "AIO" else "a"
            raise RequestError(f"{where} must be {article} {cls.kind.label}, not {what}")
        return typing.cast("Self", cls.named(value, where)())

    @classmethod
    def _of_form(cls, form: Mapping[str, Any]) -> Self:
        """Return what has this canonical form; the code must be what it was."""
        fields = {str(name): value for name, value in form.items()}
        was, name = fields.pop("code", ""), fields.pop("name", cls.kind.default)
        held = fields.pop("digest", "")
        made = cls.kind(name, **fields)
        if was != made.code():
            what = f"{cls.kind.label.lower()} '{name}'"
            raise RequestError(f"the code of {what} is not what it was (digest {was or 'none'})")
        if held != made.digest():
            what = f"{cls.kind.label.lower()} '{name}' reads in {', '.join(map(str, made.files()))}"
            raise RequestError(f"what {what} is not what it was (digest {held or 'none'})")
        return typing.cast("Self", made)

    @classmethod
    @functools.cache
    def code(cls) -> str:
        """Return the digest of one's own code, or the version that was given; built in: nothing.

        It is taken when the study is read, of what this process has loaded. What no form shows
        counts with it: facts given to the decorator, and the code of fields' own defaults.

        Raises:
            RequestError: if another process could not find it again, or its code has no identity.
        """
        if not cls.home:
            return ""
        defaults = {name: canonical(one) for name, one in cls.defaults().items()}
        if cls.version:
            return f"version {cls.version} {digest([cls.facts, defaults])}"
        of = code.digest_of(cls.own)
        if inspect.unwrap(cls.own).__globals__.get(cls.word) is not cls:
            raise RequestError(
                f"{cls.kind.label} '{cls.word}' must be at the top of its file under its name, as "
                f"@{cls.kind.label.lower()} makes it: another process finds it there"
            )
        parts = {name for name, one in cls.defaults().items() if isinstance(one, Component)}
        own = {name: defaults[name] for name in cls.own_fields() if name in parts}
        return digest([of, cls.facts, own])

    @classmethod
    def function(cls) -> Callable[..., Any]:
        """Return the code: one's own function, or what is loaded from its place."""
        if cls.home:
            return cls.own
        found: Callable[..., Any] = pkgutil.resolve_name(cls.place)
        return found

    def arguments(self) -> dict[str, Any]:
        """Return the fields that are this name's own, not its kind's: what its code takes."""
        return {name: getattr(self, name) for name in self.own_fields() if name != "version"}

    def files(self) -> tuple[Path, ...]:
        """Return the files and folders that fields name."""
        values = (getattr(self, name) for name in self._paths())
        several = (one if isinstance(one, tuple) else (one,) for one in values)
        return tuple(path for paths in several for path in paths if path is not None)

    @classmethod
    @functools.cache
    def _paths(cls) -> tuple[str, ...]:
        """Return the names of the fields that are paths."""
        kinds = {name: annotation(cls, name) for name in cls.defaults()}
        return tuple(one for one, kind in kinds.items() if Path in (kind, *typing.get_args(kind)))

    def digest(self) -> str:
        """Return the digest of what its files hold, taken now; nothing if a version stands for it.

        Raises:
            RequestError: if one is not there.
        """
        if self.version or not self._paths():
            return ""
        who = f"{self.kind.label.lower()} '{self.name}'"
        found = [contents.digest_of(path, who) for path in self.files()]
        return digest(found) if len(found) > 1 else "".join(found)

    def given(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, but for the name."""
        return {
            name: getattr(self, name)
            for name, default in self.defaults().items()
            if name != "name" and getattr(self, name) != default
        }

    def identity(self) -> dict[str, Any]:
        """Return what stands in a canonical form beside the fields that differ from defaults."""
        named = {"name": self.name} if self.name != self.kind.default else {}
        named |= {"code": own} if (own := self.code()) else {}
        return named | ({"digest": held} if (held := self.digest()) else {})

    def changed(self, fields: Mapping[str, Any]) -> Self:
        """Return it with fields replaced; with another name, what differs from a default goes along."""
        made = self.kind(**{"name": type(self), **self.given(), **fields})
        return typing.cast("Self", made)

    def without(self, *fields: str) -> Self:
        """Return it with the fields among these that it has at their defaults."""
        return self.changed(
            {name: self.defaults()[name] for name in fields if name in self.defaults()}
        )

    def __str__(self) -> str:
        """Return the name, and the fields that differ from defaults: `sgd momentum=0.9`."""
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.given().items())])

    def __getattr__(self, name: str) -> Any:
        """Return the default of a field that this name does not read and another of its kind does."""
        for other in () if name.startswith("_") else self.kind.known.values():
            if name in other.defaults():
                return other.defaults()[name]
        raise AttributeError(f"{self.kind.label} '{self.word}' has no field '{name}'")

    def __reduce__(self) -> Any:
        if not self.home:
            return super().__reduce__()
        return _found_again, (self.kind.label, self.home, self.word, self.given())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self


def _found_again(label: str, home: str, word: str, fields: dict[str, Any]) -> Component:
    """Return one's own component in another process, which loads the study or module it is in."""
    from suite.vocabulary.discovery import home_of

    with within(home_of(home)):
        kind = next(one for one in Component.__subclasses__() if one.label == label)
        return kind(word, **fields)


@contextlib.contextmanager
def within(names: Mapping[str, Any]) -> Iterator[None]:
    """Look names up among these of a module too."""
    token = _names.set(names)
    try:
        yield
    finally:
        _names.reset(token)


def names_here() -> Mapping[str, Any]:
    """Return the names of the module that is being looked in, which may still be executing."""
    return _names.get()


def own_names(kind: type[K]) -> dict[str, type[K]]:
    """Return the components of one's own of a kind that the module at hand can write, by name.

    Raises:
        RequestError: if two of them have one name.
    """
    found: dict[str, type[K]] = {}
    for own in components(names_here()):
        if issubclass(own, kind) and found.setdefault(own.word, own) is not own:
            homes = f"in {found[own.word].home} and in {own.home}"
            raise RequestError(
                f"{kind.label} '{own.word}' is defined twice: {homes}; one file that both import can have it"
            )
    return found


def components(names: Mapping[str, Any]) -> Iterator[type[Component]]:
    """Yield one's own components among the names of a module, and of the modules that it names."""
    seen: set[type] = set()
    for value in list(names.values()):
        for one in list(vars(value).values()) if isinstance(value, types.ModuleType) else [value]:
            if isinstance(one, Kind) and one.__dict__.get("home") and one not in seen:
                seen.add(one)
                yield typing.cast("type[Component]", one)


def own(
    function: Callable[..., Any] | None,
    kind: type[K],
    takes: tuple[str, ...],
    *beside: str,
    **facts: Any,
) -> Any:
    """Return a function as a class of a kind, or, where none is given yet, what will make it one.

    Args:
        takes: the positional arguments that it must take.
        beside: arguments that it may take by keyword and that are no fields.
        facts: class attributes.

    Raises:
        RequestError: if the function does not take these, or an argument cannot be a field.
    """
    if function is None:
        return functools.partial(_make_own, kind, takes, beside, facts)
    return _make_own(kind, takes, beside, facts, function)


def _make_own(
    kind: type[K],
    takes: tuple[str, ...],
    beside: tuple[str, ...],
    facts: Mapping[str, Any],
    function: Callable[..., Any],
) -> type[K]:
    word = getattr(function, "__name__", "")
    _check_facts(kind, facts, f"{kind.label} '{word}'")
    who = f"{kind.label} '{word}'"
    if word in kind.known:
        raise RequestError(f"{who} is built in: give yours another name")
    plain = inspect.isfunction(function) and word != "<lambda>"
    if not plain or inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        instead = f": write one that returns {word}(…)" if inspect.isclass(function) else ""
        raise RequestError(
            f"a {kind.label} of one's own is a function with a name, not {function!r}{instead}"
        )
    names, fields = _fields(kind, function, takes, beside, who)
    namespace = {
        "__annotations__": names,
        "__doc__": function.__doc__ or "",
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "home": function.__module__ or "__main__",
        "own": staticmethod(function),
        "label": word,
        "stacks": False,
        "facts": {name: facts[name] for name in sorted(facts) if name not in ("stacks", "version")},
        **fields,
        **facts,
    }
    made: type[K] = typing.cast("Any", Kind)(word, (kind,), namespace, name=word)
    if any(one.metadata.get("scalar") for one in fields.values()) and (
        kind.shared or not made.stacks
    ):
        raise RequestError(
            f"{who} cannot have a scalar(), in which stacked cells differ: make it a number()"
        )
    return made


def _check_facts(kind: type[Component], facts: Mapping[str, Any], who: str) -> None:
    """Refuse what a decorator was told if it is of another type than it must be."""
    for name, value in facts.items():
        (wanted,) = typing.get_args(typing.get_type_hints(kind)[name])
        where = f"{who}: {name}"
        if type(coerce(value, wanted, where)) is int and value < 1:
            raise RequestError(f"{where} must be at least 1, not {value}")


def _fields(
    kind: type[Component],
    function: Callable[..., Any],
    takes: tuple[str, ...],
    beside: tuple[str, ...],
    who: str,
) -> tuple[dict[str, Any], dict[str, dataclasses.Field[Any]]]:
    """Return the types and the fields of a function's further arguments."""
    parameters = list(inspect.signature(function).parameters.values())
    first, rest = parameters[: len(takes)], parameters[len(takes) :]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(first) < len(takes) or any(one.kind not in positional for one in first):
        raise RequestError(f"{who} must take ({', '.join((*takes, '*'))}, …)")
    kinds: dict[str, Any] = {}
    fields: dict[str, dataclasses.Field[Any]] = {}
    for one in rest:
        if one.name in beside:
            continue
        taken = {name for of in kind.__mro__ for name in inspect.get_annotations(of)} | {"check"}
        if one.name in taken or hasattr(kind, one.name):
            raise RequestError(
                f"{who}: a field of a {kind.label} cannot be called '{one.name}': that name is taken"
            )
        if one.default is one.empty:  # *arguments, too, have none
            raise RequestError(f"{who}: its field '{one.name}' needs a default, such as number(1)")
        given: Any = tuple(one.default) if isinstance(one.default, list) else one.default
        is_field = isinstance(given, dataclasses.Field)
        fields[one.name] = given if is_field else dataclasses.field(default=given)
        kinds[one.name] = _type(function, one, fields[one.name].default, who)
    return kinds, fields


def _type(function: Any, one: inspect.Parameter, default: Any, who: str) -> Any:
    """Return the type of an argument, or, where it has none, of its default."""
    annotation = one.annotation
    if annotation is one.empty and isinstance(default, tuple) and default:
        annotation = types.GenericAlias(tuple, (type(default[0]), ...))
    elif annotation is one.empty:
        annotation = Path if isinstance(default, Path) else type(default)
    holder = type("", (), {"__annotations__": {one.name: annotation}})
    try:
        hint = typing.get_type_hints(holder, function.__globals__)[one.name]
    except NameError as error:
        raise RequestError(f"{who}: the type of '{one.name}' cannot be read: {error}") from None
    inner = typing.get_args(hint)
    parts = set(inner) - {types.NoneType, Ellipsis} if inner else {hint}
    plain = all(part in (int, float, bool, str, Path) or isinstance(part, Kind) for part in parts)
    whole = typing.get_origin(hint) in (None, types.UnionType, typing.Union)
    whole = whole or (typing.get_origin(hint) is tuple and inner[1:] == (Ellipsis,))
    if typing.get_origin(hint) is not Literal and not (plain and whole):
        raise RequestError(
            f"{who}: a field is a number, a word, true or false, a path, a choice or a "
            f"tuple[one of them, ...], "
            f"not {annotation} ('{one.name}')"
        )
    return hint

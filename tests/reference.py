"""The reference, made from the code: `python -m tests.reference > docs/reference.md`."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import math
import re
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

import click

import suite
from suite.cli import cli, main
from suite.evidence.frames import Frames
from suite.ground.fields import annotation
from suite.vocabulary.claims import Effect, Statement
from suite.vocabulary.looks import Looks
from suite.vocabulary.metrics import METRICS
from suite.vocabulary.model import Activation, Initialisation
from suite.vocabulary.optimizer import Average
from suite.vocabulary.transformation import Transform
from suite.vocabulary.views import View

HEAD = """# Reference

Made from the code by `python -m tests.reference > docs/reference.md`; a test says when it is out of
date. The [tutorial](tutorial.md) shows how the parts fit together.
"""
# `from suite import …`, in the order of a study file. What claims and views share comes before them.
SECTIONS: dict[str, list[Any]] = {
    "A study": [suite.Study, suite.axis, suite.looks, suite.Part, suite.Target, suite.define_metric],
    "A recipe": [suite.Recipe, suite.Budget],
    "Components of one's own": [
        suite.source, suite.model, suite.optimizer, suite.schedule, suite.loss, suite.metric,
        suite.transformation, suite.activation, suite.initialisation, suite.number, suite.scalar,
    ],
    "Claims": [
        Statement, Effect, suite.Difference, suite.Equivalence, suite.Interaction, suite.Trend,
        suite.Slope, suite.Ordering, suite.Threshold, suite.Boundary, suite.Rate, suite.Within, suite.Identity, suite.shared,
    ],
    "Views": [suite.lines, suite.heat, suite.curves, suite.matrix, suite.effect_map, suite.images, View, suite.Law],
    "Results": [suite.results, Frames.best],
}  # fmt: skip
KINDS: list[Any] = [
    suite.Data, suite.Model, Activation, Initialisation, suite.Optimizer, suite.Schedule, Average,
    suite.Loss, Transform,
]  # fmt: skip
WORDS = {
    suite.Axis: "`axis(…)`",
    Looks: "[looks(…)](#looks)",
    types.NoneType: "None",
    Any: "any",
}
STACKABLE = """What a recipe names. Each name has fields of its own beside those of its kind: `Model("mlp",
widths=(64,))`, `Optimizer("adam", lr=0.001)`. Where only the name is meant, the word does: `loss="focal"`.
[One's own](how-to.md#use-your-own-model) stand beside them.

Cells that differ only in fields marked † can train as one program (`--strategy vectorised`)."""
WIDTH = 100


def text() -> str:
    """Return the whole page."""
    blocks = [HEAD, *command_line()]
    for title, items in SECTIONS.items():
        blocks += [f"## {title}", *(described(item) for item in items)]
        if title == "A recipe":
            blocks += [f"## Components\n\n{STACKABLE}", *map(component, KINDS)]
    return "\n\n".join(block.strip() for block in [*blocks, metrics()]) + "\n"


def command_line() -> Iterator[str]:
    yield f"## The command line\n\n{main.__doc__}"
    root = click.Context(cli, info_name="suite", terminal_width=WIDTH)
    yield fenced(cli.get_help(root))
    for name in sorted(cli.list_commands(root)):
        command = cli.get_command(root, name)
        context = click.Context(command, info_name=name, parent=root)
        yield f"### suite {name}\n\n{fenced(command.get_help(context))}"


def fenced(words: str) -> str:
    lines = "\n".join(line.rstrip() for line in words.splitlines())
    return f"```text\n{lines}\n```"


def described(item: Any) -> str:
    """Return a function with its docstring, or a class with that and a row for each own field."""
    words, meanings = parsed(inspect.getdoc(item) or "")
    if not dataclasses.is_dataclass(item):
        return f"### {item.__name__}\n\n`{signature(item)}`\n\n{words}"
    bases = [base for base in item.__mro__[1:] if base in SECTIONS["Claims"]]
    if bases:
        words += (
            "\n\nIt has the fields of " + " and ".join(f"{link(base)}" for base in bases) + " too."
        )
    own = item.__dict__["__annotations__"].keys() - {"_"}
    fields = [one for one in dataclasses.fields(item) if one.name in own]
    return f"### {item.__name__}\n\n{words}\n\n{table(item, fields, meanings)}"


def component(kind: Any) -> str:
    """Return a kind of component, and each of its names with its own fields."""
    words, meanings = parsed(inspect.getdoc(kind) or "")
    of_kind = [one for one in dataclasses.fields(kind) if one.name != "name"]
    default = f" `{kind.default}` is meant where none is named." if kind.default else ""
    blocks = [f"### {kind.label}\n\n{words}{default}", table(kind, of_kind, meanings)]
    for name, cls in kind.known.items():
        words, _ = parsed(inspect.getdoc(cls) or "")
        meanings = {}
        for base in reversed(cls.__mro__):
            meanings |= parsed(inspect.cleandoc(base.__dict__.get("__doc__") or ""))[1]
        own = [one for one in dataclasses.fields(cls) if one.name not in kind.defaults()]
        blocks += [f"**`{name}`** {words}", table(cls, own, meanings)]
    return "\n\n".join(filter(None, blocks))


def table(cls: type, fields: list[dataclasses.Field[Any]], meanings: dict[str, str]) -> str:
    """Return a row for each field."""
    rows = [row(cls, one, meanings) for one in fields]
    return "\n".join(["| field | values | default | |\n|---|---|---|---|", *rows]) if rows else ""


def signature(function: Any) -> str:
    found = inspect.signature(function)
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values()]
    return f"{function.__name__}{inspect.Signature(plain)}"


def parsed(docstring: str) -> tuple[str, dict[str, str]]:
    """Part a docstring into what comes before its attributes, and what it says of each."""
    words, _, rest = docstring.partition("\nAttributes:\n")
    entries = re.findall(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", rest, re.MULTILINE)
    meanings = {
        name: " ".join(meaning.split()) for names, meaning in entries for name in names.split(", ")
    }
    return words.strip(), meanings


def row(cls: type, field: dataclasses.Field[Any], meanings: dict[str, str]) -> str:
    mark = " †" if field.metadata.get("scalar") else ""
    cells = [
        f"`{field.name}`{mark}",
        kind(annotation(cls, field.name)) + reach(field),
        default(field),
        meanings.get(field.name, ""),
    ]
    return f"| {' | '.join(cells)} |"


def kind(hint: Any) -> str:
    """Return a type in the words of the table: the choices of a literal, the items of a tuple."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(kind, arguments))
    if origin is tuple:
        return f"tuple of {kind(arguments[0])}"
    if origin is collections.abc.Mapping:
        return f"mapping of {kind(arguments[0])} to {kind(arguments[1])}"
    if origin is collections.abc.Callable:
        return "function of cell and seed"
    if hint in WORDS:
        return WORDS[hint]
    return link(hint) if dataclasses.is_dataclass(hint) else f"`{hint.__name__}`"


def link(cls: type) -> str:
    name = getattr(cls, "label", cls.__name__)
    return f"[{name}](#{name.lower()})" if name != "Metric" else "[metric](#metric)"


def reach(field: dataclasses.Field[Any]) -> str:
    low, high = field.metadata.get("low", -math.inf), field.metadata.get("high", math.inf)
    if math.isfinite(low) and math.isfinite(high):
        return f", {shown(low)} to {shown(high)}"
    return f", at least {shown(low)}" if math.isfinite(low) else ""


def shown(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    if field.default is dataclasses.MISSING:
        return "required"
    if getattr(field.default, "brief", False):
        return f"`{field.default.name!r}`"
    if dataclasses.is_dataclass(field.default):
        return f"`{getattr(field.default, 'label', type(field.default).__name__)}()`"
    return f"`{field.default!r}`"


def metrics() -> str:
    """Return the table of what a trial measures; a study's own come with its file."""
    rows = [
        f"| `{name}` | {one.words} | {one.unit} | {one.better} |" for name, one in METRICS.items()
    ]
    head = "| metric | words | unit | better |\n|---|---|---|---|"
    note = "`percent` is a fraction in a study's file (0.01 is one point) and points on a page."
    return f"## Metrics\n\n{note}\n\n{head}\n" + "\n".join(rows)


if __name__ == "__main__":
    print(text(), end="")

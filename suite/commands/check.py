"""The command `suite check`, and what it prints."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from suite.commands.arguments import Form, as_json, show
from suite.execution.strategy import THREADS
from suite.ground.errors import RequestError, nearest
from suite.vocabulary import discovery
from suite.vocabulary.components import Component, components
from suite.vocabulary.data import Data

MARKS = {True: "✓", False: "✕", None: "–"}


@click.command()
@click.argument("names", nargs=-1, required=True)
@as_json
def check(names: tuple[str, ...], as_json: bool) -> None:
    """Try components: a network, rule, loss, source, or all that a study defines."""
    found = [(one, _data(name)) for name in names for one in named(name)]
    from suite.reproduce.battery import battery  # with torch, which a wrong name need not wait for
    from suite.training import determinism

    determinism.enforce(THREADS)
    form = {"components": [component_form(one, battery(one(), _shapes(on))) for one, on in found]}
    show(form, as_json, checks_text)
    if any(one["holds"] is False for made in form["components"] for one in made["checks"]):
        sys.exit(1)


def named(name: str) -> list[type[Component]]:
    """Return the components of a name, or all of one's own that a study of that name defines.

    Raises:
        RequestError: if there is none.
    """
    if name in discovery.names():
        discovery.load(name)  # says what is wrong with its file
        found = list(components(discovery.names_of(name)))
        if not found:
            raise RequestError(f"study '{name}' defines no component of its own")
        return found
    known = [
        *(one for kind in Component.__subclasses__() for one in kind.known.values()),
        *components(discovery.all_names()),
    ]
    found = [one for one in known if one.word == name]
    if not found:
        choices = [*discovery.names(), *(one.word for one in known)]
        raise RequestError(f"there is no component '{name}' {nearest(name, choices)}")
    return found


def _data(name: str) -> Iterable[Data]:
    """Return the data of a study of that name."""
    return [discovery.load(name).recipe.data] if name in discovery.names() else []


def _shapes(data: Iterable[Data]) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of examples of data that are here; what is wrong with them, a run will say."""
    from suite.data import outline

    shapes = []
    for one in data:
        with contextlib.suppress(Exception):
            known = outline(one, 0)
            shapes += [] if known.symbols else [known.shape]
    return tuple(shapes)


def component_form(component: type[Component], found: Iterable[Any]) -> Form:
    """Return what was found of a component."""
    return {
        "kind": component.kind.label,
        "name": component.word,
        "home": component.home or "built in",
        "checks": [one._asdict() for one in found],
    }


def checks_text(form: Mapping[str, Any]) -> str:
    """Return what was found, to read."""
    blocks = []
    for made in form["components"]:
        lines = [f"{made['kind']} {made['name']} ({made['home']})"]
        for one in made["checks"]:
            words = f": {one['words']}" if one["words"] else ""
            lines.append(f"  {MARKS[one['holds']]} {one['check']}{words}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)

"""What the commands take: names, assignments and options, and the nearest where one is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from suite.ground.errors import RequestError, nearest
from suite.ground.fields import parse
from suite.vocabulary.looks import MOST_SEEDS

MOST_WORKERS = 1024
DEVICES = ("auto", "cpu", "cuda", "mps")
# What a command prints, as plain values: a JSON document, or made into text.
Form = Mapping[str, Any]


class Choice(click.ParamType[str]):
    """One of a few words; another is refused with the nearest."""

    name = "choice"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.words:
            option = param.opts[0] if param else "value"
            raise RequestError(f"{option} cannot be '{value}' {nearest(value, self.words)}")
        return value

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "|".join(self.words)


class Assignment(click.ParamType[tuple[str, Any]]):
    """`path=value`, the value read as a Python literal where it is one."""

    name = "path=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path, equals, text = value.partition("=")
        if not equals or not path:
            option = param.opts[0] if param else "value"
            raise RequestError(f"{option} needs path=value, not '{value}'")
        return path.strip(), parse(text.strip())


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
study_names = click.argument("studies", nargs=-1)


def once(
    _: click.Context, option: click.Parameter, given: tuple[tuple[str, Any], ...]
) -> tuple[tuple[str, Any], ...]:
    """Return the assignments; raise RequestError if two are to one path, of which one would be lost."""
    paths = [path for path, _ in given]
    for path in paths:
        if paths.count(path) > 1:
            values = ",".join(str(value) for one, value in given if one == path)
            raise RequestError(
                f"{option.opts[0]} has {path} more than once (did you mean {path}={values}?)"
            )
    return given


settings = click.option(
    "--set",
    "settings",
    type=Assignment(),
    multiple=True,
    callback=once,
    help="Change a field of the recipe.",
)


tier = click.option(
    "--tier",
    default="laptop",
    metavar="smoke|laptop|full",
    show_default=True,
    help="How large: seconds, minutes, or for a GPU.",
)


def grid_options(command: Any) -> Any:
    """Add the options that say which trials are meant."""
    for option in (
        click.option("--all", "everything", is_flag=True, help="All studies."),
        click.option("--notebook", metavar="NAME", help="The studies of a notebook."),
        tier,
        settings,
        click.option(
            "--only", type=Assignment(), multiple=True, help="Keep these levels of an axis."
        ),
        click.option("--yes", is_flag=True, help="However many trials there are."),
        run_options,
    ):
        command = option(command)
    return command


def run_options(command: Any) -> Any:
    """Add the options that say how often trials are run, and how."""
    for option in (
        click.option("--seeds", type=click.IntRange(1, MOST_SEEDS), help="Replicates of the grid."),
        click.option(
            "--workers", type=click.IntRange(1, MOST_WORKERS), help="Processes side by side."
        ),
        click.option(
            "--strategy",
            type=Choice("auto", "sequential", "packed", "vectorised", "mixed", "ray"),
            default="auto",
            show_default=True,
            help="How trials are run side by side.",
        ),
        click.option(
            "--device",
            type=Choice(*DEVICES),
            default="auto",
            show_default=True,
            help="Where trials run; auto gives a GPU that is there what is large enough for it.",
        ),
        as_json,
    ):
        command = option(command)
    return command


def show(form: Any, as_json: bool, text: Callable[[Any], str]) -> None:
    """Print a form as one JSON document, or as `text` puts it."""
    print(json.dumps(form, ensure_ascii=False, indent=1) if as_json else text(form))


def target_of(file: Path) -> Path:
    """Return the file that a path leads to; raise RequestError if none can be put there."""
    target = Path(os.path.realpath(file))  # which takes links that lead to themselves, too
    if not target.parent.is_dir():
        raise RequestError(f"there is no folder {file.parent}")
    if target.exists() and not target.is_file():
        raise RequestError(f"{file} is no ordinary file: name one that is, or a new one")
    return target

"""The command `suite new`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from string import Template

import click

from suite.ground.errors import RequestError, first_line
from suite.vocabulary import discovery


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a study file to fill in."""
    path = path_of(name)
    if path.exists():
        raise RequestError(f"{path} exists already; choose another name")
    write(path, filled("study_template.txt", title=title_of(name)))
    print(path)


def path_of(name: str) -> Path:
    """Return where the study of a name is; raise RequestError if none can be called so."""
    discovery.check_name(name)
    return Path("studies") / f"{name}.py"


def title_of(name: str) -> str:
    """Return a study's name as words."""
    return name.replace("_", " ").capitalize()


def filled(template: str, **words: object) -> str:
    """Return a template of this folder with its places filled."""
    return Template(Path(__file__).with_name(template).read_text()).substitute(words)


def write(path: Path, text: str) -> None:
    """Write a study's file, whole or not at all."""
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeError) as error:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)  # a full disk takes the file's name but not its text
        reason = error.strerror if isinstance(error, OSError) else first_line(error)
        raise RequestError(f"{path} cannot be written: {reason}") from None

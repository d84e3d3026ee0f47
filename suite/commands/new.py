"""The command `suite new`."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

import click

from suite.ground.errors import RequestError


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a study file to fill in."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name) or keyword.iskeyword(name):
        raise RequestError(f"a study's name is a lower-case Python name, not '{name}'")
    path = Path("studies") / f"{name}.py"
    if path.exists():
        raise RequestError(f"{path} exists already; choose another name")
    template = Template(Path(__file__).with_name("study_template.txt").read_text())
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(template.substitute(title=name.replace("_", " ").capitalize()))
    except OSError as error:
        path.unlink(missing_ok=True)  # a full disk takes the file's name but not its text
        raise RequestError(f"{path} cannot be written: {error.strerror}") from None
    print(path)

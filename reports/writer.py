"""Templates filled, and files written whole or not at all.

The site's only scripts are inline and allowed by their hash; everything is there without them.
Verdicts are hidden behind a prediction by a class that the script sets before the page is drawn, so
that nothing jumps, paper and readers without scripts see all, and a link to a claim opens it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import reports
from reports.figures import mark
from suite.language.catalogue import TAGS, gettext, language, ngettext, writing


class WriteError(OSError):
    """Pages cannot be written where they are to be: no fault of what is on them."""


@dataclass(frozen=True)
class Script:
    """A script of the site's own, and the hash by which its page allows it and no other."""

    text: Markup
    hash: str


def write_pages(
    template: str,
    page: Callable[[], object],
    paths: Mapping[str, Path],
    **shared: object,
) -> None:
    """Write a page that is not a study's, from its template, to the path of each language.

    Args:
        shared: what else the template is given, whatever the language.

    Raises:
        OSError: one of them cannot be written; none is.
    """
    filled = {}
    for one, path in paths.items():
        with writing(one):
            filled[path] = templates().get_template(template).render(page=page(), **shared)
    _write_all(filled)


@functools.cache
def templates() -> Environment:
    made = Environment(
        loader=PackageLoader("reports"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    # What stands in a template is markup; texts of studies are said in Python, and escaped here.
    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {"tag": lambda: TAGS[language()], "marks": mark}
    return made


@functools.cache
def script(name: str) -> Script:
    """Return a page's script, which its policy allows by its hash."""
    folder = Path(reports.__file__).parent / "templates"
    text = "".join((folder / part).read_text(encoding="utf-8") for part in ("page.js", name))
    hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), f"sha256-{hashed}")  # noqa: S704 - the site's own file


def write(path: Path, text: str) -> None:
    _write_all({path: text})


def _write_all(texts: Mapping[Path, str]) -> None:
    """Write beside the targets and move over them, so that a reader never meets half a page."""
    written: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            written[path] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(name).chmod(0o644)  # mkstemp's files are private; a page is to be read
        for path, temporary in written.items():
            temporary.replace(path)
    except BaseException as fault:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
        if isinstance(fault, OSError):
            raise WriteError(fault.errno, fault.strerror) from fault
        raise

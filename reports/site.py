"""Writing the site: templates filled, every file replaced whole or not at all."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import reports
import suite.evidence
from reports.comparison import comparison_page
from reports.pages import file_name, index, study_page
from suite.evidence.comparison import Comparison
from suite.evidence.results import Results
from suite.identity import digest


def render(
    results: Sequence[Results], folder: Path, *, tracking_links: Mapping[str, str] | None = None
) -> Path:
    """Write one page for each study and an index into `folder`; return the path of the index.

    Args:
        tracking_links: by study name, an address that opens its trials in MLflow's UI.

    Raises:
        OSError: the folder cannot be written to. Pages are complete or absent, never half.
    """
    links = tracking_links or {}
    templates = _templates()
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        link = links.get(result.study.name, "")
        path, content = folder / file_name(result.study.name), _content(result, link)
        if not _shows(path, content):
            template = templates.get_template("study.html")
            _write(path, template.render(page=study_page(result, link), content=content))
    home = folder / "index.html"
    _write(home, templates.get_template("index.html").render(index=index(results, links)))
    return home


def render_comparison(comparison: Comparison, path: Path) -> None:
    """Write the page of a comparison; raise OSError if it cannot be written."""
    template = _templates().get_template("comparison.html")
    _write(path, template.render(page=comparison_page(comparison)))


def _content(result: Results, link: str) -> str:
    """Return a digest of everything that a page shows, and of the code that draws it.

    A page with many figures takes seconds; most runs change none or one of them.
    """
    records = [[record.id, record.provenance.finished] for record in result.records]
    shown = [result.study.source, dataclasses.asdict(result.execution), records, link]
    return digest([shown, _code()])


@functools.cache
def _code() -> list[str]:
    rooms = [Path(reports.__file__).parent, Path(suite.evidence.__file__).parent]
    files = sorted(file for room in rooms for file in room.rglob("*") if file.is_file())
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def _shows(path: Path, content: str) -> bool:
    """Say whether a page is there and shows some content, which it names in its head."""
    try:
        with path.open(encoding="utf-8") as page:
            return content in page.read(1000)
    except OSError:
        return False


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _write(path: Path, text: str) -> None:
    """Write beside the target and move over it, so that a reader never meets half a page."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o644)  # mkstemp's files are private; a page is to be read
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

"""Writing the site: templates filled, every file replaced whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.pages import file_name, index, study_page
from suite.evidence.results import Results


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
        name = result.study.name
        page = templates.get_template("study.html").render(
            page=study_page(result, links.get(name, ""))
        )
        _write(folder / file_name(name), page)
    home = folder / "index.html"
    _write(home, templates.get_template("index.html").render(index=index(results, links)))
    return home


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

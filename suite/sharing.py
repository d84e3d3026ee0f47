"""The commands that carry results elsewhere and set them beside others."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.arguments import as_json, show
from suite.errors import RequestError

if TYPE_CHECKING:
    from suite.evidence.comparison import Comparison

PAGES = Path("reports/html")


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an HTML page as well, and beside x.html one in Chinese, x.zh.html.",
)
@as_json
def compare(a: str, b: str, out: Path | None, as_json: bool) -> None:
    """Show which verdicts, effects and costs are others in B than in A.

    A and B are folders in which studies ran, journals, archives or tracking URIs. Of one that was
    kept through a change of the training semantics, A@1 is what version 1 gave.
    """
    from suite.comparing import compared, comparison_form, comparison_text
    from suite.tracking.result_sets import result_set

    targets = _targets(out) if out else {}
    found = compared(a, b, result_set(a), result_set(b))
    form = comparison_form(found)
    if out is not None:
        _write_pages(out, targets, found)
    show(form, as_json, comparison_text)
    if form["verdicts_changed"]:
        sys.exit(1)


def _target(file: Path) -> Path:
    """Return the file that a path leads to; raise RequestError if none can be put there."""
    target = file.resolve()
    if not target.parent.is_dir():
        raise RequestError(f"there is no folder {file.parent}")
    if target.exists() and not target.is_file():
        raise RequestError(f"{file} is no ordinary file: name one that is, or a new one")
    return target


def _targets(file: Path) -> dict[str, Path]:
    """Return, by language, the files that a page and its translations lead to, as `_target` does."""
    from reports.files import in_every_language, in_language

    names = in_every_language(lambda: in_language(file.name))
    return {language: _target(file.with_name(name)) for language, name in names.items()}


def _write_pages(out: Path, targets: Mapping[str, Path], comparison: Comparison) -> None:
    from reports.comparison import write_comparison

    try:
        write_comparison(comparison, out.name, targets)
    except OSError as error:
        raise RequestError(f"{out} cannot be written: {error.strerror}") from None


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(file: Path) -> None:
    """Write every record, each study's latest run and the report to one archive.

    The pages in reports/html are brought up to date on the way.
    """
    from reports.files import written
    from reports.site import render
    from suite.record import ResultSet
    from suite.stored import latest, stores
    from suite.tracking import archive

    target = _target(file)
    journal, tracker = stores()
    results = latest((), journal, tracker)
    try:
        render(results, PAGES)
    except OSError as error:
        raise RequestError(f"the report cannot be written to {PAGES}: {error.strerror}") from None
    pages = [PAGES / name for name in written(result.study.name for result in results)]
    executions = {one.study: one for one in journal.executions}
    archive.write(
        target, ResultSet(journal.records, executions), {page.name: page for page in pages}
    )
    print(file)


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json
def import_(file: Path, as_json: bool) -> None:
    """Add an archive's results to those here, and bring the tracking store up to date."""
    from suite.stored import import_text, stores, take_in, untracked
    from suite.tracking import archive

    found = archive.read(file)
    journal, tracker = stores()
    try:
        form = take_in(found, journal, tracker)
    finally:
        tracker.close()
    show(form, as_json, import_text)
    if tracker.error is not None:
        print(untracked(tracker), file=sys.stderr)
        if not tracker.absent:
            sys.exit(1)

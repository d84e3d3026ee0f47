"""The commands that write pages: `suite report`, `suite export` and `suite compare`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from reports.files import PAGES, file_name, in_every_language, in_language, site_files, tricks_name
from reports.pages.comparison import write_comparison
from reports.site import render
from suite.commands.arguments import Choice, as_json, show, study_names, target_of
from suite.commands.comparison import agreement_text, comparison_form, comparison_text
from suite.evidence.comparison import Comparison
from suite.evidence.results import Results
from suite.ground.errors import RequestError, first_line
from suite.language.catalogue import ENGLISH
from suite.runs.latest import gather_run, gathered, latest, leave_out, names_with_runs
from suite.runs.pairs import compare_sets
from suite.runs.slim import slim as slimmed
from suite.runs.stores import stores
from suite.tracking import archive, location, result_sets
from suite.tracking.location import tracking_uri
from suite.tracking.result_sets import PUBLISHED, result_set
from suite.tracking.tracker import Tracker
from suite.vocabulary import discovery
from suite.vocabulary.record import Execution, Links, ResultSet

LOCAL_UI = "http://127.0.0.1:5000"  # where `suite ui` is, unless told otherwise


@click.command()
@study_names
@click.option("--out", type=click.Path(path_type=Path), default=str(PAGES), show_default=True)
@click.option("--lang", type=Choice("en", "zh"), default="en", help="Language of index.html.")
def report(studies: tuple[str, ...], out: Path, lang: str) -> None:
    """Write the report site of each study's latest run."""
    journal, tracker = stores()
    names = names_with_runs(studies, journal, tracker)
    lost: list[str] = []
    results = gathered(names, journal, lost, alone=len(studies) == 1)
    executions = [one for one in map(journal.latest, names) if one is not None]
    tracker = Tracker(tracking_uri())
    print(_site(results, out, lang, lost, partial(_tracking_links, executions, tracker)))
    if location.exists(tracker.uri):
        for name in (one for one in names if one not in lost):
            tracker.attach(name, out / file_name(name))
    tracker.close()
    if lost:
        sys.exit(1)


def _site(
    results: Iterable[Results],
    folder: Path,
    first: str,
    lost: list[str],
    links: Callable[[], Mapping[str, Links] | None] = dict,
) -> Path:
    try:
        return render(results, folder, tracking_links=links, first=first, lost=lost)
    except OSError as error:
        raise RequestError(f"the report cannot be written to {folder}: {error.strerror}") from None


def _tracking_links(executions: Sequence[Execution], tracker: Tracker) -> dict[str, Links] | None:
    """Return where the tracking UI shows each study's trials: a server's, or the one of `suite ui`.

    None if the store cannot be asked.
    """
    if not location.exists(tracker.uri):
        return {}
    links = tracker.links(executions)
    if tracker.error is not None:
        print(
            f"the pages lack links to {tracker.uri}: {first_line(tracker.error)}", file=sys.stderr
        )
        return None
    address = tracker.uri.rstrip("/") if location.is_remote(tracker.uri) else LOCAL_UI
    return {
        study: Links(*(f"{address}/{path}" if path else "" for path in paths))
        for study, paths in links.items()
    }


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=str(PAGES / PUBLISHED), show_default=True
)
@click.option("--lang", type=Choice("en", "zh"), default="en", help="Language of index.html.")
def published(out: Path, lang: str) -> None:
    """Write the site of the results that come with the project, from a named machine; trains nothing."""
    found = archive.read(result_sets.published())  # whatever is called so here
    if not found.executions.keys() & discovery.names():
        raise RequestError(
            "the folder studies/ here has none of the published studies: `suite published` finds them "
            "in a folder without studies of its own"
        )
    lost: list[str] = []
    print(_site(_gathered(found, lost), out, lang, lost))
    if lost:
        sys.exit(1)


def _gathered(found: ResultSet, lost: list[str]) -> Iterator[Results]:
    for name in sorted(found.executions):
        try:
            yield gather_run(discovery.load(name), found.executions[name], found.records)
        except RequestError as error:  # it is not here, or another now
            leave_out(name, error, lost)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--slim", is_flag=True, help="Latest runs alone: no pages, no curve that none shows.")
def export(file: Path, slim: bool) -> None:
    """Write every record, each study's latest run and the report to one archive.

    The pages in reports/html are brought up to date on the way.
    """
    target = target_of(file)
    journal, tracker = stores()
    results, lost = latest((), journal, tracker)
    pages = [] if slim else _pages(results, lost)
    executions = {one.study: one for one in journal.executions}
    found = slimmed(results) if slim else ResultSet(journal.records, executions)
    archive.write(target, found, {page.name: page for page in pages})
    print(file)
    if lost:
        sys.exit(1)


def _pages(results: Sequence[Results], lost: list[str]) -> list[Path]:
    _site(results, PAGES, ENGLISH, lost)
    shown = (result.study.name for result in results if result.study.name not in lost)
    closing = in_every_language(tricks_name).values()
    pages = [PAGES / name for name in (*site_files(shown), *closing)]
    return [page for page in pages if page.exists()]


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an HTML page as well, and beside x.html one in Chinese, x.zh.html.",
)
@click.option("--brief", is_flag=True, help="Print in a few lines how far the two agree.")
@as_json
def compare(a: str, b: str, out: Path | None, brief: bool, as_json: bool) -> None:
    """Show which verdicts, effects and costs are others in B than in A.

    A and B are folders in which studies ran, journals, archives, tracking URIs, or
    `published`, the results that come with the project. Of one that was
    kept through a change of the training semantics, A@1 is what version 1 gave.
    """
    targets = _targets(out) if out else {}
    found = compare_sets(location.shown(a), location.shown(b), result_set(a), result_set(b))
    form = comparison_form(found)
    if out is not None:
        _write_pages(out, targets, found)
    show(form, as_json, agreement_text if brief else comparison_text)
    if form["verdicts_changed"]:
        sys.exit(1)


def _targets(file: Path) -> dict[str, Path]:
    """Return, by language, the files that a page and its translations lead to, as `target_of` does."""
    names = in_every_language(lambda: in_language(file.name))
    return {language: target_of(file.with_name(name)) for language, name in names.items()}


def _write_pages(out: Path, targets: Mapping[str, Path], comparison: Comparison) -> None:
    try:
        write_comparison(comparison, out.name, targets)
    except OSError as error:
        raise RequestError(f"{out} cannot be written: {error.strerror}") from None

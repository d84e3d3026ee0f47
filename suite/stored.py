"""What is stored here: the journal, the tracking store behind it, and each study's latest run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from reports.files import file_name
from reports.words import listed
from suite import discovery
from suite.conclusions import best_of, conclusion_forms, note
from suite.coordinator import knows_store, take_over
from suite.errors import RequestError, first_line
from suite.evidence.results import Results, gather
from suite.evidence.sameness import told
from suite.record import Execution, Links, Record, ResultSet
from suite.study import Study
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.location import tracking_uri
from suite.tracking.tracker import Tracker
from suite.wording import counted

LOCAL_UI = "http://127.0.0.1:5000"  # where `suite ui` is, unless told otherwise


def stores() -> tuple[Journal, Tracker]:
    """Return the journal of the working directory and the tracking store of the environment."""
    return Journal(), Tracker(tracking_uri())


def latest(studies: tuple[str, ...], journal: Journal, tracker: Tracker) -> list[Results]:
    """Gather each study's latest run, from the store where the journal does not have it.

    Raises:
        RequestError: if a study has none, or the store cannot be asked.
    """
    for name in studies:
        discovery.load(name)
    wanted = list(studies) or discovery.names()
    missing = any(journal.latest(name) is None for name in wanted)
    if missing and not knows_store(journal, tracker):
        take_over(wanted, journal, tracker)
    tracker.close()
    found = [name for name in wanted if journal.latest(name) is not None]
    absent = next((name for name in studies if name not in found), None)
    if tracker.error is not None and not tracker.absent:
        said = f"the tracking store {tracker.uri} cannot be asked: {first_line(tracker.error)}"
        if absent or not found:
            raise RequestError(said)
        print(f"{said}; what is in the journal is shown", file=sys.stderr)
    if absent:
        raise RequestError(f"study '{absent}' has no results yet: `suite run {absent}` makes them")
    if not found:
        raise RequestError("no study has results yet: `suite run --all` makes them")
    return [gathered(name, journal) for name in found]


def write_report(results: Sequence[Results], folder: Path, first: str) -> Path:
    """Write the report site, and put each page beside its verdicts in the tracking store.

    Raises:
        OSError: the folder cannot be written to.
    """
    from reports.site import render  # which loads what draws

    tracker = Tracker(tracking_uri())
    links = partial(_tracking_links, results, tracker)
    index = render(results, folder, tracking_links=links, first=first)
    if location.exists(tracker.uri):
        for result in results:
            tracker.attach(result.study.name, folder / file_name(result.study.name))
    tracker.close()
    return index


def _tracking_links(results: Sequence[Results], tracker: Tracker) -> dict[str, Links] | None:
    """Return where the tracking UI shows each study's trials: a server's, or the one of `suite ui`.

    None if the store cannot be asked.
    """
    if not location.exists(tracker.uri):
        return {}
    tracker.open()
    links = tracker.links(result.execution for result in results)
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


def gathered(name: str, journal: Journal) -> Results:
    """Return the results of a study's latest run, which the journal has."""
    execution = journal.latest(name)
    assert execution is not None
    return gathered_of(discovery.load(name), execution, journal.records)


def gathered_of(study: Study, execution: Execution, records: dict[str, Record]) -> Results:
    """Return the results of an execution; raise RequestError if the study's grid is another now."""
    try:
        return gather(study, execution, records)
    except RequestError as error:
        changed = f"study '{study.name}' has changed since its latest run"
        raise RequestError(f"{changed}: {error}") from None


def take_in(found: ResultSet, journal: Journal, tracker: Tracker) -> dict[str, Any]:
    """Add to the journal what it lacks of a result set, and log all of it to the tracking store.

    Where both have a trial the one here stays, as it does when a study asks for it again; of a
    study that ran in both, the newest run counts. A run that no study's file here fits is left
    out, for it would stand in the way of later ones; its records are kept.

    Raises:
        RequestError: if the journal or the store cannot be written, or another run is using them.
    """
    location.check_writable(tracker.uri)
    informed = knows_store(journal, tracker)
    unread = {
        study: reason
        for study, run in sorted(found.executions.items())
        if (reason := _unreadable(run, found.records))
    }
    with journal.run_lock():
        new = [record for record in found.records.values() if _is_new(record, journal)]
        runs = [
            run
            for run in found.executions.values()
            if run.study not in unread and _is_newest(run, journal)
        ]
        differing = sum(_differs(record, journal) for record in found.records.values())
        if new or runs:
            journal.extend([*new, *runs])
        _log(found, sorted(found.executions.keys() - unread.keys()), journal, tracker)
        if informed and tracker.error is None:
            journal.add_store(location.identity(tracker.uri))
    return {
        "trials": len(found.records),
        "added": len(new),
        "differing": differing,
        "studies": sorted(run.study for run in runs),
        "unread": unread,
        "store": tracker.uri,
    }


def _unreadable(run: Execution, records: dict[str, Record]) -> str:
    """Say why a run gives no verdicts here; empty if it does."""
    try:
        gathered_of(discovery.load(run.study), run, records)
    except RequestError as error:
        return str(error)
    return ""


def _is_new(record: Record, journal: Journal) -> bool:
    return not journal.has(record.id) and journal.records.get(record.id) != record


def _is_newest(execution: Execution, journal: Journal) -> bool:
    here = journal.latest(execution.study)
    return here is None or here.started < execution.started


def _differs(record: Record, journal: Journal) -> bool:
    return journal.has(record.id) and told(journal.records[record.id]) != told(record)


def _log(found: ResultSet, studies: Iterable[str], journal: Journal, tracker: Tracker) -> None:
    """Log a result set, each trial in the place that its study gives it, and the verdicts."""
    trials = counted(len(found.records), "trial")
    print(f"bringing {tracker.uri} up to date with {trials}", file=sys.stderr)
    results = []
    for name in studies:
        with contextlib.suppress(RequestError):  # a newer run here, which `verdicts` speaks of
            results.append(gathered(name, journal))
    tracker.open()
    for result in results:
        tracker.complete(result.study.name, list(result.records))
    placed = {record.id for result in results for record in result.records}
    tracker.log(journal.records[trial] for trial in found.records if trial not in placed)
    for result, form in zip(results, conclusion_forms(results), strict=True):
        tracker.conclude(result.execution, note(result), form, best_of(result))
    tracker.wait()


def import_text(form: Mapping[str, Any]) -> str:
    """Return what an import did, to read."""
    lines = [
        f"{counted(form['trials'], 'trial')} in the archive, {form['added']:,} of them new here"
    ]
    if form["differing"]:
        lines.append(
            f"{counted(form['differing'], 'trial')} had ended otherwise here and stayed as they "
            "were; `suite compare` shows in what"
        )
    if form["studies"]:
        lines.append(f"latest runs of {listed(form['studies'])}")
    lines += [f"{study} cannot be read here: {why}" for study, why in form["unread"].items()]
    return "\n".join(lines)


def untracked(tracker: Tracker) -> str:
    """Say in one line why the store lacks records, and how it gets them."""
    if tracker.absent:
        return (
            f"mlflow cannot be imported here ({first_line(tracker.error)}): all records are in the "
            "journal; `suite export FILE` here and `suite import FILE` where mlflow is bring them "
            "to a tracking store"
        )
    return (
        f"the tracking store {tracker.uri} took no more records ({first_line(tracker.error)}); "
        "all are safe in the journal, and the next run carries them over"
    )

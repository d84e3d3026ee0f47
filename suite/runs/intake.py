"""A result set from elsewhere, taken into the journal and the tracking store."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from suite.evidence.trials import are_equal
from suite.ground.errors import RequestError
from suite.ground.wording import plural
from suite.runs.conclusions import conclude
from suite.runs.latest import gather_latest, gather_run
from suite.runs.stores import knows_store
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.tracker import Tracker
from suite.vocabulary import discovery
from suite.vocabulary.record import Execution, Record, ResultSet


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


def _unreadable(run: Execution, records: Mapping[str, Record]) -> str:
    """Say why a run gives no verdicts here; empty if it does."""
    try:
        gather_run(discovery.load(run.study), run, records)
    except RequestError as error:
        return str(error)
    return ""


def _is_new(record: Record, journal: Journal) -> bool:
    return not journal.has(record.id) and journal.records.get(record.id) != record


def _is_newest(execution: Execution, journal: Journal) -> bool:
    here = journal.latest(execution.study)
    return here is None or here.started < execution.started


def _differs(record: Record, journal: Journal) -> bool:
    return journal.has(record.id) and not are_equal(journal.records[record.id], record)


def _log(found: ResultSet, studies: Iterable[str], journal: Journal, tracker: Tracker) -> None:
    """Log a result set, each trial in the place that its study gives it, and the verdicts."""
    trials = plural(len(found.records), "trial")
    print(f"bringing {tracker.uri} up to date with {trials}", file=sys.stderr)
    results = []
    for name in studies:
        with contextlib.suppress(RequestError):  # a newer run here, which `verdicts` speaks of
            results.append(gather_latest(name, journal))
    tracker.open()
    for result in results:
        tracker.complete(result.study.name, list(result.records))
    placed = {record.id for result in results for record in result.records}
    tracker.log(journal.records[trial] for trial in found.records if trial not in placed)
    conclude(results, tracker)
    tracker.wait()

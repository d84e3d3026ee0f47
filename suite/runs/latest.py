"""Each study's latest run, gathered from the journal and, where that lacks it, from the store."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from suite.evidence.results import Results, gather
from suite.ground.errors import RequestError, first_line
from suite.runs.stores import knows_store, take_over
from suite.tracking.journal import Journal
from suite.tracking.tracker import Tracker
from suite.vocabulary import discovery
from suite.vocabulary.record import Execution, Record
from suite.vocabulary.study import Study


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
    return [gather_latest(name, journal) for name in found]


def gather_latest(name: str, journal: Journal) -> Results:
    """Return the results of a study's latest run, which the journal has."""
    execution = journal.latest(name)
    assert execution is not None
    return gather_run(discovery.load(name), execution, journal.records)


def gather_run(study: Study, execution: Execution, records: Mapping[str, Record]) -> Results:
    """Return the results of an execution; raise RequestError if the study's grid is another now."""
    try:
        return gather(study, execution, records)
    except RequestError as error:
        changed = f"study '{study.name}' has changed since its latest run"
        raise RequestError(f"{changed}: {error}") from None

"""A study's results removed from this folder and its tracking store."""

from __future__ import annotations

from typing import Any

from suite.ground.errors import RequestError, nearest
from suite.runs.stores import checkpoints
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.tracker import Tracker
from suite.vocabulary import discovery


def what_is_kept(study: str, journal: Journal, tracker: Tracker) -> dict[str, Any]:
    """Return what `forget` would remove of a study, and how many trials stay as others' too.

    Raises:
        RequestError: if nobody here knows the study, neither its file nor the journal.
    """
    own, shared = journal.asked_by(study)
    known = dict.fromkeys([*(one.study for one in journal.executions), *discovery.names()])
    if study not in known and not own:
        raise RequestError(f"there is no study '{study}' {nearest(study, known)}")
    return {
        "study": study,
        "trials": sum(trial in journal.records for trial in own),
        "shared": sum(trial in journal.records for trial in shared),
        "store": tracker.uri if location.exists(tracker.uri) else None,
    }


def forget(study: str, journal: Journal, tracker: Tracker) -> dict[str, Any]:
    """Remove a study's checkpoints, what the tracking store has of it, and its trials; return what.

    The journal comes last: it says what there is to remove, so that after a kill, or where the
    store does not answer (`tracker.error`), another call does the rest.

    Raises:
        RequestError: if the journal or the store cannot be written, or a run is using them.
    """
    with journal.run_lock():
        journal = Journal(journal.path)  # a run may have ended since it was read
        removed = what_is_kept(study, journal, tracker)
        if removed["store"]:
            location.check_writable(tracker.uri)
        for trial in journal.asked_by(study)[0]:
            checkpoints(journal).forget(trial)
        if removed["store"]:
            tracker.forget(study)
        if tracker.error is None:
            journal.forget(study)
    return removed

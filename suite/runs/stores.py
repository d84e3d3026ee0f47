"""The journal of this folder and the tracking store behind it."""

from __future__ import annotations

from collections.abc import Iterable

from suite.execution.strategy import Checkpoints
from suite.ground.errors import first_line
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.location import tracking_uri
from suite.tracking.tracker import Tracker


def stores() -> tuple[Journal, Tracker]:
    """Return the journal of the working directory and the tracking store of the environment."""
    return Journal(), Tracker(tracking_uri())


def checkpoints(journal: Journal) -> Checkpoints:
    """Return where trials of the journal's folder keep how far they have come."""
    return Checkpoints(journal.path.parent / "checkpoints")


def knows_store(journal: Journal, tracker: Tracker) -> bool:
    """Say whether the store can hold no record that the journal lacks.

    It cannot if it does not exist yet, or if it is a SQLite file that was asked before: then this
    journal's runs are its only writer. Asking costs the seconds that mlflow takes to load.
    """
    if not location.exists(tracker.uri):
        return True
    asked = location.identity(tracker.uri) in journal.stores
    return asked and not location.is_remote(tracker.uri)


def take_over(studies: Iterable[str], journal: Journal, tracker: Tracker) -> None:
    """Copy to the journal what the store has of some studies and the journal lacks."""
    tracker.open()
    for study in studies:
        for item in tracker.contents(study, set(journal.records), journal.latest(study) is None):
            journal.add(item)


def untracked(tracker: Tracker) -> str:
    """Say in one line why the store lacks records, and how it gets them."""
    if tracker.error is None:
        study, error = next(iter(tracker.refused.items()))
        return (
            f"the tracking store {tracker.uri} does not take study '{study}' ({first_line(error)}); "
            "all its records are safe in the journal"
        )
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

"""Arms that others have trained: trials of another result set in place of one's own."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from suite.execution.pool import data_digest, start
from suite.ground import contents
from suite.ground.identity import SEMANTICS_VERSION
from suite.runs.coordinator import Request
from suite.runs.stores import knows_store, take_over
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.result_sets import result_set
from suite.tracking.tracker import Tracker
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.metrics import is_timed
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.record import Record, Status, files_read


def borrow(name: str, requests: Sequence[Request], journal: Journal, tracker: Tracker) -> int:
    """Take into the journal what it lacks of the requests' trials and a result set has.

    What is in the tracking store comes first. A trial's id says that recipe, seed and training
    semantics agree; that its examples, or the files that a probe read, are the same is looked up here.
    What a clock measured is of another machine, and is never taken, nor is what failed there. Each
    record says where it was taken from.

    Returns:
        How many trials were taken.

    Raises:
        RequestError: if there is no such result set, or the journal cannot be written.
    """
    location.check_writable(tracker.uri)
    if not knows_store(journal, tracker):
        take_over([request.study.name for request in requests], journal, tracker)
    theirs = result_set(f"{name}@{SEMANTICS_VERSION}").records
    wanted = {trial.id: trial for request in requests for trial in request.trials_read}
    found = [
        (trial, theirs[trial.id])
        for trial in wanted.values()
        if trial.id in theirs and not journal.has(trial.id) and _can_be_taken(theirs[trial.id])
    ]
    shown = location.shown(name)
    taken = [_taken(record, shown) for record in _of_the_same_examples(found)]
    with journal.run_lock():
        if taken:
            journal.extend(taken)
    return len(taken)


def _can_be_taken(record: Record) -> bool:
    clocked = record.is_probe and any(map(is_timed, record.outcome.final))
    return not (record.alone or clocked or record.outcome.status is Status.FAILED)


def _of_the_same_examples(found: Iterable[tuple[Trial, Record]]) -> Iterator[Record]:
    """Yield the records whose examples are the same here, data by data and seed by seed."""
    examples: dict[tuple[Data, int], list[Record]] = {}
    for trial, record in found:
        if isinstance(trial.recipe, Recipe):
            examples.setdefault((trial.recipe.data, trial.seed), []).append(record)
        elif all(map(_is_here, files_read(record.provenance.data_source).items())):
            yield record
    if not examples:
        return
    with start() as pool:
        asked = {key: pool.submit(data_digest, *key) for key in examples}
        for key, records in examples.items():
            with contextlib.suppress(Exception):  # what cannot be read here cannot be compared
                digest = asked[key].result()
                yield from (one for one in records if one.outcome.data_digest == digest)


def _is_here(read: tuple[str, str]) -> bool:
    """Whether a file that a probe read is here, and holds the same."""
    path, digest = read
    return Path(path).is_file() and contents.digest_of(Path(path), "a probe") == digest


def _taken(record: Record, name: str) -> Record:
    ran = dataclasses.replace(record.provenance, taken_from=name)
    return dataclasses.replace(record, provenance=ran)

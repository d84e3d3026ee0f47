"""Which records are meant: a trial's, a run's of MLflow, or some of a study's."""

from __future__ import annotations

import difflib
import random
import re

from suite.ground.errors import RequestError, first_line, nearest
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.tracker import Tracker
from suite.vocabulary import discovery
from suite.vocabulary.record import Record, Status

RUN = re.compile("[0-9a-f]{32}")


def wanted(name: str, journal: Journal, uri: str, sample: int | None) -> list[Record]:
    """Return the records that a trial's id, a run's id or a study's name stands for.

    Args:
        uri: of the tracking store, which is asked for runs only.
        sample: how many of a study's trials, the same ones every time; None is all.

    Raises:
        RequestError: if there is none; names the nearest.
    """
    if name in journal.records:
        found = [journal.records[name]]
    elif journal.latest(name) is not None:
        return _of_study(name, journal, sample)
    elif RUN.fullmatch(name) and location.exists(uri):
        found = [_of_run(name, uri)]
    else:
        raise RequestError(_unknown(name, journal))
    if found[0].outcome.status is Status.FAILED:
        raise RequestError(f"trial {found[0].id} failed: it has no numbers to compare with")
    return found


def _of_study(name: str, journal: Journal, sample: int | None) -> list[Record]:
    execution = journal.latest(name)
    assert execution is not None
    ids = sorted(trial for trial in execution.trials if journal.has(trial))
    if not ids:
        raise RequestError(f"study '{name}' has no finished trial: `suite run {name}` makes them")
    if sample is not None:
        ids = sorted(random.Random(name).sample(ids, min(sample, len(ids))))
    return [journal.records[trial] for trial in ids]


def _of_run(run: str, uri: str) -> Record:
    tracker = Tracker(uri)
    record = tracker.record(run)
    tracker.close()
    if tracker.error is not None:
        reason = first_line(tracker.error)
        raise RequestError(f"the tracking store {uri} has no trial of run {run}: {reason}")
    assert record is not None
    return record


def _unknown(name: str, journal: Journal) -> str:
    studies = {execution.study for execution in journal.executions}
    if name in discovery.names():
        return f"study '{name}' has no results here yet: `suite run {name}` makes them"
    close = difflib.get_close_matches(name, journal.records, n=1, cutoff=0.5)
    hint = nearest(name, [*sorted(studies), *close])
    return f"there is no trial, run or study '{name}' in {journal.path} {hint}"

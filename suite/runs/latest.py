"""Each study's latest run, gathered from the journal and, where that lacks it, from the store."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from suite.evidence.results import Results, gather
from suite.ground.errors import RequestError, first_line
from suite.ground.wording import plural
from suite.runs.stores import knows_store, take_over
from suite.tracking.journal import DamagedError, Journal
from suite.tracking.tracker import Tracker
from suite.vocabulary import discovery
from suite.vocabulary.record import Execution, Record
from suite.vocabulary.study import TIERS, Study


class Latest(NamedTuple):
    """Latest runs, and the studies that are left out since something is wrong with them."""

    results: list[Results]
    lost: list[str]


def latest(studies: tuple[str, ...], journal: Journal, tracker: Tracker) -> Latest:
    """Gather each study's latest run, from the store where the journal does not have it.

    Raises:
        RequestError: as `names_with_runs` and `gathered` do.
    """
    lost: list[str] = []
    names = names_with_runs(studies, journal, tracker)
    return Latest(list(gathered(names, journal, lost, alone=len(studies) == 1)), lost)


def names_with_runs(studies: tuple[str, ...], journal: Journal, tracker: Tracker) -> list[str]:
    """Return those of the studies, or of all, that have run, once the journal has what the store has.

    Raises:
        RequestError: if a study that was named has no run, or the store cannot be asked.
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
    ran = dict.fromkeys(one.study for one in journal.executions)
    if gone := [name for name in ran if name not in discovery.names()] if not studies else []:
        said = f"of {', '.join(gone)} there are results and no study here"
        if not found:
            raise RequestError(said)
        print(f"{said}: left out", file=sys.stderr)
    if not found:
        raise RequestError("no study has results yet: `suite run --all` makes them")
    return found


def gathered(
    names: Sequence[str], journal: Journal, lost: list[str], *, alone: bool = False
) -> Iterator[Results]:
    """Yield the latest run of each study, which the journal has, as soon as it has been read.

    One that cannot be read is left out, and said so: it is no other's fault.

    Args:
        lost: takes the names of those.
        alone: a single study was asked for.

    Raises:
        RequestError: if that one cannot be read.
    """
    for name in names:
        try:
            results = gather_latest(name, journal)
        except RequestError as error:
            if alone:
                raise
            leave_out(name, error, lost)
        else:
            yield results


def concluded(read: Latest) -> Latest:
    """Return the runs without those from which nothing can be concluded, which are said."""
    found = Latest([], list(read.lost))
    for one in read.results:
        try:
            one.findings  # noqa: B018 - worked out here, and kept
        except Exception as error:  # whatever it is, it is that study's
            leave_out(one.study.name, error, found.lost)
        else:
            found.results.append(one)
    return found


def leave_out(study: str, error: BaseException, lost: list[str]) -> None:
    """Say that a study is left out, and why."""
    reason = str(error) if isinstance(error, RequestError) else ""
    reason = reason or f"{type(error).__name__}: {first_line(error)}"
    print(f"study '{study}' is left out: {reason}", file=sys.stderr)
    lost.append(study)


def gather_latest(name: str, journal: Journal) -> Results:
    """Return the results of a study's latest run, which the journal has."""
    execution, study = journal.latest(name), discovery.load(name)
    assert execution is not None
    results = gather_run(study, execution, journal.records)
    ran = sum(trial in journal.records for trial in execution.trials)
    if ran and not results.records:
        print(
            f"study '{name}', or what it reads, has changed since its latest run: none of the "
            f"{plural(ran, 'trial')} that it has is asked for now, and `suite run {name}` trains those "
            "that are",
            file=sys.stderr,
        )
    others = []
    for tier in TIERS:
        there = journal.latest_whole(name, tier)
        if tier != execution.tier and there is not None:
            with contextlib.suppress(RequestError):  # its grid is another now
                other = gather_run(study, there, journal.records)
                others += [] if other.missing else [other]  # what is unfinished may change
    return dataclasses.replace(results, at_other_tiers=tuple(others))


def gather_run(study: Study, execution: Execution, records: Mapping[str, Record]) -> Results:
    """Return the results of an execution; raise RequestError if the study's grid is another now."""
    try:
        return gather(study, execution, records)
    except DamagedError:
        raise
    except RequestError as error:
        changed = f"study '{study.name}' has changed since its latest run"
        raise RequestError(f"{changed}: {error}") from None

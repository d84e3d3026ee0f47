"""A study's results in one's own hands: what `suite.results` gives, without asking a store."""

from __future__ import annotations

import contextlib
from os import PathLike
from pathlib import Path

from suite.evidence.frames import Frames
from suite.ground.errors import RequestError, nearest
from suite.runs.latest import gather_run
from suite.tracking.journal import DEFAULT, Journal
from suite.tracking.result_sets import result_set
from suite.vocabulary import discovery
from suite.vocabulary.record import ResultSet
from suite.vocabulary.study import Study

Place = str | PathLike[str]


def read(study: str, folder: Place, archive: Place | None) -> Frames:
    """Return a study's results, as `suite.results` says; raises as that does."""
    home = Path(folder)
    if not home.is_dir():
        raise RequestError(f"there is no folder '{home}'")
    # What is relative is the caller's: the archive is found from here, the study from its folder.
    found = _journal(home) if archive is None else result_set(str(archive))
    execution = found.executions.get(study)
    if execution is None and study not in _names(home):
        known = dict.fromkeys([*found.executions, *_names(home)])
        raise RequestError(f"there is no study '{study}' {nearest(study, known)}")
    if execution is None:
        where = f"in {home / DEFAULT}" if archive is None else f"in {archive}"
        raise RequestError(
            f"study '{study}' has no results {where} {nearest(study, found.executions)}: "
            f"`suite run {study}` makes them"
        )
    return Frames(gather_run(_study(study, home), execution, found.records))


def _journal(home: Path) -> ResultSet:
    journal = Journal(home / DEFAULT)
    return ResultSet(journal.records, {one.study: one for one in journal.executions})


def _names(home: Path) -> list[str]:
    with _in(home):
        return discovery.names()


def _study(name: str, home: Path) -> Study:
    with _in(home):
        return discovery.load(name)


def _in(home: Path) -> contextlib.AbstractContextManager[None]:
    """Look for studies in a folder that has some; in one that has only results, from here."""
    return contextlib.chdir(home if (home / "studies").is_dir() else ".")

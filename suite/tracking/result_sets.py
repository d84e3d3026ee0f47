"""Result sets wherever they lie: a folder or journal, an archive, a tracking store."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from suite.ground.errors import RequestError, first_line, nearest
from suite.ground.identity import SEMANTICS_VERSION, id_of
from suite.tracking import archive, location
from suite.tracking.journal import DEFAULT, Journal
from suite.vocabulary.record import Execution, Record, ResultSet

PUBLISHED = "published"  # the name of the results that come with the project


def result_set(name: str) -> ResultSet:
    """Return the results at a path or tracking URI, each trial's of the newest training semantics.

    `PATH@1` asks for those of version 1: of a store that was kept through a change of what training
    does, which made every trial another one. `published` are those that come with the project.

    Raises:
        RequestError: if there are none; names the nearest path that has some.
    """
    where, _, version = name.rpartition("@")
    if not (where and version.isdecimal()):
        return _at(_found(name), range(1, SEMANTICS_VERSION + 1))
    found = _at(_found(where), [int(version)])
    if not found.records:
        raise RequestError(f"'{where}' holds no trial of training semantics {version}")
    return found


def _at(found: ResultSet, versions: Iterable[int]) -> ResultSet:
    """Return a set's trials at the last version that each has, under the ids they have today."""
    kept: dict[str, Record] = {}
    for version in versions:
        for record in found.records.values():
            if record.id == _id(record, version):
                today = _id(record, SEMANTICS_VERSION)
                kept[today] = dataclasses.replace(record, id=today)
    return ResultSet(kept, found.executions)


def _id(record: Record, version: int) -> str:
    return id_of(record.recipe, record.seed, alone=record.alone, semantics=version)


def published() -> Path:
    """Return the archive of both notebooks' laptop tier that comes with the project.

    Raises:
        RequestError: if this copy of the project has none.
    """
    spec = importlib.util.find_spec("reports")
    folders = spec.submodule_search_locations or [] if spec else []
    for folder in folders:
        file = Path(folder) / PUBLISHED / "laptop.tar.zst"
        if file.is_file():
            return file
    raise RequestError("this copy of Thumbrules comes without published results")


def _found(name: str) -> ResultSet:
    if name == PUBLISHED and not (Path(name) / DEFAULT).is_file():
        return archive.read(published())
    if name.startswith(location.KNOWN):
        return _from_store(location.shown(name))
    path = Path(name)
    if (path / DEFAULT).is_file():
        return _from_journal(path / DEFAULT)
    if path.is_dir():
        raise RequestError(f"the folder '{name}' holds no results: it has no {DEFAULT}")
    if not path.is_file():
        close = nearest(name, _result_paths(path.parent))
        raise RequestError(f"there are no results at '{name}' {close}")
    return _from_file(path)


def _from_file(path: Path) -> ResultSet:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}") from None
    if archive.is_archive(path):
        return archive.read(path)
    if start.startswith(b"SQLite format 3"):
        raise RequestError(f"a tracking store is named by its URI: {location.SQLITE}{path}")
    if not start.startswith(b'{"kind"'):
        raise RequestError(f"{path} is neither a journal nor an archive of results")
    return _from_journal(path)


def _from_journal(path: Path) -> ResultSet:
    journal = Journal(path)
    return ResultSet(journal.records, {one.study: one for one in journal.executions})


def _result_paths(folder: Path) -> list[str]:
    """Return what lies in a folder that holds results, or is one by its name."""
    if not folder.is_dir():
        return []
    return sorted(
        str(path)
        for path in folder.iterdir()
        if (path / DEFAULT).is_file() or path.name.endswith((".jsonl", ".zst"))
    )


def _from_store(uri: str) -> ResultSet:
    if not location.exists(uri):
        raise RequestError(f"there is no tracking store {uri}")
    try:
        from suite.tracking.mlflow_store import Store

        store = Store(uri)
        records: dict[str, Record] = {}
        executions: dict[str, Execution] = {}
        for study in store.studies():
            executions |= {one.study: one for one in store.executions(study)}
            records |= {record.id: record for record in store.records(study, set(records))}
    except Exception as error:  # of whatever kind mlflow, its server or its database has
        reason = first_line(error)
        raise RequestError(f"the tracking store {uri} cannot be asked: {reason}") from None
    return ResultSet(records, executions)

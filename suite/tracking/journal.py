"""The journal: an append-only local file that every record reaches before anything else does.

One JSON document a line, with a digest of its content. A line without its end is a write that a
kill or a full disk cut short: it is dropped when the journal is next written, and its trial runs
again. Any other damage is refused by line number. A trial's line is read when it is asked for, since
6,000 of them take more than a second.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from suite.ground.errors import RequestError
from suite.ground.files import replaced
from suite.ground.identity import digest
from suite.tracking import location
from suite.vocabulary.record import Execution, Record, Status

Kind = Literal["trial", "execution", "store"]
DEFAULT = Path(".thumbrules") / "journal.jsonl"


# What the line of a trial begins with, as `line_of` writes it.
TRIAL = re.compile(
    r'\{"kind": "trial", "digest": "[^"]*", "body": \{"format": \d+, "id": "([^"]*)"'
)


class DamagedError(RequestError):
    """A line of a journal is not as it was written."""


class Records(Mapping[str, Record]):
    """The newest record of each trial, by id, each read when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, tuple[int, str]] = {}
        self._read: dict[str, Record] = {}

    def add(self, trial: str, number: int, line: str) -> None:
        """Put the line of a number in the place of what there was of a trial."""
        self._lines[trial] = number, line
        self._read.pop(trial, None)

    def __getitem__(self, trial: str) -> Record:
        if trial not in self._read:
            number, line = self._lines[trial]
            with _refusing(self._path, number):
                self._read[trial] = Record.from_json(read_line(line)[1])
        return self._read[trial]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, trial: object) -> bool:
        return trial in self._lines


class Journal:
    """What the journal holds, and the way to add to it.

    Attributes:
        records: the newest record of each trial, by id. It names the study that ran it first; a
            trial that two studies share is trained once.
        executions: newest last.
        stores: tracking URIs whose own records, made elsewhere, have been taken over.
    """

    def __init__(self, path: Path = DEFAULT) -> None:
        """Read the journal at `path`, if there is one.

        Raises:
            RequestError: if a line is damaged; names the file and the line.
        """
        self.path = path
        self._read()

    def _read(self) -> None:
        self.records = Records(self.path)
        self.executions: list[Execution] = []
        self.stores: set[str] = set()
        self._count = 0
        self._take(_whole_lines(self.path))

    def add(self, item: Record | Execution) -> None:
        """Append a record or an execution; it is on the disk when this returns.

        Raises:
            RequestError: if the journal cannot be written.
        """
        self.extend([item])

    def extend(self, items: Iterable[Record | Execution]) -> None:
        """Append items, all of them or none; they are on the disk when this returns.

        Raises:
            RequestError: if the journal cannot be written.
        """
        self._append([line_of(item) for item in items])

    def add_store(self, uri: str) -> None:
        """Note that the records which a tracking store held before have been taken over."""
        if uri not in self.stores:
            self._append([_line("store", {"uri": uri})])

    def has(self, trial: str) -> bool:
        """Say whether a trial has an outcome that a rerun would only repeat."""
        record = self.records.get(trial)
        return record is not None and record.outcome.status is not Status.FAILED

    def latest(self, study: str) -> Execution | None:
        """Return the newest execution of a study."""
        return next((one for one in reversed(self.executions) if one.study == study), None)

    def latest_whole(self, study: str, tier: str) -> Execution | None:
        """Return the newest execution of a study as its file has it, at a tier."""
        return next(
            (
                one
                for one in reversed(self.executions)
                if (one.study, one.tier) == (study, tier) and one.is_planned
            ),
            None,
        )

    def _append(self, lines: list[str]) -> None:
        text = "".join(lines).encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked() as file:
                _drop_torn_tail(file)
                whole = os.fstat(file).st_size
                written = os.write(file, text)
                os.fsync(file)
                if written < len(text):
                    os.ftruncate(file, whole)
                    raise OSError("disk full")
        except OSError as error:
            reason = error.strerror or error
            raise RequestError(f"the journal {self.path} cannot be written: {reason}") from None
        self._take(lines)

    def asked_by(self, study: str) -> tuple[set[str], set[str]]:
        """Return the trials of a study, by id: those that are its alone, and those of others too.

        A trial is a study's if one of its runs asked for it, or if it ran first for this study.
        """
        own: set[str] = set()
        others: set[str] = set()
        for execution in self.executions:
            (own if execution.study == study else others).update(execution.trials)
        own |= {trial for trial, record in self.records.items() if record.study == study}
        return own - others, own & others

    def forget(self, study: str) -> None:
        """Take out every run of a study and the trials that are its alone, all or none of it.

        Every other line stays as it is.

        Raises:
            RequestError: if the journal cannot be written, or a trial's line is damaged.
        """
        if not self.path.exists():
            return
        try:
            with self._locked():  # whoever would add a line waits
                self._read()
                forgotten, _ = self.asked_by(study)
                kept = [
                    line for line in _whole_lines(self.path) if not _is_of(line, study, forgotten)
                ]
                with replaced(self.path) as partial:
                    partial.write_text("".join(f"{line}\n" for line in kept))
        except OSError as error:
            reason = error.strerror or error
            raise RequestError(f"the journal {self.path} cannot be written: {reason}") from None
        self._read()

    @contextlib.contextmanager
    def run_lock(self) -> Iterator[None]:
        """Hold the folder for one run; raise RequestError if another run holds it.

        The system lets go of the lock when the process ends, however it ends.
        """
        lock = self.path.with_name("lock")
        held = FileLock(lock)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held.acquire(blocking=False)
        except Timeout:
            raise RequestError(f"another run is using {lock.parent}: wait for it") from None
        except OSError as error:
            reason = f"{lock} cannot be written: {error.strerror}"
            raise RequestError(reason) from None
        try:
            yield
        finally:
            held.release()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """Open the journal while nobody else writes it."""
        with FileLock(self.path.with_name("journal.lock")):
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                yield file
            finally:
                os.close(file)

    def _take(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._count += 1
            if trial := TRIAL.match(line):
                self.records.add(trial[1], self._count, line)
                continue
            with _refusing(self.path, self._count):
                kind, body = read_line(line)
                if kind == "trial":  # in another's spelling
                    self.records.add(body["id"], self._count, line)
                elif kind == "execution":
                    self.executions.append(Execution(**body))
                elif kind == "store":
                    self.stores.add(location.shown(body["uri"]))
                else:
                    raise ValueError(f"unknown kind {kind!r}")


def _is_of(line: str, study: str, trials: set[str]) -> bool:
    """Whether a line is the record of one of these trials, or a run of the study."""
    if trial := TRIAL.match(line):
        return trial[1] in trials
    kind, body = read_line(line)
    return (kind == "trial" and body["id"] in trials) or (
        kind == "execution" and body["study"] == study
    )


@contextlib.contextmanager
def _refusing(path: Path, number: int) -> Iterator[None]:
    """Refuse a damaged line by its number."""
    try:
        yield
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(
            f"{path}, line {number} is damaged ({error}): restore the file, "
            "or delete that line to run its trial again"
        ) from None


def _whole_lines(path: Path) -> list[str]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"the journal {path} cannot be read: {error}") from None
    return text.split("\n")[:-1]


def line_of(item: Record | Execution) -> str:
    """Return the line of an item, with its end."""
    if isinstance(item, Record):
        return _line("trial", item.to_json())
    return _line("execution", dataclasses.asdict(item))


def _line(kind: Kind, body: dict[str, Any]) -> str:
    return json.dumps({"kind": kind, "digest": digest(body), "body": body}) + "\n"


def read_line(line: str | bytes) -> tuple[Kind, dict[str, Any]]:
    """Return what a line holds; raise ValueError, KeyError or TypeError if it is damaged."""
    form = json.loads(line)
    if digest(form["body"]) != form["digest"]:
        raise ValueError("its digest does not fit its content")
    return form["kind"], form["body"]


def _drop_torn_tail(file: int) -> None:
    """Cut the file after its last line end."""
    size = os.fstat(file).st_size
    position = size
    while position > 0:
        start = max(0, position - 65536)
        found = os.pread(file, position - start, start).rfind(b"\n")
        if found >= 0:
            position = start + found + 1
            break
        position = start
    if position < size:
        os.ftruncate(file, position)

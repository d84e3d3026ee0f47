"""Archives: what a store holds in one file, to be carried to another machine or published.

A tar, compressed by zstandard, of `manifest.json` (first, so that a reader knows what may follow),
`journal.jsonl` and the pages of the report. The journal's lines are the newest execution of each
study and every record, in a fixed order, so that the same store gives the same bytes.

An archive may come from anyone: nothing in it is written to the disk or run, and a reader holds
every member against the manifest, and every record against its digest and its own recipe, before
it returns anything.

Members are read as streams in memory, and only plain files of names that an archive can have.
Unpacking stops at what the manifest promises, and that may be 200 times the file at most (records
and pages make about 7). All is checked before the journal gets a line, and it gets all lines in one
write. There is no signature: an archive proves that it is whole, not who made it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import zstandard

from suite.ground.errors import RequestError
from suite.ground.files import replaced
from suite.tracking.checks import check_execution, check_record
from suite.tracking.frame import Frame
from suite.tracking.journal import line_of, read_line
from suite.vocabulary.record import Execution, Record, ResultSet

# Raised whenever an older version could not read what this one writes.
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"
PAGE = re.compile(r"report/\w[\w-]*(\.\w+)?\.(html|csv)", re.ASCII)
MAGIC = bytes.fromhex("28b52ffd")
LEVEL = 12  # A quarter smaller than zstandard's default, at three seconds for 30 MB.
MOST_MANIFEST = 1 << 20
LONGEST_LINE = 1 << 26
# Records and pages shrink twentyfold at most; what promises to grow more is no archive of ours.
MOST_GROWTH = 200
ALWAYS_ALLOWED = 1 << 26


@dataclass(frozen=True)
class Entry:
    """What the manifest says of a member: its size in bytes and its SHA-256."""

    bytes: int
    sha256: str


def is_archive(path: Path) -> bool:
    """Say whether a file begins as an archive does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class Contents(NamedTuple):
    """What was read so far, by trial and by study."""

    records: dict[str, Record]
    executions: dict[str, Execution]


def write(path: Path, contents: ResultSet, pages: Mapping[str, Path]) -> None:
    """Write an archive, whole or not at all; `pages` are files by their name in the report.

    Raises:
        RequestError: if the file cannot be written.
    """
    with replaced(path) as partial:
        members = {JOURNAL: _journal(contents)}
        members |= {f"report/{name}": page.read_bytes() for name, page in pages.items()}
        with partial.open("wb") as file:
            _pack(file, {MANIFEST: _manifest(members), **dict(sorted(members.items()))})


def _journal(contents: ResultSet) -> bytes:
    executions = [contents.executions[study] for study in sorted(contents.executions)]
    records = [contents.records[trial] for trial in sorted(contents.records)]
    items: list[Record | Execution] = [*executions, *records]
    return "".join(map(line_of, items)).encode()


def _manifest(members: Mapping[str, bytes]) -> bytes:
    files = {
        name: dataclasses.asdict(Entry(len(content), hashlib.sha256(content).hexdigest()))
        for name, content in sorted(members.items())
    }
    return json.dumps({"format": FORMAT_VERSION, "files": files}, indent=1).encode()


def _pack(file: BinaryIO, members: Mapping[str, bytes]) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with (
        compressor.stream_writer(file, closefd=False) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in members.items():
            member = tarfile.TarInfo(name)  # its times and owners are zero
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def read(path: Path) -> ResultSet:
    """Return what an archive holds, after checking all of it.

    Raises:
        RequestError: if it is no archive, or one that is damaged, cut short, changed by hand or
            written by a newer version; names what is wrong.
    """
    contents = Contents({}, {})
    try:
        if not is_archive(path):
            raise RequestError(f"{path} is no archive: `suite export FILE` writes one")
        with path.open("rb") as file:
            frame = Frame(file, MOST_MANIFEST)
            # Its type stubs know no reader but a whole file; a stream is only ever read.
            with tarfile.open(fileobj=frame, mode="r|") as tar:  # type: ignore[call-overload]
                _read_members(tar, frame, path.stat().st_size, contents)
            frame.finish()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
        raise RequestError(f"{path} is refused: {error or 'it is damaged'}") from None
    return ResultSet(*contents)


def _read_members(tar: tarfile.TarFile, frame: Frame, size: int, contents: Contents) -> None:
    files = _read_manifest(tar)
    promised = sum(entry.bytes for entry in files.values())
    if promised > max(ALWAYS_ALLOWED, MOST_GROWTH * size):
        raise ValueError(f"it would unpack to {promised:,} bytes, too many for its size")
    frame.allow(promised + 4 * tarfile.BLOCKSIZE * len(files) + tarfile.RECORDSIZE)
    missing = dict(files)
    while (member := tar.next()) is not None:
        _check_plain(member)
        if member.name not in files:
            raise ValueError(f"its manifest does not name '{member.name}'")
        entry = missing.pop(member.name, None)
        if entry is None:
            raise ValueError(f"it holds '{member.name}' twice")
        if member.size != entry.bytes:
            raise ValueError(f"'{member.name}' is not as large as its manifest says")
        _read_member(tar, member, entry, contents)
    if missing:
        raise ValueError(f"it lacks '{next(iter(missing))}', which its manifest names")


def _read_manifest(tar: tarfile.TarFile) -> dict[str, Entry]:
    member = tar.next()
    if member is None or member.name != MANIFEST:
        raise ValueError(f"an archive begins with '{MANIFEST}'")
    _check_plain(member)
    form = json.loads(b"".join(_lines(tar, member)))
    try:
        version, files = form["format"], form["files"]
        if version not in range(1, FORMAT_VERSION + 1):
            raise ValueError(f"archive format {version} is newer than {FORMAT_VERSION}")
        entries = {name: Entry(**entry) for name, entry in files.items()}
    except (KeyError, TypeError, AttributeError):
        raise ValueError("its manifest cannot be understood") from None
    for name, entry in entries.items():
        if name != JOURNAL and not PAGE.fullmatch(name):
            raise ValueError(f"its manifest names '{name}', which no archive holds")
        if not isinstance(entry.bytes, int) or entry.bytes < 0:
            raise ValueError(f"its manifest gives '{name}' no size")
    return entries


def _check_plain(member: tarfile.TarInfo) -> None:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise ValueError(f"'{member.name}' is not a plain file")
    if member.name.startswith("/") or ".." in member.name.split("/"):
        raise ValueError(f"'{member.name}' leads out of the archive")


def _read_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, entry: Entry, contents: Contents
) -> None:
    checksum = hashlib.sha256()
    for number, line in enumerate(_lines(tar, member), start=1):
        checksum.update(line)
        if member.name == JOURNAL:
            _take(line, number, contents)
    if checksum.hexdigest() != entry.sha256:
        raise ValueError(f"'{member.name}' is not what its manifest says")


def _lines(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    stream = tar.extractfile(member)
    assert stream is not None  # it is a plain file
    return iter(lambda: stream.readline(LONGEST_LINE), b"")


def _take(line: bytes, number: int, contents: Contents) -> None:
    """Add what a line holds to the contents; raise ValueError naming the line or its record."""
    try:
        kind, body = read_line(line)
        if kind == "trial":
            _take_record(Record.from_json(body), contents)
        elif kind == "execution":
            execution = Execution(**body)
            check_execution(execution)
            contents.executions[execution.study] = execution
        else:
            raise ValueError(f"unknown kind {kind!r}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        _refuse(line, number, error)


def _take_record(record: Record, contents: Contents) -> None:
    check_record(record)
    if record.id in contents.records:
        raise ValueError("it is there twice")
    contents.records[record.id] = record


def _refuse(line: bytes, number: int, error: Exception) -> NoReturn:
    name = f"line {number} of '{JOURNAL}'"
    try:
        body: Any = json.loads(line)["body"]
        name = f"the record of trial '{body['id']}' ({name})"
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # the line's number has to do
    raise ValueError(f"{name} is damaged: {error}") from None

"""The digest of what a file or a folder holds, which stands in the ids of trials that read it.

A digest is kept, in this process and in the cache folder, for as long as no file's size or times
change, so that listing trials reads no data. What was changed just now is read again: within a
clock's tick it may change once more and look the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from suite.ground.cache import cache_folder
from suite.ground.errors import RequestError, nearest

JUST_NOW = 2.0  # seconds: file systems' clocks tick more often than that

# By path, the digests that this process was handed: it need not have the files.
given: dict[Path, str] = {}
# By absolute path, what trials that are told of have read, for files that are gone since.
recalled: dict[Path, str] = {}
Listed = tuple[str, os.stat_result]  # a file's name below a folder; empty if it is alone
_seen: ContextVar[dict[Path, str] | None] = ContextVar("seen", default=None)
_known: dict[Path, tuple[str, str]] = {}  # by absolute path: a stamp, and the digest at that time


def digest_of(path: Path, who: str) -> str:
    """Return 16 hexadecimal digits that name a file's bytes, or a folder's file names and bytes.

    Args:
        who: what reads it, as a message begins: `data 'table'`.

    Raises:
        RequestError: if it is not there or cannot be read.
    """
    if path in given:
        return given[path]
    if path.absolute() in recalled and not path.exists():
        return recalled[path.absolute()]
    seen = _seen.get()
    if seen is None or path not in seen:
        found = _looked_at(path, who)
        if seen is None:
            return found
        seen[path] = found
    return seen[path]


@contextlib.contextmanager
def one_look() -> Iterator[None]:
    """Look at each path once meanwhile, for all trials of a plan: a folder may have many files."""
    token = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(token)


def files_of(path: Path, who: str) -> list[Path]:
    """Return a file alone, or all files in a folder and those in it, sorted; hidden ones left out.

    Raises:
        RequestError: if it is not there, or cannot be looked at.
    """
    with _refusing(who):
        return [path / name if name else path for name, _ in _listed(path, who)]


@contextlib.contextmanager
def _refusing(who: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequestError(f"{who} cannot read {error.filename}: {error.strerror}") from None


def _looked_at(path: Path, who: str) -> str:
    whole = Path(os.path.realpath(path))  # which takes links that lead to themselves, too
    with _refusing(who):
        files = _listed(path, who)
        stamp, changed = _stamp(files)
        if changed > time.time() - JUST_NOW:
            return _digest(path, files)
        kept = _known.get(whole) or _read(whole)
        if kept is None or kept[0] != stamp:
            kept = stamp, _digest(path, files)
            _write(whole, kept)
    _known[whole] = kept
    return kept[1]


def _listed(path: Path, who: str) -> list[Listed]:
    if path.is_dir():
        return sorted(_below(os.fspath(path), "", set()), key=lambda one: one[0].split("/"))
    if path.is_file():
        return [("", path.stat())]  # what a file alone is called is no content of it
    if path.is_symlink() or path.exists():
        what = "a link to nothing" if path.is_symlink() else "no file and no folder"
        raise RequestError(f"{who} reads {path}, which is {what}")
    beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, beside)
    hint = f" {close}" if "did you mean" in close else ""
    raise RequestError(f"{who} reads {path}, which is not there{hint}")


def _below(folder: str, within: str, seen: set[tuple[int, int]]) -> Iterator[Listed]:
    """Yield files below a folder, following links, but into no folder twice."""
    here = os.stat(folder)  # noqa: PTH116 - of thousands of files, paths as text take a third
    if (here.st_dev, here.st_ino) in seen:
        return
    seen.add((here.st_dev, here.st_ino))
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda one: one.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _below(entry.path, f"{within}{entry.name}/", seen)
        else:
            yield within + entry.name, entry.stat()


def _stamp(files: list[Listed]) -> tuple[str, float]:
    """Return what changes with any file's name, size or times, and when one last changed."""
    sha, last = hashlib.sha256(), 0.0
    for name, status in files:  # its time of change, ctime, nobody can set back
        times = status.st_size, status.st_mtime_ns, status.st_ctime_ns
        sha.update(f"{name}\0{times}\n".encode(errors="surrogateescape"))
        last = max(last, status.st_ctime, status.st_mtime)
    return sha.hexdigest(), last


def _digest(path: Path, files: list[Listed]) -> str:
    sha = hashlib.sha256()
    for name, _ in files:
        with (path / name if name else path).open("rb") as content:
            bytes_of = hashlib.file_digest(content, "sha256").hexdigest()
        sha.update(f"{name}\0{bytes_of}\n".encode(errors="surrogateescape"))
    return sha.hexdigest()[:16]


def _place(whole: Path) -> Path:
    named = hashlib.sha256(os.fsencode(whole)).hexdigest()[:16]
    return cache_folder() / "contents" / f"{named}.json"


def _read(whole: Path) -> tuple[str, str] | None:
    try:
        stamp, digest = json.loads(_place(whole).read_text())
    except (OSError, ValueError, TypeError):
        return None
    return str(stamp), str(digest)


def _write(whole: Path, kept: tuple[str, str]) -> None:
    """Keep a digest for the next process; a full or read-only disk is no fault."""
    with contextlib.suppress(OSError):
        place = _place(whole)
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "w") as file:
            json.dump(kept, file)
        Path(fresh).replace(place)

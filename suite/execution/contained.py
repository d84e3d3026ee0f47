"""What one's own code does to its process ends with its trial."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite.ground import contents, switches
from suite.ground.errors import RequestError

# Folders of a working directory that are this project's, beside hidden ones.
OURS = {"mlruns", "reports", "studies"}
_opened: dict[int, set[str]] = {}  # by thread, the paths that were opened while it was noted
_hooked = threading.Event()  # an audit hook stays for as long as its process


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Undo what is changed meanwhile and shared with other trials; print to standard error.

    The environment, and what `suite.ground.switches` names: the next trial in this process would
    compute otherwise than alone. Standard output is the command's.
    """
    environment = dict(os.environ)
    try:
        with switches.kept(), contextlib.redirect_stdout(sys.stderr), _descriptor():
            yield
    finally:
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)


@contextlib.contextmanager
def _descriptor() -> Iterator[None]:
    """Let what programs print that one's own code starts go to standard error, too."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # a service may have neither
        yield
        return
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def noting_reads() -> Iterator[dict[str, str]]:
    """Give a mapping that has, in the end, the digest of each file here that was read meanwhile.

    Files of the working directory, by their paths in it, other than Python's and the project's own:
    what a probe reads does not stand in its trial's id.
    """
    if not _hooked.is_set():
        _hooked.set()
        sys.addaudithook(_note)
    read: dict[str, str] = {}
    here, thread = Path.cwd(), threading.get_ident()
    opened = _opened[thread] = set()
    try:
        yield read
    finally:
        del _opened[thread]
        for path in sorted(here / path for path in opened):
            if path.is_relative_to(here) and _is_data(path.relative_to(here)) and path.is_file():
                with contextlib.suppress(RequestError):
                    read[path.relative_to(here).as_posix()] = contents.digest_of(path, "a probe")


def _is_data(path: Path) -> bool:
    """Whether a file here is none of the project's, of a package's or of Python's."""
    if path.suffix in (".py", ".pyc") or path.parts[0] in OURS or "site-packages" in path.parts:
        return False
    return not any(part.startswith(".") or part.endswith(".egg-info") for part in path.parts)


def _note(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and (opened := _opened.get(threading.get_ident())) is not None:
        path, _, flags = args
        if isinstance(path, str) and not flags & os.O_WRONLY:
            opened.add(path)

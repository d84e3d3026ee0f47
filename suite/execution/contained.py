"""What one's own code does to its process ends with its trial."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite.ground import contents
from suite.ground.errors import RequestError

# What this project writes into a working directory, and Python's own.
OURS = {".thumbrules", "mlruns", "reports", "studies", "__pycache__"}
_opened: dict[int, set[str]] = {}  # by thread, the paths that were opened while it was noted
_hooked = threading.Event()  # an audit hook stays for as long as its process


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Undo what is changed meanwhile and shared with other trials; print to standard error.

    Working directory, environment, PyTorch's defaults and NumPy's treatment of errors: the next
    trial in this process would compute otherwise than alone. Standard output is the command's.
    """
    import numpy as np  # here, since a coordinator that trains nothing loads neither
    import torch

    folder, environment = os.getcwd(), dict(os.environ)  # noqa: PTH109
    errors, dtype, threads = np.geterr(), torch.get_default_dtype(), torch.get_num_threads()
    grad, deterministic = torch.is_grad_enabled(), torch.get_deterministic_debug_mode()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.chdir(folder)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)
        np.seterr(**errors)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_grad_enabled(grad)
        torch.set_deterministic_debug_mode(deterministic)


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
        for path in sorted(map(Path, opened)):
            whole = here / path
            if whole.is_relative_to(here) and whole.suffix not in (".py", ".pyc"):
                inside = whole.relative_to(here)
                if inside.parts[0] not in OURS and whole.is_file():
                    with contextlib.suppress(RequestError):
                        read[inside.as_posix()] = contents.digest_of(whole, "a probe")


def _note(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and (opened := _opened.get(threading.get_ident())) is not None:
        path, _, flags = args
        if isinstance(path, str) and not flags & os.O_WRONLY:
            opened.add(path)

"""How much memory there is left. Loads no torch."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

import psutil

# Pages of files, which a container's use counts and the system takes back when they are needed.
CACHED = ("active_file", "inactive_file")
MMAP_THRESHOLD, LARGE = -3, 1 << 20  # of glibc's `mallopt`: which option, and bytes


def free(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that this process may still take: of the machine, its container or its limits.

    Args:
        root: of control groups, version 2.
    """
    machine = int(psutil.virtual_memory().available)
    return min([machine, *_left_to_group(root), *_left_to_process()])


def give_back() -> None:
    """Let the C library give large blocks back to the system as soon as they are freed.

    By itself glibc keeps them for the next ones, and what a step leaves between them, its outputs,
    makes them unfit for that: over an epoch of 256 MB in batches of 3 MB its heap grew by 520 MB,
    and so by 60 MB, while an MLP's 1.5 s became 2: new blocks are zeroed. Where the library is
    another one, nothing happens.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, LARGE)


def _left_to_group(root: Path) -> Iterator[int]:
    # There is no group, or its limit is `max`.
    with contextlib.suppress(OSError, ValueError):
        limit, used = (int((root / f"memory.{name}").read_text()) for name in ("max", "current"))
        yield limit - used + _cached(root / "memory.stat")


def _cached(file: Path) -> int:
    if not file.exists():
        return 0
    counts = dict(line.split() for line in file.read_text().splitlines())
    return sum(int(counts.get(name, 0)) for name in CACHED)


def _left_to_process() -> Iterator[int]:
    """Yield what `ulimit -v` and `ulimit -d` leave; systems other than Linux do not say."""
    if not hasattr(psutil, "RLIMIT_DATA"):
        return
    process = psutil.Process()
    taken = process.memory_info()
    for which, used in ((psutil.RLIMIT_AS, taken.vms), (psutil.RLIMIT_DATA, taken.data)):
        limit = process.rlimit(which)[0]
        if limit != psutil.RLIM_INFINITY:
            yield limit - used

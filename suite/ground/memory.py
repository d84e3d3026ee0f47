"""How much memory there is left. Loads no torch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

# Pages of files, which a container's use counts and the system takes back when they are needed.
CACHED = ("active_file", "inactive_file")


def free(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that this process may still take: of the machine, its container or its limits.

    Args:
        root: of control groups, version 2.
    """
    machine = int(psutil.virtual_memory().available)
    return min([machine, *_left_to_group(root), *_left_to_process()])


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

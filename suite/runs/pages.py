"""Pages that are written while other studies still train, by a process of low priority."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import psutil

# Stands above `suite`: this names it, as the table of commands does, and imports nothing of it.
WRITER = "reports.pages.meanwhile"


class Pages:
    """Starts what writes the pages of studies that have all their trials, one process at a time."""

    def __init__(self) -> None:
        self._writing: subprocess.Popen[bytes] | None = None

    def ready(self) -> None:
        """Have the pages written, as a study has all its trials; with the next one's, if some are."""
        if self._writing is None or self._writing.poll() is not None:
            silent = subprocess.DEVNULL
            command = [sys.executable, "-P", "-m", WRITER]  # a file here may have a module's name
            low = 10 if os.name == "posix" else psutil.BELOW_NORMAL_PRIORITY_CLASS
            with contextlib.suppress(OSError, psutil.Error):  # no page is worth a trial
                self._writing = subprocess.Popen(
                    command, stdin=silent, stdout=silent, stderr=silent
                )
                psutil.Process(self._writing.pid).nice(low)  # the processes that it starts, too

    def wait(self) -> None:
        """Return when nothing is being written: a trial that is timed has the machine to itself."""
        if self._writing is not None:
            self._writing.wait()

    def stop(self) -> None:
        """End what is being written: pages are whole or as they were."""
        if self._writing is not None and self._writing.poll() is None:
            self._writing.terminate()
            self._writing.wait()

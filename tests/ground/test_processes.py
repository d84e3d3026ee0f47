"""Processes that are started for some work."""

from __future__ import annotations

import signal
import subprocess
import sys

from suite.ground.processes import deaf_children


def test_ctrl_c_does_not_reach_a_process_that_is_still_loading() -> None:
    before = signal.getsignal(signal.SIGINT)
    ask = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    with deaf_children():
        child = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert child.stdout.strip() == "True"
    assert signal.getsignal(signal.SIGINT) is before

"""Commands in processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.command_line import command, make_study, stored_trials, suite_json, suite_process
from tests.commands.test_commands import PROJECT


def test_list_loads_neither_torch_nor_pandas_nor_mlflow() -> None:
    code = (
        "import sys; sys.argv = ['suite', 'list']\n"
        "from suite.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'torch', 'pandas', 'mlflow', 'numpy'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stderr == "set()\n"


def test_ui_serves_the_store_on_this_machine_only(tmp_path: Path) -> None:
    make_study(tmp_path)
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke", "--strategy", "sequential")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        command("ui", "--port", str(port)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            link = process.stdout.readline()
            assert f"tiny: http://127.0.0.1:{port}/#/experiments/" in link
            assert "compareRunsMode=CHART" in link
            assert answers(f"http://127.0.0.1:{port}/health")
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def answers(address: str) -> bool:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            time.sleep(0.2)
    return False


SMOKE = ("run", "tiny", "--tier", "smoke", "--strategy", "sequential")


def test_a_store_that_was_deleted_or_replaced_is_filled_again(tmp_path: Path) -> None:
    make_study(tmp_path)
    assert suite_process(tmp_path, *SMOKE).returncode == 0
    there = stored_trials(tmp_path)
    (tmp_path / "mlflow.db").rename(tmp_path / "away.db")
    assert suite_process(tmp_path, *SMOKE).returncode == 0
    assert stored_trials(tmp_path) == there
    shutil.copy(tmp_path / "away.db", tmp_path / "other.db")
    (tmp_path / "other.db").replace(tmp_path / "mlflow.db")
    assert suite_process(tmp_path, *SMOKE).returncode == 0
    assert stored_trials(tmp_path) == there

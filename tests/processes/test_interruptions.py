"""Ctrl-C and kill -9 leave every finished trial in place; the next run completes the rest."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import TINY_TRIALS, command, make_study, stored_trials, suite_json


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, ...]]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_study(folder)
    suite_json(folder, "run", "tiny")
    return stored_trials(folder)


def start(folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command("run", "tiny"),
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell lets its background jobs, these tests perhaps, ignore Ctrl-C; children inherit it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def journalled(folder: Path) -> int:
    journal = folder / ".thumbrules" / "journal.jsonl"
    return journal.read_text().count('{"kind": "trial"') if journal.exists() else 0


def wait_for_trials(process: subprocess.Popen[bytes], folder: Path, count: int) -> None:
    while journalled(folder) < count and process.poll() is None:
        time.sleep(0.005)


def no_children_left(process: subprocess.Popen[bytes]) -> bool:
    """Wait until no process names this one as its parent's run; workers notice its end themselves."""
    for _ in range(400):
        lines = subprocess.run(
            ["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True
        ).stdout
        if f"parent_pid={process.pid}" not in lines:
            return True
        time.sleep(0.05)
    return False


def test_a_killed_run_is_completed_by_the_next(
    tmp_path: Path, uninterrupted: dict[str, tuple[Any, ...]]
) -> None:
    make_study(tmp_path)
    survived = 0
    for count in (1, 7, 20):
        process = start(tmp_path)
        wait_for_trials(process, tmp_path, count)
        process.kill()
        process.wait()
        assert journalled(tmp_path) >= survived
        survived = journalled(tmp_path)
    form = suite_json(tmp_path, "run", "tiny")
    assert form["cached"] >= survived > 0
    assert form["ran"] + form["cached"] == TINY_TRIALS
    assert stored_trials(tmp_path).keys() == uninterrupted.keys()
    assert comparable(stored_trials(tmp_path)) == comparable(uninterrupted)


def test_a_run_killed_while_it_fills_mlflow_is_completed(
    tmp_path: Path, uninterrupted: dict[str, tuple[Any, ...]]
) -> None:
    make_study(tmp_path)
    process = start(tmp_path)
    wait_for_trials(process, tmp_path, TINY_TRIALS - 1)
    time.sleep(0.3)
    process.kill()
    process.wait()
    suite_json(tmp_path, "run", "tiny")
    assert comparable(stored_trials(tmp_path)) == comparable(uninterrupted)


def tables(folder: Path) -> list[str]:
    """Return the tables that a store has, or one that is being made."""
    found = []
    for file in ("mlflow.db", "mlflow.db.partial"):
        if (folder / file).exists():
            with contextlib.suppress(sqlite3.Error), sqlite3.connect(folder / file) as connection:
                found += connection.execute("SELECT name FROM sqlite_master").fetchall()
    return [name for (name,) in found]


def test_a_run_killed_while_mlflow_makes_its_tables_is_completed(
    tmp_path: Path, uninterrupted: dict[str, tuple[Any, ...]]
) -> None:
    make_study(tmp_path)
    process = start(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))  # which has none to copy
    while "assessments" not in tables(tmp_path):  # one of the later migrations
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    suite_json(tmp_path, "run", "tiny")
    assert comparable(stored_trials(tmp_path)) == comparable(uninterrupted)


def test_workers_end_with_a_killed_coordinator(tmp_path: Path) -> None:
    make_study(tmp_path)
    process = start(tmp_path)
    wait_for_trials(process, tmp_path, 1)
    process.kill()
    process.wait()
    assert no_children_left(process)


def test_control_c_keeps_what_is_finished(tmp_path: Path) -> None:
    make_study(tmp_path)
    process = start(tmp_path)
    wait_for_trials(process, tmp_path, 2)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 130
    kept = journalled(tmp_path)
    assert kept >= 2
    form = suite_json(tmp_path, "run", "tiny")
    assert form["cached"] == kept


def comparable(trials: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """Leave out what a clock measured."""
    return {
        trial: (digest, {k: v for k, v in metrics.items() if "second" not in k})
        for trial, (digest, metrics) in trials.items()
    }

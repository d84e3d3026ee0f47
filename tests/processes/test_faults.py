"""Every fault that can be made to happen ends with nothing lost, nothing twice and one message."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from suite.execution.sequential import Sequential
from suite.tracking.journal import Journal
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.record import Status
from tests.command_line import TINY_TRIALS, command, make_study, stored_trials, suite, suite_json
from tests.servers import free_port, mlflow_server

ENOUGH = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}


def digests(folder: Path) -> dict[str, str]:
    """Return the weights that the journal has of each trial."""
    records = Journal(folder / ".thumbrules" / "journal.jsonl").records
    return {trial: record.outcome.weights_digest for trial, record in records.items()}


def ran(folder: Path) -> int:
    journal = folder / ".thumbrules" / "journal.jsonl"
    return journal.read_text().count('{"kind": "trial"') if journal.exists() else 0


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*(arguments or ("run", "tiny"))),
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_trials(process: subprocess.Popen[str], folder: Path, count: int) -> None:
    while ran(folder) < count and process.poll() is None:
        time.sleep(0.005)


def one_line(stderr: str) -> str:
    """Return what was said last, having seen that nothing of Python's own was said."""
    assert "Traceback" not in stderr, stderr
    return stderr.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the weights of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    make_study(folder)
    suite_json(folder, "run", "tiny")
    return digests(folder)


def completed(folder: Path, whole: dict[str, str], **environment: str) -> None:
    """Run again, and see that every trial is there, once, and with the same weights."""
    suite_json(folder, "run", "tiny", **environment)
    assert digests(folder) == whole
    if not environment:
        assert len(stored_trials(folder)) == TINY_TRIALS


# --- Kills ------------------------------------------------------------------------------------


def kill_at_random(folder: Path, whole: dict[str, str], chance: random.Random) -> None:
    """Kill the coordinator or one of its workers somewhere on the way, and complete the run."""
    make_study(folder)
    process = start(folder)
    time.sleep(chance.uniform(0.0, 12.0))
    with contextlib.suppress(psutil.NoSuchProcess):
        victims = [psutil.Process(process.pid)]
        if chance.random() < 0.5:
            victims = victims[0].children(recursive=True) or victims
        chance.choice(victims).kill()
    process.communicate()
    before = ran(folder)
    completed(folder, whole)
    assert ran(folder) >= before


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_a_random_point_loses_nothing(
    tmp_path: Path, whole: dict[str, str], seed: int
) -> None:
    kill_at_random(tmp_path, whole, random.Random(seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 150))
def test_fifty_kills_at_random_points_lose_nothing(
    tmp_path: Path, whole: dict[str, str], seed: int
) -> None:
    kill_at_random(tmp_path, whole, random.Random(seed))


def test_a_second_control_c_ends_the_run_at_once(tmp_path: Path, whole: dict[str, str]) -> None:
    make_study(tmp_path)
    # A server that takes a call and never answers: at the first Ctrl-C the run waits for it.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        folder = tmp_path / ".thumbrules"
        folder.mkdir()
        slow = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "600", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
        process = start(tmp_path, "run", "tiny", **slow, MLFLOW_TRACKING_URI=uri)
        silent.listen()
        connection, _ = silent.accept()
        os.kill(process.pid, signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=10) == 130
        connection.close()
    assert "Traceback" not in process.communicate()[1]
    completed(tmp_path, whole)


# --- Disks ------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of 256 KiB, and its mount point's parent for what is large."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_keeps_what_was_written(
    small_disk: Path, tmp_path: Path, whole: dict[str, str]
) -> None:
    make_study(small_disk)
    elsewhere = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"0" * 216_000)
    done = suite(small_disk, "run", "tiny", **elsewhere)
    assert done.returncode == 2
    assert "the journal .thumbrules/journal.jsonl cannot be written" in one_line(done.stderr)
    kept = ran(small_disk)
    assert 0 < kept < TINY_TRIALS
    ballast.unlink()
    form = suite_json(small_disk, "run", "tiny", **elsewhere)
    assert form["cached"] == kept
    assert digests(small_disk) == whole


def test_a_study_file_that_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb") as ballast:
        while True:
            ballast.write(b"0" * 4096)
            ballast.flush()
    (small_disk / "studies").mkdir(exist_ok=True)
    done = suite(small_disk, "new", "question")
    assert done.returncode == 2
    assert "cannot be written" in one_line(done.stderr)
    assert not (small_disk / "studies" / "question.py").exists()


def test_a_folder_that_is_read_only_is_refused(small_disk: Path) -> None:
    make_study(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = suite(small_disk, "run", "tiny")
    assert done.returncode == 2
    assert "cannot be written" in one_line(done.stderr)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    (small_disk / ".thumbrules").mkdir()
    (small_disk / "mlflow.db").touch()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    elsewhere = {"MLFLOW_TRACKING_URI": f"sqlite:///{small_disk.parent}/mlflow.db"}
    done = suite(small_disk, "run", "tiny", **elsewhere)
    assert done.returncode == 2
    assert ".thumbrules/lock cannot be written" in one_line(done.stderr)
    listed = suite(small_disk, "list")
    assert listed.returncode == 0
    planned = suite(small_disk, "plan", "tiny")
    assert planned.returncode == 0, planned.stderr


# --- Tracking stores --------------------------------------------------------------------------


def test_a_server_that_dies_and_comes_back_has_every_trial_once(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    make_study(tmp_path)
    port = free_port()
    with mlflow_server(tmp_path, port) as uri:
        process = start(tmp_path, "run", "tiny", **ENOUGH, MLFLOW_TRACKING_URI=uri)
        wait_for_trials(process, tmp_path, 3)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "all are safe in the journal" in one_line(said)
    assert digests(tmp_path) == whole
    with mlflow_server(tmp_path, port) as uri:
        completed(tmp_path, whole, MLFLOW_TRACKING_URI=uri)
        again = suite_json(tmp_path, "run", "tiny", MLFLOW_TRACKING_URI=uri)
        assert (again["ran"], again["cached"]) == (0, TINY_TRIALS)
        shutil.rmtree(tmp_path / ".thumbrules")
        taken = suite_json(tmp_path, "run", "tiny", MLFLOW_TRACKING_URI=uri)
        assert (taken["ran"], taken["cached"]) == (0, TINY_TRIALS)


@contextlib.contextmanager
def answering(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Run a server that answers whatever it is asked in one way."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_PATCH = do_PUT = do_GET

        def log_message(self, *_: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def with_an_error(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_error(503)


def too_late(handler: http.server.BaseHTTPRequestHandler) -> None:
    time.sleep(4)
    with contextlib.suppress(OSError):
        handler.send_error(503)


@pytest.mark.parametrize("answer", [with_an_error, too_late])
def test_a_server_that_fails_or_is_slow_loses_nothing(
    tmp_path: Path,
    whole: dict[str, str],
    answer: Callable[[http.server.BaseHTTPRequestHandler], None],
) -> None:
    make_study(tmp_path)
    with answering(answer) as uri:
        done = suite(tmp_path, "run", "tiny", **ENOUGH, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 1
    assert "all are safe in the journal" in one_line(done.stderr)
    assert digests(tmp_path) == whole
    completed(tmp_path, whole)


def test_a_store_that_another_process_locks_loses_nothing(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    make_study(tmp_path)
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    smoke = digests(tmp_path)
    locker = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    refused = suite(tmp_path, "run", "tiny")
    assert refused.returncode == 2
    assert one_line(refused.stderr).endswith("cannot be written: database is locked")
    assert digests(tmp_path) == smoke
    locker.execute("ROLLBACK")

    process = start(tmp_path)
    wait_for_trials(process, tmp_path, len(smoke) + 2)
    locker.execute("BEGIN EXCLUSIVE")
    while ran(tmp_path) < len(smoke) + TINY_TRIALS and process.poll() is None:
        time.sleep(0.05)
    locker.execute("ROLLBACK")
    process.communicate()
    suite_json(tmp_path, "run", "tiny")
    assert digests(tmp_path) == whole | smoke
    assert len(stored_trials(tmp_path)) == len(whole | smoke)


# --- Trials -----------------------------------------------------------------------------------

LARGE_STUDY = '''
"""One cell needs more memory than there is."""

from suite import Budget, Data, Model, Recipe, Study, axis

study = Study(
    title="Large",
    recipe=Recipe(
        data=Data("digits", train_examples=1000),
        model=Model("mlp", widths=(8,)),
        budget=Budget(epochs=None, steps=2),
        batch_size=1000,
    ),
    grid=(axis("model.widths", ((8,), (200_000, 8, 200_000, 8, 200_000))),),
    seeds=1,
)
'''


def test_a_trial_without_the_memory_it_needs_fails_and_the_others_do_not(tmp_path: Path) -> None:
    make_study(tmp_path, LARGE_STUDY, "large")
    limit = 5 << 30
    done = subprocess.run(
        command("run", "large", "--json", "--strategy", "sequential"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 1, done.stderr
    assert "1 trials failed" in done.stderr or "1 trial failed" in done.stderr
    records = Journal(tmp_path / ".thumbrules" / "journal.jsonl").records.values()
    ends = {record.outcome.status: record.outcome.error for record in records}
    assert set(ends) == {Status.FINISHED, Status.FAILED}
    assert "memory" in ends[Status.FAILED]


PROBE_STUDY = '''
"""A probe that raises at one of its levels."""

from suite import Study, axis


def measure(cell, seed):
    if cell["size"] == 2:
        raise ZeroDivisionError("no such size")
    return {"test/loss": 1.0 / cell["size"]}


study = Study(title="Raises", probe=measure, grid=(axis("size", (1, 2, 3)),), seeds=2)
'''


def test_a_probe_that_raises_fails_its_trials_alone(tmp_path: Path) -> None:
    make_study(tmp_path, PROBE_STUDY, "raises")
    done = suite(tmp_path, "run", "raises", "--json")
    assert done.returncode == 1
    assert "trials failed" in one_line(done.stderr)
    assert json.loads(done.stdout)["ran"] == 6
    records = Journal(tmp_path / ".thumbrules" / "journal.jsonl").records.values()
    failed = [one.outcome.error for one in records if one.outcome.status is Status.FAILED]
    assert failed == ["ZeroDivisionError: no such size (studies/raises.py, line 9)"] * 2


def test_a_clock_that_goes_backwards_makes_no_time_negative(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours = itertools.count(1_000_000_000, -3600)
    monkeypatch.setattr(time, "time", lambda: float(next(hours)))
    recipe = Recipe(data=Data("digits", train_examples=60), budget=Budget(epochs=1))
    bundle = tuple(Trial("t", "main", {}, recipe, seed) for seed in range(3))
    with Sequential("cpu") as strategy:
        done = [*strategy.run([bundle]), *strategy.run((trial,) for trial in bundle)]
    assert len(done) == 6
    assert all(one.started <= one.finished for one in done)

"""Names, places and surroundings that are not as here: each works or is told in one line."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite.tracking import location
from suite.tracking.journal import Journal
from tests.command_line import TINY_STUDY, command, make_study, suite, suite_json, suite_process

ONE = TINY_STUDY.replace("seeds=3", "seeds=1")


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("größe", "groe"),
        ("my study", "my_study"),
        ("lr-0.1", "lr_0_1"),
        ("index", "study_index"),
        ("class", "study_class"),
        ("Tiny", "tiny"),
        ("con", "study_con"),
        ("2020", "study_2020"),
        ("x" * 65, "x" * 64),
    ],
)
def test_one_rule_for_names_wherever_a_study_is_named(
    tmp_path: Path, name: str, close: str
) -> None:
    make_study(tmp_path)
    make_study(tmp_path, TINY_STUDY, name)
    for arguments in (("run", name), ("plan", name), ("verdicts", name), ("check", name)):
        done = suite(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert f"(did you mean '{close}'?)" in done.stderr
    (tmp_path / "studies" / f"{name}.py").unlink()
    assert f"(did you mean '{close}'?)" in suite(tmp_path, "new", name).stderr
    assert suite(tmp_path, "plan", "tiny").returncode == 0


def test_a_file_called_studies_is_told(tmp_path: Path) -> None:
    (tmp_path / "studies").write_text("")
    assert (
        suite(tmp_path, "list").stderr == "suite: studies is a file here, not a folder of studies\n"
    )


@pytest.mark.parametrize(
    "left",
    [{"TORCHELASTIC_RUN_ID": "x"}, {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "WORLD_SIZE": "2"}],
)
def test_what_torchrun_left_over_is_not_torchrun(tmp_path: Path, left: dict[str, str]) -> None:
    make_study(tmp_path, ONE)
    assert suite(tmp_path, "plan", "tiny", **left).returncode == 0


def test_modules_in_the_working_directory_are_not_pythons(tmp_path: Path) -> None:
    make_study(tmp_path, ONE)
    for name in ("random", "types", "torch", "numpy", "reports", "logging"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not this one')")
    script = str(Path(sys.executable).with_name("suite"))  # `python -m` itself finds types.py
    done = subprocess.run(
        [script, "run", "tiny", "--tier", "smoke", "--workers", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_standard_output_is_told_in_one_line(tmp_path: Path) -> None:
    make_study(tmp_path)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("list"),
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "suite: standard output cannot be written: No space left on device\n"


def test_a_reader_that_has_had_enough_is_no_fault(tmp_path: Path) -> None:
    make_study(tmp_path)
    first = f"{sys.executable} -m suite list | head -1"
    done = subprocess.run(
        first, cwd=tmp_path, shell=True, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


# --- Secrets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://bob:secret@db.example/x?sslmode=on", "postgresql://db.example/x?sslmode=on"),
        ("postgresql+psycopg://bob:se%40cret@db:5432/x", "postgresql+psycopg://db:5432/x"),
        ("sqlite:////a@b/mlflow.db", "sqlite:////a@b/mlflow.db"),
        ("http://example/a@b", "http://example/a@b"),
    ],
)
def test_an_address_is_shown_without_its_password_and_the_client_gets_it(
    uri: str, shown: str
) -> None:
    assert location.shown(uri) == shown
    assert location.whole(shown) == uri
    assert location.identity(shown) == location.identity(location.shown(uri))


def test_a_password_stands_nowhere(tmp_path: Path) -> None:
    make_study(tmp_path, ONE)
    uri = "http://bob:s3cret@127.0.0.1:1"
    quick = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = suite(tmp_path, "run", "tiny", "--tier", "smoke", "--json", **quick)
    assert done.returncode == 1
    assert "http://127.0.0.1:1" in done.stdout
    for written in (done.stdout, done.stderr):
        assert "s3cret" not in written
    assert suite(tmp_path, "report", **quick).returncode == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if b"s3cret" in path.read_bytes()] == []


def test_what_a_journal_has_of_a_password_is_not_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add_store("postgresql://bob:s3cret@db/x")
    assert Journal(tmp_path / "journal.jsonl").stores == {"postgresql://db/x"}


def test_a_store_s_address_may_have_options(tmp_path: Path) -> None:
    make_study(tmp_path, ONE)
    uri = "sqlite:///other.db?timeout=60"
    assert suite_json(tmp_path, "run", "tiny", "--tier", "smoke", MLFLOW_TRACKING_URI=uri)["ran"]
    assert [path.name for path in tmp_path.glob("*other*")] == ["other.db"]
    done = suite(tmp_path, "run", "tiny", MLFLOW_TRACKING_URI="sqlite:///")
    assert done.returncode == 2
    assert "it names no file, as sqlite:///mlflow.db" in done.stderr


def test_a_port_that_is_used_is_told_at_once(tmp_path: Path) -> None:
    make_study(tmp_path)
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = str(used.getsockname()[1])
        done = suite(tmp_path, "ui", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"port {port} cannot be had" in done.stderr
    nowhere = suite(tmp_path, "ui", MLFLOW_TRACKING_URI="sqlite:////nowhere/mlflow.db")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)


def test_a_store_that_goes_while_it_is_open_is_told_without_a_traceback(tmp_path: Path) -> None:
    make_study(tmp_path, ONE)
    smoke = ("run", "tiny", "--tier", "smoke", "--only", "batch_size=10")
    assert suite(tmp_path, *smoke).returncode == 0
    (tmp_path / "mlflow.db").unlink()
    done = suite(tmp_path, *smoke, "--set", "optimizer.lr=0.02")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)


# --- Other systems ---------------------------------------------------------------------------

WITHOUT = """
import os, signal, sys
import psutil, subprocess  # which have a file of their own for each system
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for module, names in ((os, ("sched_getaffinity", "fork", "getuid")), (signal, ("SIGKILL", "SIGHUP"))):
    for name in names:
        delattr(module, name)
sys.argv = ["suite", "run", "tiny", "--tier", "smoke", "--strategy", "sequential", "--json"]
from suite.cli import main
main()
"""


def test_a_study_runs_where_there_is_nothing_but_python(tmp_path: Path) -> None:
    """As on Windows: locks, cores and signals have other names there, or none."""
    make_study(tmp_path, ONE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ran"] > 0


# --- Small machines --------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="no other system limits addresses so")
def test_without_the_memory_to_load_pytorch_one_line_is_said(tmp_path: Path) -> None:
    import resource

    make_study(tmp_path, ONE)
    limit = 2_500_000 << 10
    for how in (("run", "tiny", "--workers", "2"), ("run", "tiny", "--workers", "1"), ("train",)):
        done = subprocess.run(
            command(*how),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_store_s_address_that_names_no_machine_is_refused(tmp_path: Path) -> None:
    make_study(tmp_path, ONE)
    for uri in ("http://", "http://[", "http://host:port", "postgresql://u:p@h:99999/x"):
        done = suite(tmp_path, "run", "tiny", MLFLOW_TRACKING_URI=uri)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "u:p" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="no other system counts files so")
@pytest.mark.parametrize("limit", [64, 12])
def test_with_few_open_files_it_works_or_one_line_is_said(tmp_path: Path, limit: int) -> None:
    import resource

    make_study(tmp_path, ONE)
    done = subprocess.run(
        command("run", "tiny", "--tier", "smoke", "--workers", "2"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )
    assert "Traceback" not in done.stderr
    if limit == 64:
        assert done.returncode == 0, done.stderr
    else:
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "Too many open files" in done.stderr


# --- Odd surroundings ------------------------------------------------------------------------

HOMELESS = """
import os, pwd, sys


def unknown(_):
    raise KeyError("uid not found")


if __name__ == "__main__":
    pwd.getpwuid = unknown
    for name in ("HOME", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)
    sys.argv = ["suite", "run", "tiny", "--tier", "smoke", "--json"]
    from suite.cli import main

    main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, users are known by other means")
def test_a_user_without_a_home_trains_and_tracks(tmp_path: Path) -> None:
    make_study(tmp_path, ONE)
    (tmp_path / "homeless.py").write_text(HOMELESS)
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "homeless.py"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ran"] > 0
    assert "home" not in done.stderr
    assert [path.name for path in (tmp_path / "tmp").glob("thumbrules-*")] == []
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("clock", ["1970", "2100", "backwards"])
def test_whatever_the_clock_says_a_study_runs_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    make_study(tmp_path, ONE)
    hours = itertools.count(1_000_000_000, -3600)
    says = {
        "1970": lambda: 5.0 + time.perf_counter() % 1000,
        "2100": lambda: 4.1e9 + time.perf_counter() % 1000,
        "backwards": lambda: float(next(hours)),
    }
    monkeypatch.setattr(time, "time", says[clock])
    for asked in (("plan", "tiny"), ("run", "tiny", "--tier", "smoke"), ("verdicts",), ("report",)):
        done = suite(tmp_path, *asked)
        assert done.returncode == 0, done.stderr
    assert suite(tmp_path, "run", "tiny", "--tier", "smoke").returncode == 0


def test_a_terminal_without_letters_shows_what_it_can(tmp_path: Path) -> None:
    make_study(tmp_path, ONE.replace('title="Tiny"', 'title="Größe 大"'))
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    assert suite(tmp_path, "run", "tiny", "--tier", "smoke").returncode == 0
    for asked in (("list",), ("run", "tiny", "--tier", "smoke"), ("report",), ("verdicts",)):
        done = suite_process(tmp_path, *asked, **plain)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.isascii()

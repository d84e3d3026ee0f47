"""A remote tracking server answers as the local store does, whatever database is behind it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suite.tracking.mlflow_store import Store
from tests.command_line import SMOKE_TRIALS, make_study, suite, suite_json
from tests.servers import mlflow_server, postgres, postgres_programs

# What differs between two stores of the same records, and between two runs of the same trials.
OWN = ("mlflow.", "thumbrules.commit", "cost/")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on PostgreSQL where its programs are; `test_faults` has one on SQLite."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres()) if postgres_programs() else ""
        yield stack.enter_context(
            mlflow_server(tmp_path_factory.mktemp("server"), backend=database)
        )


def told(uri: str) -> dict[str, Any]:
    """Return what a store says of each trial of the study, whatever the store chose itself."""
    store = Store(uri)
    return {
        trial: (
            run.info.run_name,
            run.info.status,
            {key: value for key, value in run.data.params.items()},
            {key: value for key, value in run.data.metrics.items() if not key.startswith(OWN)},
            {key: value for key, value in run.data.tags.items() if not key.startswith(OWN)},
            [(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs],
            sorted(file.path for file in store.client.list_artifacts(run.info.run_id)),
        )
        for trial, run in store.runs("tiny").items()
    }


def test_a_server_holds_what_a_local_store_does(server: str, tmp_path: Path) -> None:
    make_study(tmp_path)
    remote = {"MLFLOW_TRACKING_URI": server}
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    # The journal has it all: the server is brought up to date, and nothing trains again.
    assert suite_json(tmp_path, "run", "tiny", "--tier", "smoke", **remote)["ran"] == 0
    here, there = told(f"sqlite:///{tmp_path}/mlflow.db"), told(server)
    assert len(here) == SMOKE_TRIALS
    assert there == here
    reported = suite(tmp_path, "report", **remote)
    assert reported.returncode == 0, reported.stderr
    page = (tmp_path / "reports/html/tiny.html").read_text()
    assert f'href="{server}/#/experiments/' in page
    assert "viewStateShareKey=thumbrules-varied" in page
    verdicts = suite_json(tmp_path, "verdicts", "tiny")
    shutil.rmtree(tmp_path / ".thumbrules")
    (tmp_path / "mlflow.db").unlink()
    assert suite_json(tmp_path, "verdicts", "tiny", **remote) == verdicts
    again = suite_json(tmp_path, "run", "tiny", "--tier", "smoke", **remote)
    assert (again["ran"], again["cached"]) == (0, SMOKE_TRIALS)
    assert told(server) == there


def test_a_dead_server_does_not_hide_what_the_journal_has(tmp_path: Path) -> None:
    make_study(tmp_path)
    make_study(tmp_path, name="other")
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    dead = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = suite(tmp_path, "verdicts", **dead)
    assert done.returncode == 0, done.stderr
    assert "Ten beats twenty." in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.endswith("what is in the journal is shown")
    assert suite(tmp_path, "verdicts", "other", **dead).returncode == 2


def test_a_database_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    make_study(tmp_path)
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    nowhere = "postgresql://127.0.0.1:9/none"
    done = suite(tmp_path, "compare", ".", nowhere)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"suite: the tracking store {nowhere} cannot be asked: ")

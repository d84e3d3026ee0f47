"""A machine without mlflow, and one that has it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.command_line import (
    TINY_TRIALS,
    stored_trials,
    suite,
    suite_json,
    suite_process,
)
from tests.tracking.test_archive import here, home, packed


@pytest.fixture
def without_mlflow(tmp_path: Path) -> dict[str, str]:
    """An environment in which mlflow cannot be imported."""
    stub = tmp_path / "hidden" / "mlflow"
    stub.mkdir(parents=True)
    text = "raise ModuleNotFoundError(\"No module named 'mlflow'\", name='mlflow')\n"
    (stub / "__init__.py").write_text(text)
    paths = [str(stub.parent), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def test_a_machine_without_mlflow_runs_exports_and_another_imports(
    tmp_path: Path, without_mlflow: dict[str, str]
) -> None:
    far, near = home(tmp_path / "far"), home(tmp_path / "near")
    arguments = ("run", "tiny", "--tier", "smoke", "--strategy", "sequential", "--json")
    done = suite_process(far, *arguments, **without_mlflow)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    (told,) = [line for line in done.stderr.splitlines() if "mlflow" in line]
    assert "mlflow cannot be imported here (No module named 'mlflow')" in told
    assert "`suite export FILE`" in told
    assert not (far / "mlflow.db").exists()
    ran = json.loads(done.stdout)
    again = json.loads(suite(far, *arguments, **without_mlflow).stdout)
    assert (again["ran"], again["cached"]) == (0, ran["ran"])

    assert suite(far, "export", "results.tar.zst", **without_mlflow).returncode == 0
    form = suite_json(near, "import", str(far / "results.tar.zst"))
    assert form["added"] == ran["ran"]
    assert len(stored_trials(near)) == ran["ran"]
    assert suite_json(near, "verdicts")["studies"] == ran["studies"]


def test_what_was_imported_without_mlflow_is_logged_by_the_next_run_with_it(
    packed: Path, without_mlflow: dict[str, str]
) -> None:
    done = suite_process(Path(), "import", str(packed), **without_mlflow)
    assert done.returncode == 0, done.stderr
    assert "mlflow cannot be imported here" in done.stderr
    assert not Path("mlflow.db").exists()
    form = suite_json(Path(), "run", "tiny")
    assert (form["ran"], form["cached"]) == (0, TINY_TRIALS)
    assert len(stored_trials(Path())) == TINY_TRIALS

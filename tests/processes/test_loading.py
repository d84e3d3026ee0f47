"""What a new process loads, and what it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import make_study, suite_json
from tests.test_architecture import ROOT

LOADED = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"


def loaded_by(code: str) -> set[str]:
    """Return the packages that a new Python process has loaded after `code`."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split())


QUICK = {
    "loading every study": "import suite, suite.vocabulary.discovery as d\n"
    "for name in d.names():\n    study = d.load(name); study.trials(study.grids())",
    "the command line": "import suite.cli",
    "planning": "import suite.execution.plan",
}


@pytest.mark.parametrize("code", QUICK.values(), ids=QUICK)
def test_what_must_answer_at_once_loads_nothing_large(code: str) -> None:
    loaded = loaded_by(code)
    assert "suite" in loaded
    assert not loaded & {"torch", "torchvision", "pandas", "mlflow", "scipy", "sklearn"}


@pytest.mark.parametrize(
    "module",
    ["suite.evidence", "suite.language.effects", "suite.tracking", "suite.runs.coordinator"],
)
def test_evidence_and_tracking_load_no_torch(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"torch", "torchvision"}


def test_a_plan_of_what_is_there_already_loads_no_torch(tmp_path: Path) -> None:
    make_study(tmp_path)
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    loaded = loaded_by(
        f"import os, sys; os.chdir({str(tmp_path)!r}); sys.argv = 'suite plan tiny --tier smoke'.split()\n"
        "from suite.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code"
    )
    assert not loaded & {"torch", "pandas", "mlflow"}

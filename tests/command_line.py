"""Calling the command line: in this process, or as a user does, in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from suite.cli import main
from suite.vocabulary import discovery
from suite.vocabulary.metrics import METRICS

TINY_STUDY = '''
"""Small enough to run in a test."""

from suite import Budget, Data, Difference, Model, Optimizer, Part, Recipe, Study, axis, curves, lines

study = Study(
    title="Tiny",
    question="Does a test end?",
    recipe=Recipe(
        data=Data("digits", train_examples=200),
        model=Model("mlp", widths=(8,), dropout=0.1),
        optimizer=Optimizer("sgd", momentum=0.9),
        budget=Budget(epochs=3),
        batch_size=20,
    ),
    grid=(axis("batch_size", (10, 20)), axis("optimizer.lr", (0.01, 0.03, 0.1))),
    seeds=3,
    parts=(Part("timing", changes={"optimizer.lr": 0.1}, grid=(axis("batch_size", (10, 20)),), alone=True),),
    claims=(
        Difference(
            of="test/accuracy", arm={"batch_size": 10}, against={"batch_size": 20},
            direction="higher", matters=0.01, says="Ten beats twenty.", source="",
        ),
    ),
    views=(
        lines("test/accuracy", over="batch_size", tuned=True),
        curves("validation/loss", colour="batch_size", tuned=True),
    ),
    tiers={"smoke": {"seeds": 2, "budget.epochs": 1}},
)
'''
TINY_TRIALS = 2 * 3 * 3 + 2 * 3
SMOKE_TRIALS = 2 * 3 * 2 + 2 * 2


def make_study(folder: Path, text: str = TINY_STUDY, name: str = "tiny") -> None:
    (folder / "studies").mkdir(exist_ok=True)
    (folder / "studies" / f"{name}.py").write_text(text)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "suite", *arguments]


def suite(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call the command line in this process; a run trains here too, unless told how else."""
    if arguments[0] in ("run", "try") and not {"--workers", "--strategy"} & set(arguments):
        arguments = (*arguments, "--workers", "1")
    out, err = io.StringIO(), io.StringIO()
    for helper in discovery._HELPERS:  # a new process has imported nothing beside a study
        sys.modules.pop(helper, None)
    on_interrupt = signal.getsignal(signal.SIGINT)
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environment),
        mock.patch.dict(METRICS),  # a study's own are gone with it
        mock.patch.dict(discovery._LOADED, clear=True),  # as a new process has read none
        mock.patch.object(sys, "argv", ["suite", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(str(ended.code or 0))
        finally:
            signal.signal(signal.SIGINT, on_interrupt)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def suite_process(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Call the command line as a user does, in a process of its own."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def suite_json(folder: Path, *arguments: str, **environment: str) -> Any:
    done = suite(folder, *arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def stored_trials(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Return what MLflow has of each trial of `tiny`; fail if it has one twice."""
    from suite.tracking.mlflow_store import RECORD_FILE, TRIAL, Store

    store = Store(f"sqlite:///{folder}/mlflow.db")
    runs = list(store._search("tiny", "tags.`thumbrules.kind` = 'trial'"))
    ids = [run.data.tags[TRIAL] for run in runs]
    assert len(set(ids)) == len(ids), "a trial is in the store twice"
    assert all(run.info.status == "FINISHED" for run in runs)
    found = {}
    for run in runs:
        record = store._read(run.info.run_id, RECORD_FILE)
        metrics = {k: v for k, v in run.data.metrics.items() if not k.startswith("cost/")}
        found[run.data.tags[TRIAL]] = (record["outcome"]["weights_digest"], metrics)
    return found


def refused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run the command line in this process; return the one line it printed."""
    before = sorted(Path().rglob("*"))
    monkeypatch.setattr(sys, "argv", ["suite", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    left = [path for path in sorted(Path().rglob("*")) if "__pycache__" not in path.parts]
    assert left == [path for path in before if "__pycache__" not in path.parts]
    return err

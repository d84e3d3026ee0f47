"""Result sets of `tiny` with known numbers: records that no training made."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from suite.ground.identity import canonical
from suite.runs.coordinator import Request
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Execution, Outcome, Provenance, Record, ResultSet, Status
from suite.vocabulary.study import Study
from tests.command_line import make_study

PROVENANCE = Provenance(
    commit="c0ffee",
    dirty=False,
    packages={"torch": "2.0"},
    python="3.11",
    platform="here",
    processor="one",
    device="cpu",
    strategy="packed",
    workers=2,
    threads=1,
    command="",
    started=1.0,
    finished=2.0,
)
NOISE = (0.001, -0.002, 0.001, 0.0, 0.002, -0.002)


def ten_beats_twenty(trial: Trial) -> float:
    """Test accuracy: 0.9 at batch size 10, 0.8 at 20, and a little luck of each seed."""
    luck = NOISE[trial.seed] * (1 if trial.cell["batch_size"] == 10 else -1)
    return (0.9 if trial.cell["batch_size"] == 10 else 0.8) + luck


def record_of(trial: Trial, accuracy: float, **changes: Any) -> Record:
    """A record whose validation is best in the middle of the grid of rates."""
    best = getattr(trial.recipe, "optimizer").lr == 0.03
    final = {"test/accuracy": accuracy, "validation/accuracy": 0.9 if best else 0.5}
    if trial.alone:
        final["cost/seconds"] = changes.get("seconds", 1.0)
    return Record(
        id=trial.id,
        study=trial.study,
        part=trial.part,
        cell=canonical(dict(trial.cell)),
        recipe=canonical(trial.recipe),
        seed=trial.seed,
        alone=trial.alone,
        outcome=Outcome(
            status=Status.FINISHED,
            final=final,
            curves={"validation/accuracy": [(1.0, 0.5)]},
            weights_digest=f"{accuracy}",
            data_digest="d" * 64,
        ),
        provenance=dataclasses.replace(PROVENANCE, **changes.get("ran", {})),
    )


def results_of(
    study: Study, accuracy: Callable[[Trial], float] = ten_beats_twenty, **changes: Any
) -> tuple[Execution, list[Record]]:
    """A run of all trials of a study, and their records."""
    request = Request(study, only=changes.get("only", {}))
    execution = dataclasses.replace(
        request.execution(request.trials), started=changes.get("started", 10.0)
    )
    return execution, [record_of(trial, accuracy(trial), **changes) for trial in request.trials]


def make_results(
    folder: Path, accuracy: Callable[[Trial], float] = ten_beats_twenty, **changes: Any
) -> Path:
    """Write the journal of a folder in which every study of the working directory has run."""
    folder.mkdir(exist_ok=True)
    if not (folder / "studies").exists():
        shutil.copytree("studies", folder / "studies")
    journal = Journal(folder / ".thumbrules" / "journal.jsonl")
    for name in discovery.names():
        execution, records = results_of(discovery.load(name), accuracy, **changes)
        journal.extend([*records, execution])
    return folder


def workplace(folder: Path) -> Path:
    """Make a folder with the study `tiny` and nothing else, and go there."""
    make_study(folder)
    os.chdir(folder)
    return folder


def as_set(folder: Path) -> ResultSet:
    journal = Journal(folder / ".thumbrules" / "journal.jsonl")
    return ResultSet(journal.records, {one.study: one for one in journal.executions})


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / ".thumbrules" / "journal.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]

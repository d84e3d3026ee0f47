"""Several devices train what one device trains, and a team outlives its members."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.execution.plan import make_plan
from suite.execution.strategy import Finished
from suite.execution.teams import Teams
from suite.ground.errors import RequestError
from suite.models.layers import SynchronisedBatchNorm
from suite.tracking.journal import Journal
from suite.training import train
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.model import Model
from suite.vocabulary.optimizer import Optimizer
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.record import Outcome, Status
from tests.command_line import make_study, suite, suite_json

# 303 examples in batches of 32 end in a batch of 15, which two devices divide unequally.
ONE = Recipe(
    data=Data("digits", train_examples=303),
    model=Model("mlp", widths=(16,)),
    batch_size=32,
    budget=Budget(epochs=2),
)
NORMALISED = dataclasses.replace(ONE, model=Model("mlp", widths=(16,), norm="synchronised"))
RESNET = dataclasses.replace(
    ONE, model=Model("resnet", depth=8, channels=4, norm="synchronised"), budget=Budget(epochs=1)
)
PARTED = dataclasses.replace(ONE, gradient_accumulation=3)
ADAM = dataclasses.replace(ONE, optimizer=Optimizer("adamw", lr=0.01, weight_decay=0.1))
# Names are of unequal length, so shards have unequally many positions to answer.
NAMES = dataclasses.replace(
    ONE,
    data=Data("surnames", train_examples=303, validation_examples=200),
    model=Model("transformer", layers=1, width=8, heads=2, tied=True),
)


STUDY = '''
"""Two processes share a batch, or one has it all."""

from suite import Budget, Data, Model, Recipe, Study, axis

study = Study(
    title="Spread",
    recipe=Recipe(
        data=Data("digits", train_examples=303),
        model=Model("mlp", widths=(16,), norm="synchronised", dropout=0.2),
        batch_size=32,
        budget=Budget(epochs=2),
    ),
    grid=(axis("devices", (1, 2)),),
    seeds=2,
)
'''


def trial(recipe: Recipe, devices: int = 2) -> Trial:
    return Trial("test", "main", {}, dataclasses.replace(recipe, devices=devices), 0)


def alone(strategy: Teams, one: Trial) -> Finished:
    (finished,) = strategy.run_alone([one])
    return finished


@pytest.fixture(scope="module")
def strategy() -> Iterator[Teams]:
    with Teams("cpu") as strategy:
        yield strategy


@pytest.mark.parametrize(
    "recipe",
    [ONE, NORMALISED, RESNET, ADAM, PARTED, NAMES],
    ids=["sgd", "batch norm", "resnet", "adamw", "in parts", "sequences"],
)
@pytest.mark.parametrize("devices", [2, 3])
def test_several_devices_train_what_one_trains(
    strategy: Teams, recipe: Recipe, devices: int
) -> None:
    several = alone(strategy, trial(recipe, devices)).outcome
    one = train(recipe, 0)
    assert several.status is Status.FINISHED, several.error
    assert several.initial_digest == one.initial_digest
    for name, curve in one.curves.items():
        assert dict(several.curves[name]) == pytest.approx(dict(curve), rel=1e-4), name
    assert several.final == pytest.approx(one.final, rel=1e-4)


def test_the_same_trial_on_as_many_devices_gives_the_same_bits(strategy: Teams) -> None:
    dropout = dataclasses.replace(ONE, model=Model("mlp", widths=(16,), dropout=0.5))
    first, second = (alone(strategy, trial(dropout)).outcome for _ in range(2))
    assert first.weights_digest == second.weights_digest
    assert first.curves == second.curves


def test_batch_norm_on_each_shard_is_another_training(strategy: Teams) -> None:
    batch = dataclasses.replace(ONE, model=Model("mlp", widths=(16,), norm="batch"))
    several = alone(strategy, trial(batch)).outcome
    assert several.final["train/loss"] != pytest.approx(
        train(batch, 0).final["train/loss"], rel=1e-3
    )


def test_all_devices_stop_where_one_diverges(strategy: Teams) -> None:
    recipe = dataclasses.replace(ONE, optimizer=Optimizer("sgd", lr=1e30))
    assert alone(strategy, trial(recipe)).outcome.status is Status.DIVERGED


def test_a_batch_too_small_to_divide_fails_and_the_next_trial_runs(strategy: Teams) -> None:
    recipe = dataclasses.replace(ONE, data=Data("digits", train_examples=33))
    failed = alone(strategy, trial(recipe)).outcome
    assert failed.status is Status.FAILED
    assert "a batch of 1 is too small for 2 devices" in failed.error
    assert alone(strategy, trial(ONE)).outcome.status is Status.FINISHED


def test_a_killed_device_costs_its_trial_a_retry() -> None:
    long = dataclasses.replace(ONE, budget=Budget(epochs=100))
    with Teams("cpu") as strategy:
        before = alone(strategy, trial(long)).outcome
        pids = strategy.teams[2].processes
        victim = next(one for one in multiprocessing.active_children() if one.pid in pids)
        threading.Timer(0.3, victim.kill).start()
        after = alone(strategy, trial(long)).outcome
        assert strategy.teams[2].processes.isdisjoint({victim.pid})
        assert after.weights_digest == before.weights_digest
    time.sleep(0.5)
    assert not {one.pid for one in multiprocessing.active_children()} & pids


def test_synchronised_on_one_device_is_batch_normalisation() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(20, 4)
    ours, theirs = SynchronisedBatchNorm(4), torch.nn.BatchNorm1d(4)
    assert torch.equal(ours(inputs), theirs(inputs))


def test_more_devices_than_examples_in_a_batch_are_refused() -> None:
    with pytest.raises(RequestError, match="a batch of 2 is too small for 3 devices"):
        Recipe(batch_size=2, devices=3)


def test_the_plan_puts_what_is_timed_on_one_and_on_two_devices_into_one_cohort() -> None:
    trials = [
        dataclasses.replace(trial(ONE, count), alone=True, seed=seed)
        for count in (1, 2)
        for seed in (0, 1)
    ]
    (cohort,) = make_plan(trials, lambda _: False, device="cpu").cohorts
    assert cohort.strategy == "data_parallel"
    assert [(one.seed, one.devices) for one in cohort.trials] == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_train_takes_devices(tmp_path: Path) -> None:
    form = suite_json(
        tmp_path,
        "train",
        "--set",
        "data.name=digits",
        "--set",
        "budget.epochs=1",
        "--set",
        "devices=2",
    )
    assert form["status"] == "finished"
    refused = suite(tmp_path, "train", "--set", "devices=0")
    assert refused.returncode == 2


def launched(folder: Path, processes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), "-m", "suite", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def fail_of_the_other_s_death(trial: Trial, device: str, _: object) -> Finished:
    """Die, or fail when the other has died, the first time; `study` is where that is noted."""
    from torch import distributed

    dead = Path(trial.study) / "dead"
    first = not (Path(trial.study) / "again").exists()
    if first and distributed.get_rank() == 1:
        dead.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    while first and not dead.exists():
        time.sleep(0.01)
    if first:
        time.sleep(0.5)
        (Path(trial.study) / "again").touch()
        return Finished(trial, Outcome(status=Status.FAILED, error="connection closed"), 0.0, 0.0)
    return Finished(trial, Outcome(status=Status.FINISHED), 0.0, 0.0)


def test_a_device_that_fails_since_another_died_costs_a_retry(
    strategy: Teams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.execution.teams.run_trial", fail_of_the_other_s_death)
    monkeypatch.setattr("suite.execution.teams.wait", slowly)
    recipe = dataclasses.replace(ONE, devices=2)
    finished = alone(strategy, Trial(str(tmp_path), "main", {}, recipe, 0))
    assert finished.outcome.status is Status.FINISHED


def slowly(futures: Any, return_when: str) -> Any:
    """Wait, but look at what failed before what died, as may happen."""
    done, waiting = concurrent.futures.wait(futures)
    fine = {future for future in done if future.exception() is None}
    return fine or done, waiting | (done - fine if fine else set())


def test_torchrun_brings_the_processes_and_the_bits_are_the_same(tmp_path: Path) -> None:
    make_study(tmp_path, STUDY, "spread")
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        shutil.copytree(tmp_path / "studies", folder / "studies")
    done = launched(there, 2, "run", "spread", "--json")
    assert done.returncode == 0, done.stderr
    assert suite_json(here, "run", "spread")["ran"] == 4
    ours, theirs = (
        Journal(folder / ".thumbrules" / "journal.jsonl").records for folder in (here, there)
    )
    assert len(ours) == 4
    for name, record in ours.items():
        assert record.outcome.status is Status.FINISHED
        assert record.outcome == theirs[name].outcome
    # All are in the store: rank 0 has nothing to hand out, and the others end all the same.
    again = launched(there, 2, "run", "spread", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["ran"] == 0


def test_torchrun_ends_every_process_in_order(tmp_path: Path) -> None:
    """Several times: one in three ended in an abort while connections were left open."""
    for _ in range(3):
        done = launched(tmp_path, 2, "list")
        assert done.returncode == 0, done.stderr


def test_torchrun_with_too_few_processes_is_refused_in_one_line(tmp_path: Path) -> None:
    refused = launched(tmp_path, 2, "train", "--set", "data.name=digits", "--set", "devices=3")
    line = (
        "suite: devices=3 needs as many processes, and torchrun started 2 (did you mean devices=2?)"
    )
    assert refused.returncode != 0
    assert line in refused.stderr.splitlines()

"""Killed processes go on from their checkpoints."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from pathlib import Path

import pytest

from suite import Budget, Model
from suite.execution.packed import Packed
from suite.execution.strategy import Checkpoints, Finished
from suite.execution.teams import Teams
from suite.training import train
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Status
from tests.training.test_checkpoints import OPTIMIZERS, SEED, VARIANTS


def kill_once(folder: Path, name: str) -> None:
    """Kill a worker as soon as the file of that name is there."""
    while not (folder / name).exists():
        time.sleep(0.002)
    multiprocessing.active_children()[0].kill()


def while_killing(folder: Path, name: str) -> multiprocessing.pool.ThreadPool:
    from multiprocessing.pool import ThreadPool

    pool = ThreadPool(1)
    pool.apply_async(kill_once, (folder, name))
    return pool


def bits(finished: Finished) -> tuple[object, ...]:
    outcome = finished.outcome
    return outcome.status, outcome.weights_digest, dict(outcome.final), dict(outcome.curves)


# Long enough to be killed in the middle, which a checkpoint's first file announces.
LONG = dataclasses.replace(
    VARIANTS["dropout"], optimizer=OPTIMIZERS["adam"], budget=Budget(epochs=300, evaluations=7)
)


def test_a_killed_worker_s_trial_goes_on_where_it_was(tmp_path: Path) -> None:
    trial = Trial("test", "main", {}, LONG, SEED)
    with Packed("cpu", 1, Checkpoints(tmp_path, 0.0)) as strategy:
        with while_killing(tmp_path, trial.id):
            (finished,) = strategy.run([(trial,)])
    assert bits(finished)[1:] == bits(Finished(trial, train(LONG, SEED), 0, 0))[1:]
    assert finished.outcome.status is Status.FINISHED


@pytest.mark.parametrize("devices", [2, 3])
def test_a_killed_device_s_trial_goes_on_where_it_was(tmp_path: Path, devices: int) -> None:
    """Three devices sum in an order that depends on how their messages are laid out."""
    recipe = dataclasses.replace(
        LONG,
        devices=devices,
        model=Model(widths=(12, 12), dropout=0.3, norm="batch"),
        budget=Budget(epochs=15, evaluations=4),
    )
    trial = Trial("test", "main", {}, recipe, SEED)
    with Teams("cpu", Checkpoints(tmp_path, 0.0)) as teams:
        with while_killing(tmp_path, f"{trial.id}-1"):
            (after,) = teams.run_alone([trial])
        teams.checkpoints = None
        (whole,) = teams.run_alone([trial])
    assert whole.outcome.status is Status.FINISHED
    assert bits(after) == bits(whole)

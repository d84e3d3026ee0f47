"""Packed equals sequential bit for bit, with any number of workers, and outlives its workers."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from suite.execution.packed import Packed
from suite.execution.pool import run_bundle
from suite.execution.sequential import Sequential
from suite.execution.strategy import Bundle, Finished
from suite.ground.errors import RequestError
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.model import Model
from suite.vocabulary.optimizer import Optimizer
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.record import Status

DIGITS = Data("digits", train_examples=300)
RECIPES = (
    Recipe(data=DIGITS, model=Model("mlp", widths=(16,), dropout=0.3), budget=Budget(epochs=2)),
    Recipe(
        data=DIGITS,
        model=Model("mlp", widths=(16,), norm="batch"),
        optimizer=Optimizer("adam", lr=0.01),
        budget=Budget(epochs=2),
    ),
    Recipe(data=Data("mnist5k", train_examples=200), model=Model("lenet"), budget=Budget(epochs=1)),
    Recipe(data=DIGITS, optimizer=Optimizer("sgd", lr=1e30), budget=Budget(epochs=1)),
)
TRIALS = [Trial("test", "main", {}, recipe, seed) for recipe in RECIPES for seed in range(2)]
BUNDLES = [(trial,) for trial in TRIALS]


def bits(finished: Finished) -> tuple[object, ...]:
    outcome = finished.outcome
    return (
        str(outcome.status),
        outcome.initial_digest,
        outcome.weights_digest,
        outcome.data_digest,
        tuple(sorted(outcome.final.items())),
        tuple((name, tuple(curve)) for name, curve in sorted(outcome.curves.items())),
    )


@pytest.fixture(scope="module")
def sequential() -> dict[str, tuple[object, ...]]:
    with Sequential("cpu") as strategy:
        return {finished.trial.id: bits(finished) for finished in strategy.run(BUNDLES)}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_packed_equals_sequential_bit_for_bit(
    workers: int, sequential: dict[str, tuple[object, ...]]
) -> None:
    with Packed("cpu", workers) as strategy:
        packed = {finished.trial.id: bits(finished) for finished in strategy.run(BUNDLES)}
    assert packed == sequential


def test_the_trials_above_cover_what_they_should(
    sequential: dict[str, tuple[object, ...]],
) -> None:
    assert len(sequential) == len(TRIALS)
    assert {outcome[0] for outcome in sequential.values()} == {"finished", "diverged"}


def long_bundles(count: int) -> list[Bundle]:
    recipe = Recipe(data=DIGITS, budget=Budget(epochs=150))
    return [(Trial("test", "main", {}, recipe, seed),) for seed in range(count)]


def test_a_worker_that_dies_costs_its_trial_a_retry() -> None:
    killed = False
    finished = []
    with Packed("cpu", 2) as strategy:
        for one in strategy.run(long_bundles(8)):
            finished.append(one)
            if not killed:
                killed = True
                victim = multiprocessing.active_children()[0]
                os.kill(victim.pid or 0, signal.SIGKILL)
    assert sorted(one.trial.seed for one in finished) == list(range(8))
    assert {one.outcome.status for one in finished} == {Status.FINISHED}


def test_a_trial_that_kills_every_worker_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with Packed("cpu", 1) as strategy:
        finished = []
        for one in strategy.run(long_bundles(1)):
            finished.append(one)
        assert finished[0].outcome.status is Status.FINISHED
        monkeypatch.setattr("suite.execution.packed.run_bundle", _die)
        (dead,) = strategy.run(long_bundles(1))
        monkeypatch.undo()
        (alive,) = strategy.run(long_bundles(1))
    assert dead.outcome.status is Status.FAILED
    assert "died 2 times" in dead.outcome.error
    assert bits(alive) == bits(finished[0])


def _die(bundle: Bundle, device: str, checkpoints: None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_trials_that_kill_their_workers_cost_the_others_nothing(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.execution.packed.run_bundle", _die_with_odd_seeds)
    with Packed("cpu", workers) as strategy:
        finished = list(strategy.run(BUNDLES))
    assert {one.trial.id for one in finished} == {trial.id for trial in TRIALS}
    assert len(finished) == len(TRIALS)
    for one in finished:
        assert (one.outcome.status is Status.FAILED) == (one.trial.seed % 2 == 1)


def _die_with_odd_seeds(bundle: Bundle, device: str, checkpoints: None) -> list[Finished]:
    if bundle[0].seed % 2:
        _die(bundle, device, checkpoints)
    return run_bundle(bundle, device)


def test_an_error_inside_a_trial_is_its_outcome() -> None:
    recipe = Recipe(data=Data("digits", train_examples=20_000))
    with Sequential("cpu") as strategy:
        (finished,) = strategy.run([(Trial("test", "main", {}, recipe, 0),)])
    assert finished.outcome.status is Status.FAILED
    assert "not 20000" in finished.outcome.error


def test_workers_that_die_as_they_start_are_replaced() -> None:
    with Packed("cpu", 2) as strategy:
        for worker in set(multiprocessing.active_children()) - strategy.others:
            worker.kill()
        strategy.check([RECIPES[0]])
        assert strategy.memory.of((Trial("t", "main", {}, RECIPES[0], 0),)) > 0


def test_workers_that_cannot_start_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.execution.packed._check", dies)
    with Packed("cpu", 1) as strategy, pytest.raises(RequestError, match="died twice before"):
        strategy.check([RECIPES[0]])


def dies(*_: object) -> int:
    os._exit(1)

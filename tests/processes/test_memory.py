"""Trials in processes: memory they take, and waiting for each other's."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from suite.execution.memory import kind
from suite.execution.packed import Packed
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Budget
from suite.vocabulary.record import Status
from tests.execution.test_memory import SMALL


def overlap(found: list[tuple[float, float]]) -> bool:
    return any(later[0] < earlier[1] for earlier, later in zip(found, found[1:]))


# Longer than one of two workers may start behind the other.
LONG = dataclasses.replace(SMALL, budget=Budget(epochs=200))


def spans(memory: int | None) -> list[tuple[float, float]]:
    with Packed("cpu", 2) as strategy:
        strategy.check([LONG])
        if memory is not None:
            strategy.memory.budget = memory * strategy.memory.needs[kind(LONG)]
        done = list(strategy.run((Trial("t", "main", {}, LONG, seed),) for seed in range(6)))
    assert all(one.outcome.status is Status.FINISHED for one in done)
    return sorted((one.started, one.finished) for one in done)


PEAK = """
from suite import *
from suite.data import load
from suite.models import build
from suite.training import determinism, train
from suite.training.footprint import footprint

determinism.enforce(1)
recipe = {recipe}
examples = load(recipe.data, 0)
network = build(recipe.model, examples.shape, examples.outputs, 0)


def status(name):
    (line,) = (one for one in open("/proc/self/status") if one.startswith(name))
    return int(line.split()[1]) * 1024


before = status("VmRSS:")
train(recipe, 0)
print(status("VmHWM:") - before, footprint(recipe, network, examples))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's figures of a process")
@pytest.mark.parametrize(
    "recipe",
    [
        'Recipe(data=Data("mnist5k"), model=Model("lenet"), batch_size=2000, budget=Budget(epochs=2))',
        'Recipe(data=Data("digits"), model=Model("mlp", widths=(4096, 4096)), '
        'optimizer=Optimizer("adam"), budget=Budget(epochs=None, steps=3))',
    ],
    ids=["activations", "weights"],
)
def test_the_footprint_is_near_what_a_trial_takes(recipe: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PEAK.format(recipe=recipe)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    taken, said = map(int, done.stdout.split())
    assert 0.8 * taken < said < 2.5 * taken


def test_trials_whose_memory_is_not_there_wait_for_each_other() -> None:
    assert overlap(spans(None))
    assert not overlap(spans(1))
    assert not overlap(spans(0))  # one that never fits runs all the same, alone

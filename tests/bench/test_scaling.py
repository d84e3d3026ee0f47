"""Strong and weak scaling: the packed engine over workers, data parallelism over processes.

Strong: the same work, more of them to do it. Weak: as much work for each. Efficiency is what one
takes over what n take, over n where the work is the same.
"""

from __future__ import annotations

import dataclasses
import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from suite.execution.packed import Packed
from suite.execution.teams import Teams
from suite.ground.processes import cores
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.model import Model
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.record import Status

COUNTS = tuple(sorted({1, 2, cores()} if cores() > 1 else {1}))
NETWORKS = {
    "MLP 784-256-10": Model("mlp", widths=(256,)),
    "LeNet": Model("lenet"),
}
TRIALS = 8  # of one worker
BATCH = 256  # of one process


def recipe(model: Model) -> Recipe:
    return Recipe(data=Data("mnist5k"), model=model, batch_size=64, budget=Budget(epochs=3))


def packed(model: Model, workers: int, trials: int) -> float:
    """Return the seconds of trials, the workers' start aside."""
    made = [(Trial("bench", "main", {}, recipe(model), seed),) for seed in range(trials)]
    with Packed("cpu", workers) as strategy:
        strategy.check([recipe(model)])
        list(strategy.run(made[:1] * workers))
        started = time.perf_counter()
        done = list(strategy.run(made))
    assert all(one.outcome.status is Status.FINISHED for one in done)
    return time.perf_counter() - started


def data_parallel(model: Model, processes: int, batch: int) -> float:
    """Return the seconds of a step, evaluation aside."""
    one = dataclasses.replace(
        recipe(model),
        batch_size=batch,
        devices=processes,
        budget=Budget(epochs=None, steps=60, evaluations=1),
    )
    with Teams("cpu") as strategy:
        trial = Trial("bench", "main", {}, one, 0, alone=True)
        (finished,) = strategy.run_alone([trial])
    assert finished.outcome.status is Status.FINISHED, finished.outcome.error
    return finished.outcome.final["cost/seconds"] / 60


@pytest.mark.parametrize("name", NETWORKS)
def test_scaling(benchmark: BenchmarkFixture, name: str) -> None:
    model = NETWORKS[name]
    strong = {n: packed(model, n, TRIALS * max(COUNTS)) for n in COUNTS}
    weak = {n: packed(model, n, TRIALS * n) for n in COUNTS}
    spread = {n: data_parallel(model, n, BATCH) for n in COUNTS}
    grown = {n: data_parallel(model, n, BATCH * n) for n in COUNTS}
    benchmark.pedantic(packed, args=(model, 1, 1), rounds=1)
    rows = [
        [f"packed, {TRIALS * max(COUNTS)} trials", *(strong[1] / strong[n] / n for n in COUNTS)],
        [f"packed, {TRIALS} trials a worker", *(weak[1] / weak[n] for n in COUNTS)],
        [f"data-parallel, batch {BATCH}", *(spread[1] / spread[n] / n for n in COUNTS)],
        [f"data-parallel, batch {BATCH} a process", *(grown[1] / grown[n] for n in COUNTS)],
    ]
    benchmark.extra_info["table"] = {
        "title": f"Efficiency over workers or processes, {name}",
        "columns": ["work", *map(str, COUNTS)],
        "rows": rows,
    }

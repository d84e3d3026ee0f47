"""How near training comes to what this machine multiplies at most.

The ceiling is the rate of one large product of square float32 matrices on one thread (or the GPU).
A step does its forward products twice more on the way back, less those that would give a gradient
of the inputs; multiply-adds are counted by PyTorch, evaluation is left out.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.utils.flop_counter import FlopCounterMode

from suite.data import Examples, Split
from suite.training import determinism
from suite.training.loop import Run
from suite.vocabulary.data import Data
from suite.vocabulary.model import Model
from suite.vocabulary.recipe import Budget, Recipe

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SIDE = {"cpu": 1536, "cuda": 8192}
NETWORKS = {
    "softmax, 784": (Model("softmax"), (1, 28, 28)),
    "MLP 784-256-10": (Model("mlp", widths=(256,)), (1, 28, 28)),
    "MLP 784-1024-1024-10": (Model("mlp", widths=(1024, 1024)), (1, 28, 28)),
    "LeNet": (Model("lenet"), (1, 28, 28)),
    "ResNet-20": (Model("resnet", depth=20), (3, 32, 32)),
}
BATCHES = (16, 64, 256)
STEPS = 20
ROUNDS = 5


def seconds(work: Callable[[], object], device: str) -> float:
    started = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def ceiling(device: str) -> float:
    """Return multiply-adds a second of one large matrix product, the best of some."""
    side = SIDE[device]
    left, right = torch.randn(side, side, device=device), torch.randn(side, side, device=device)
    out = left @ right
    best = min(seconds(lambda: torch.mm(left, right, out=out), device) for _ in range(2 * ROUNDS))
    return side**3 / best


def trained(model: Model, shape: tuple[int, ...], batch: int, device: str) -> tuple[float, float]:
    """Return the multiply-adds of a step, and the median of its seconds in the loop."""
    budget = Budget(epochs=None, steps=STEPS, evaluations=1)
    recipe = Recipe(data=Data("mnist5k"), model=model, batch_size=batch, budget=budget)
    inputs = torch.randint(256, (STEPS * batch, *shape), dtype=torch.uint8, device=device)
    targets = torch.arange(len(inputs), device=device) % 10
    few = Split(inputs[:1], targets[:1])
    examples = Examples(Split(inputs, targets), few, few, 10, "")
    run = Run(dataclasses.replace(recipe), 0, device, examples)
    with FlopCounterMode(display=False) as counter:
        run.step(inputs[:batch], targets[:batch], 0.1)
    took = []
    for _ in range(ROUNDS):
        run = Run(recipe, 0, device, examples)
        run.train()
        took.append(run.watch.seconds / STEPS)
    return counter.get_total_flops() / 2, statistics.median(took)


@pytest.mark.parametrize("device", DEVICES)
def test_multiply_adds_beside_the_ceiling(benchmark: BenchmarkFixture, device: str) -> None:
    determinism.enforce(1)
    most = ceiling(device)
    rows = []
    for name, (model, shape) in NETWORKS.items():
        shares = []
        for batch in BATCHES:
            work, took = trained(model, shape, batch, device)
            shares.append(100 * work / took / most)
        rows.append([name, *shares])
    benchmark.pedantic(ceiling, args=(device,), rounds=1)
    benchmark.extra_info["table"] = {
        "title": f"Per cent of the {most / 1e9:.1f} thousand million multiply-adds a second that a "
        f"large matrix product reaches on one {'thread' if device == 'cpu' else 'GPU'}",
        "columns": ["network", *(f"batch {batch}" for batch in BATCHES)],
        "rows": rows,
    }

"""What a GPU is worth: examples a second by how trials share it, beside loops written by hand.

All train on the same noise, which lies on the GPU, with SGD. Ours evaluates, on few examples, once.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from suite.data import Examples, Split
from suite.models import build
from suite.training import captured, determinism
from suite.training.loop import Run
from suite.training.stack import Stack
from suite.vocabulary.data import Data
from suite.vocabulary.model import Model
from suite.vocabulary.recipe import Budget, Recipe
from tests.bench.test_limit import ceiling

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


class Network(NamedTuple):
    """A network, the shape of an example, the sizes of stacks, and the steps that are timed."""

    model: Model
    shape: tuple[int, ...]
    stacks: tuple[int, ...]
    steps: int  # so many that recording a graph, which takes some of the time, is little of it


NETWORKS = {
    "MLP 784-256-10": Network(Model("mlp", widths=(256,)), (1, 28, 28), (8, 64, 256), 2000),
    "LeNet": Network(Model("lenet"), (1, 28, 28), (8, 64, 256), 1000),
    "ResNet-20": Network(Model("resnet", depth=20), (3, 32, 32), (8, 64), 300),
    "ResNet-18, 96 pixels": Network(Model("resnet18"), (3, 96, 96), (8,), 200),
}
BATCHES = (64, 256)
IN_AN_EPOCH = 20  # batches
PROCESSES = 4


class Case(NamedTuple):
    """A network and a batch."""

    name: str
    batch: int

    @property
    def network(self) -> Network:
        return NETWORKS[self.name]

    @property
    def recipe(self) -> Recipe:
        """What ours trains."""
        budget = Budget(epochs=None, steps=self.network.steps, evaluations=1)
        data = Data("mnist5k")
        return Recipe(data=data, model=self.network.model, batch_size=self.batch, budget=budget)

    def noise(self) -> Split:
        """Return an epoch's images, bytes `(n, ...)`, and classes, on the GPU."""
        n = IN_AN_EPOCH * self.batch
        shape = (n, *self.network.shape)
        inputs = torch.randint(256, shape, dtype=torch.uint8, device="cuda")
        return Split(inputs, torch.arange(n, device="cuda") % 10)


def rate(case: Case, train: Callable[[], Callable[[], object]], cells: int = 1) -> float:
    """Return the examples a second of the second training; the first sets libraries up."""
    for _ in range(2):
        run = train()
        torch.cuda.synchronize()
        if together is not None:
            together.wait()
        started = time.perf_counter()
        run()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - started
    return cells * case.network.steps * case.batch / seconds


def ours(case: Case, cells: int = 1, **changes: Any) -> float:
    """Return the examples a second of all cells together."""
    noise = case.noise()
    few = Split(noise.inputs[:1], noise.targets[:1])
    examples = Examples(noise, few, few, 10, "")
    recipe = dataclasses.replace(case.recipe, **changes)

    def train() -> Callable[[], object]:
        runs = [Run(recipe, seed, "cuda", examples) for seed in range(cells)]
        return runs[0].train if cells == 1 else Stack(runs, "cuda").train

    return rate(case, train, cells)


def with_graphs(case: Case, cells: int = 1) -> float:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(captured.VARIABLE, "1")
        return ours(case, cells)


together: Any = None  # a barrier, in processes that are timed at the same time


def start(barrier: Any = None) -> None:
    global together
    together = barrier
    determinism.enforce(1)


def in_processes(case: Case) -> float:
    """Return the examples a second of several processes that train at the same time."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, spawn, start, (spawn.Barrier(PROCESSES),)) as pool:
        return sum(pool.map(ours, [case] * PROCESSES))


def by_hand(case: Case, *, compiled: bool = False, fast: bool = False) -> float:
    """Return the examples a second of a plain loop; `fast` is channels-last and bfloat16."""
    noise = case.noise()
    network: Any = build(case.network.model, case.network.shape, 10, 0).cuda()
    if fast:
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    called = torch.compile(network) if compiled else network

    def run() -> None:
        for step in range(case.network.steps):
            rows = slice(step % IN_AN_EPOCH * case.batch, (step % IN_AN_EPOCH + 1) * case.batch)
            images = noise.inputs[rows].float().div_(255)
            if fast:
                images = images.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cuda", torch.bfloat16, enabled=fast):
                loss = F.cross_entropy(called(images).float(), noise.targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    # What is written by hand asks for no determinism.
    torch.set_deterministic_debug_mode("default")
    torch.backends.cudnn.benchmark = True
    try:
        return rate(case, lambda: run)
    finally:
        start()


def with_lightning(case: Case) -> float:
    """Return the examples a second of Lightning, which logs nothing."""
    import lightning

    noise, (model, shape, *_) = case.noise(), case.network
    data = TensorDataset(noise.inputs.float().div_(255), noise.targets)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network: nn.Module = build(model, shape, 10, 0)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return F.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def train() -> Callable[[], object]:
        quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
        trainer = lightning.Trainer(
            max_steps=case.network.steps,
            accelerator="gpu",
            devices=1,
            **dict.fromkeys(quiet, False),
        )
        loader = DataLoader(data, batch_size=case.batch)
        return lambda: trainer.fit(Module(), loader)

    return rate(case, train)


def multiply_adds(case: Case) -> float:
    """Return those of an example, in a step: forward and backward."""
    noise, (model, shape, *_) = case.noise(), case.network
    network = build(model, shape, 10, 0).cuda()
    with FlopCounterMode(display=False) as counter:
        outputs = network(noise.inputs[: case.batch].float())
        F.cross_entropy(outputs, noise.targets[: case.batch]).backward()
    return counter.get_total_flops() / 2 / case.batch


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", NETWORKS)
def test_ways_to_use_a_gpu(benchmark: BenchmarkFixture, name: str, batch: int) -> None:
    start()
    case = Case(name, batch)
    eager = ours(case)
    ways = {"ours, eager": eager, "captured": with_graphs(case)}
    ways["bfloat16"] = ours(case, precision="bfloat16")
    for cells in case.network.stacks:
        ways[f"stack of {cells}"] = ours(case, cells)
        ways[f"stack of {cells}, captured"] = with_graphs(case, cells)
    ways[f"{PROCESSES} processes"] = in_processes(case)
    ways["by hand"] = by_hand(case)
    ways["by hand, torch.compile"] = by_hand(case, compiled=True)
    ways["by hand, channels-last, bfloat16"] = by_hand(case, fast=True)
    if importlib.util.find_spec("lightning"):
        ways["Lightning"] = with_lightning(case)
    share = 100 * multiply_adds(case) / ceiling("cuda")
    benchmark.pedantic(ours, args=(case,), rounds=1)
    benchmark.extra_info["table"] = {
        "title": f"{name}, batch {batch}, on {torch.cuda.get_device_name()}",
        "columns": ["way", "examples a second", "times eager", "% of float32 products' limit"],
        "rows": [[way, found, found / eager, share * found] for way, found in ways.items()],
    }

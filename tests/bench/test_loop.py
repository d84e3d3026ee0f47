"""What the training loop costs over the same kernels in a bare loop: a ratio, taken in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.nn import functional as F

from suite.data import load
from suite.data.sources import DEBIAN_FASHION_MNIST
from suite.models import build
from suite.training import train
from suite.vocabulary.data import Data
from suite.vocabulary.model import Model
from suite.vocabulary.recipe import Budget, Recipe

ROUNDS = 9


def bare(recipe: Recipe) -> None:
    """Train, evaluate and record curves with nothing but the kernels, in the same order."""
    train_split, *held_out = load(recipe.data, 0)[:3]
    network = build(recipe.model, (1, 28, 28), 10, 0)
    parameters = list(network.parameters())
    generator = torch.Generator().manual_seed(0)

    def measure(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
        with torch.no_grad():
            right = (outputs.argmax(1) == targets).sum()
            return float(F.cross_entropy(outputs, targets)), int(right)

    def evaluate(images: torch.Tensor, labels: torch.Tensor) -> tuple[float, int]:
        with torch.no_grad():
            outputs = [network(x.to(torch.float32).div_(255)) for x in images.split(1000)]
        return measure(torch.cat(outputs), labels)

    for _ in range(recipe.budget.epochs or 0):
        order = torch.randperm(len(train_split.inputs), generator=generator)
        inputs, targets = train_split.inputs[order], train_split.targets[order]
        seen = []
        for x, y in zip(inputs.split(recipe.batch_size), targets.split(recipe.batch_size)):
            outputs = network(x.to(torch.float32).div_(255))
            loss = F.cross_entropy(outputs, y)
            seen.append(outputs.detach())
            gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-recipe.optimizer.lr)
        measure(torch.cat(seen), targets)
        evaluate(*held_out[0])
    evaluate(train_split.inputs[:5000], train_split.targets[:5000])
    evaluate(*held_out[1])


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(benchmark: BenchmarkFixture, name: str, ratios: list[float]) -> None:
    median = statistics.median(ratios)
    benchmark.extra_info["ratio"] = median
    benchmark.extra_info["ratios"] = ratios
    print(f"\n{name}: {median:.3f} ({min(ratios):.3f} to {max(ratios):.3f}, n = {len(ratios)})")


@pytest.mark.parametrize(("width", "batch_size"), [(64, 1), (256, 16), (256, 64), (256, 256)])
def test_loop_over_bare_kernels(benchmark: BenchmarkFixture, width: int, batch_size: int) -> None:
    torch.set_num_threads(1)
    recipe = Recipe(
        data=Data("mnist5k"),
        model=Model("mlp", widths=(width,)),
        batch_size=batch_size,
        budget=Budget(epochs=1 if batch_size == 1 else 10),
    )
    train(recipe, 0)
    bare(recipe)
    ratios = []
    for _ in range(ROUNDS):
        alone = seconds(lambda: bare(recipe))
        ratios.append(seconds(lambda: train(recipe, 0)) / alone)
    benchmark.pedantic(train, args=(recipe, 0), rounds=3)
    report(benchmark, f"MLP {width}, batch {batch_size}: loop / bare kernels", ratios)


@pytest.mark.skipif(not DEBIAN_FASHION_MNIST.exists(), reason="Fashion-MNIST is not installed")
def test_a_real_trial_with_tracking_over_bare_kernels(
    benchmark: BenchmarkFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The book's MLP on Fashion-MNIST, batch 64: training, journal and MLflow over the kernels."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    from suite.execution import environment
    from suite.execution.records import record_of
    from suite.execution.sequential import Sequential
    from suite.tracking.journal import Journal
    from suite.tracking.mlflow_store import Store
    from suite.vocabulary.grid import Trial

    recipe = Recipe(data=Data("fashion_mnist"), batch_size=64, budget=Budget(epochs=10))
    journal, store = Journal(), Store("sqlite:///mlflow.db")
    store.experiment("bench")
    strategy = Sequential("cpu")
    ran = environment.capture() | {"device": "cpu", "strategy": strategy.name, "threads": 1}

    def tracked(seed: int) -> None:
        for finished in strategy.run([(Trial("bench", "main", {}, recipe, seed),)]):
            record = record_of(finished, ran, strategy.workers)
            journal.add(record)
            store.log(record, stale=None)

    tracked(0)
    ratios = []
    for seed in range(1, 6):
        load(recipe.data, seed)
        alone = seconds(lambda: bare(recipe))
        ratios.append(seconds(lambda seed=seed: tracked(seed)) / alone)
    benchmark.pedantic(tracked, args=(9,), rounds=1)
    report(benchmark, "Fashion-MNIST trial with tracking / bare kernels", ratios)

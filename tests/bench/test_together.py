"""How much faster cells train stacked than one by one: ratios, each taken in one run."""

from __future__ import annotations

import dataclasses
import time

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from suite.training.loop import train
from suite.training.stack import train_together
from suite.vocabulary.data import Data
from suite.vocabulary.model import Model
from suite.vocabulary.optimizer import Optimizer
from suite.vocabulary.recipe import Budget, Recipe

CELLS = (2, 8, 32, 64, 128)
ALONE = 6  # trials, whose mean one cell alone is taken to cost


def recipe(data: str, examples: int, model: Model, batch_size: int, epochs: int) -> Recipe:
    return Recipe(
        data=Data(data, train_examples=examples),
        model=model,
        batch_size=batch_size,
        budget=Budget(epochs=epochs, evaluations=1),
    )


RECIPES = {
    "XOR, MLP 2-4-2, batch 20": recipe("xor", 200, Model("mlp", widths=(4,)), 20, 40),
    "digits, softmax, batch 64": recipe("digits", 640, Model("softmax"), 64, 30),
    "digits, MLP 64-64-10, batch 4": recipe("digits", 256, Model("mlp", widths=(64,)), 4, 3),
    "digits, MLP 64-64-10, batch 64": recipe("digits", 640, Model("mlp", widths=(64,)), 64, 20),
    "MNIST, softmax, batch 64": recipe("mnist5k", 640, Model("softmax"), 64, 10),
    "MNIST, MLP 784-256-10, batch 64": recipe("mnist5k", 640, Model("mlp"), 64, 5),
    "MNIST, LeNet, batch 64": recipe("mnist5k", 640, Model("lenet"), 64, 1),
}


@pytest.mark.parametrize("name", RECIPES)
def test_stacked_over_one_by_one(benchmark: BenchmarkFixture, name: str) -> None:
    torch.set_num_threads(1)
    one = RECIPES[name]
    cells = [
        (dataclasses.replace(one, optimizer=Optimizer("sgd", lr=0.01 * (1 + i % 4))), i // 4)
        for i in range(max(CELLS))
    ]
    train(one, 0)
    train_together([one, one], (0, 1))
    started = time.perf_counter()
    for alone, seed in cells[:ALONE]:
        train(alone, seed)
    cost = (time.perf_counter() - started) / ALONE
    ratios = {}
    for count in CELLS:
        recipes, seeds = zip(*cells[:count], strict=True)
        started = time.perf_counter()
        train_together(recipes, seeds)
        ratios[count] = cost * count / (time.perf_counter() - started)
    benchmark.extra_info["ratios"] = ratios
    recipes, seeds = zip(*cells[:8], strict=True)
    benchmark.pedantic(train_together, args=(recipes, seeds), rounds=1)
    print(f"\n| {name} | " + " | ".join(f"{ratio:.1f}" for ratio in ratios.values()) + " |")

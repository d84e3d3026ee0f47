"""A batch in parts trains what the whole batch trains; a lower precision is PyTorch's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite import Budget, Data, Model, Optimizer, Recipe
from suite.data import Examples, Split
from suite.execution.bundles import make_bundles
from suite.ground.errors import RequestError
from suite.training import train
from suite.training.loop import Run
from suite.training.stack import train_together
from suite.training.step import LOSSES
from suite.vocabulary.grid import Trial
from tests.command_line import suite

SMALL = Recipe(
    data=Data("digits", train_examples=330),
    model=Model(widths=(32,)),
    batch_size=32,  # and a last one of 10
    budget=Budget(epochs=None, steps=30),
)


def but(**changes: Any) -> Recipe:
    return dataclasses.replace(SMALL, **changes)


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def weights(recipe: Recipe) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    inputs, targets = torch.rand(42, 1, 4, 4, generator=draw), torch.arange(42) % 3
    split = Split(inputs, targets)
    run = Run(recipe, 0, "cpu", Examples(split, split, split, 3, ""))
    assert run.train() == ""
    return torch.cat([one.flatten() for one in run.network.parameters()])


@pytest.mark.parametrize("parts", [2, 3, 32])
@pytest.mark.parametrize(
    "optimizer",
    [Optimizer("sgd", lr=0.1, momentum=0.9, weight_decay=0.01), Optimizer("adamw", lr=0.01)],
    ids=["sgd", "adamw"],
)
def test_a_batch_in_parts_trains_what_the_whole_trains(
    float64: None, optimizer: Optimizer, parts: int
) -> None:
    whole = but(optimizer=optimizer)
    parted = dataclasses.replace(whole, gradient_accumulation=parts)
    torch.testing.assert_close(weights(parted), weights(whole), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "mse"])
def test_every_loss_is_a_mean_that_parts_share(float64: None, loss: str) -> None:
    whole = but(loss=loss, budget=Budget(epochs=None, steps=6))
    parted = dataclasses.replace(whole, gradient_accumulation=3)
    torch.testing.assert_close(weights(parted), weights(whole), rtol=1e-9, atol=1e-12)


def test_parts_are_what_the_network_is_given() -> None:
    run = Run(but(gradient_accumulation=3, budget=Budget(epochs=1)), 0, "cpu")
    seen: list[int] = []
    run.network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    next_batch = next(run._batches())
    run.step(*next_batch, 0.1)
    assert seen == [11, 11, 10]


def test_parts_leave_curves_and_outcome_as_they_are() -> None:
    whole, parted = train(SMALL, 0), train(but(gradient_accumulation=4), 0)
    for name, curve in whole.curves.items():
        assert dict(parted.curves[name]) == pytest.approx(dict(curve), rel=1e-4), name
    assert parted.final == pytest.approx(whole.final, rel=1e-4)


def test_batch_normalisation_takes_each_part_for_itself() -> None:
    model = Model(widths=(32,), norm="batch")
    whole, parted = train(but(model=model), 0), train(but(model=model, gradient_accumulation=4), 0)
    assert parted.final["train/loss"] != pytest.approx(whole.final["train/loss"], rel=1e-3)


def test_more_parts_than_examples_are_refused() -> None:
    with pytest.raises(RequestError, match="a batch of 32 cannot be parted into 33"):
        but(gradient_accumulation=33)
    with pytest.raises(RequestError, match="into 17 on each of 2 devices"):
        but(gradient_accumulation=17, devices=2)


def test_trials_that_part_their_batches_are_not_stacked() -> None:
    trials = [Trial("t", "main", {}, but(gradient_accumulation=2), seed) for seed in (0, 1)]
    assert make_bundles(trials) == ([], trials)


def textbook_in_bfloat16(recipe: Recipe, examples: Examples) -> Tensor:
    """Return the weights after training as PyTorch's documentation of autocast writes it."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    run = Run(recipe, 0, "cpu", examples)
    network.load_state_dict(
        dict(zip(network.state_dict(), run.network.state_dict().values(), strict=True))
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe.optimizer.lr)
    for batch in run._batches():
        run.done += 1
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(batch.inputs.to(torch.float32) / 255)
        F.cross_entropy(outputs.float(), batch.targets).backward()
        optimizer.step()
    return torch.cat([one.flatten() for one in network.parameters()])


def test_bfloat16_is_autocast_with_weights_in_float32() -> None:
    recipe = but(precision="bfloat16")
    run = Run(recipe, 0, "cpu")
    examples = run.examples
    assert run.train() == ""
    ours = torch.cat([one.flatten() for one in run.network.parameters()])
    assert ours.dtype is torch.float32
    assert torch.equal(ours, textbook_in_bfloat16(recipe, examples))
    assert train(recipe, 0).weights_digest != train(SMALL, 0).weights_digest


@pytest.mark.parametrize("model", [Model(widths=(32,), dropout=0.2), Model("lenet")])
def test_stacked_cells_have_the_precision_too(model: Model) -> None:
    data = Data("digits" if model.name == "mlp" else "mnist5k", train_examples=64)
    recipe = but(data=data, model=model, precision="bfloat16", budget=Budget(epochs=2))
    stacked = train_together([recipe, recipe], (0, 1))
    for seed, outcome in enumerate(stacked):
        # A product of bfloat16 is rounded to eight bits, in another order where cells are stacked.
        assert outcome.final["train/loss"] == pytest.approx(
            train(recipe, seed).final["train/loss"], rel=0.02
        )


def test_a_cpu_has_no_tf32(tmp_path: Path) -> None:
    refused = suite(tmp_path, "train", "--set", "precision=tf32")
    assert refused.returncode == 2
    said = "suite: precision 'tf32' is CUDA's alone (did you mean 'float32'?)"
    assert refused.stderr.strip() == said

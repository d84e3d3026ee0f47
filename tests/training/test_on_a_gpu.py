"""What trains on a GPU keeps its tensors there, and ends as on a CPU: with a GPU that is pretended."""

from __future__ import annotations

import dataclasses
import math
from unittest import mock
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from suite import Model, Optimizer, Recipe
from suite.data import Examples, Split, load, on_disk
from suite.reproduce import battery
from suite.training import train
from suite.training.captured import Captured
from suite.training.checkpoint import Checkpoint
from suite.training.loop import Run
from suite.training.stack import Stack
from suite.vocabulary.components import Component
from suite.vocabulary.data import Data
from suite.vocabulary.recipe import Budget
from suite.vocabulary.record import Status
from tests.pretended_gpu import OnCard, pretended
from tests.training import test_captured

COMPONENTS = [
    cls() for kind in Component.__subclasses__() if kind is not Data for cls in kind.known.values()
]
# PyTorch has other kernels for them where tensors are on no CPU.
STOPPED = 7  # steps
OTHERWISE = {"transformer", "lstm"}
DIGITS = test_captured.RECIPE
RECIPES = {
    **test_captured.RECIPES,
    "patience": dataclasses.replace(DIGITS, budget=Budget(epochs=3, patience=1)),
    "swa": dataclasses.replace(DIGITS, average="swa"),
    "in parts": dataclasses.replace(DIGITS, gradient_accumulation=3),
    "shifts": dataclasses.replace(
        test_captured.RECIPES["convolutions"], shifts=("translation", "noise")
    ),
    "symbols": Recipe(
        data=Data("surnames", train_examples=60),
        model=Model("lstm"),
        budget=Budget(epochs=1),
    ),
    "values": Recipe(
        data=Data("synthetic_linear", train_examples=60), model=Model("linear"), loss="mse"
    ),
    "decay of weights": dataclasses.replace(
        DIGITS, optimizer=Optimizer("adamw", lr=0.01, weight_decay=0.1, decays="weights")
    ),
}


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with pretended(monkeypatch):
        yield


@pytest.fixture(autouse=True)
def a_fresh_cache() -> Iterator[None]:
    """Let no other test meet examples that are on a card."""
    load.cache_clear()
    yield
    load.cache_clear()


def on_card(examples: Examples) -> Examples:
    train, *held_out = (Split(*(one.cuda() for one in split)) for split in examples[:3])
    return examples._replace(train=train, validation=held_out[0], test=held_out[1])


def ended(runs: list[Run]) -> list[str]:
    assert all(isinstance(one, OnCard) for run in runs for one in run.network.parameters())
    return [battery.bits(run) for run in runs]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: f"{one.kind.label} {one.name}")
def test_every_built_in_component(component: Component, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = battery.recipe_with(battery.small(component))
    examples = battery.examples_for(recipe)
    here = battery.trained(recipe, examples)
    with pretended(monkeypatch):
        there = battery.trained(recipe, on_card(examples), "cuda")
        bits = ended([there])
        final = there.final()
    if component.name in OTHERWISE:
        assert final == pytest.approx(here.final(), rel=1e-4)
    else:
        assert bits == [battery.bits(here)]


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: f"{one.kind.label} {one.name}")
def test_every_built_in_component_in_a_stack(
    component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = battery.small(component)
    cells = battery._cells(part)
    if not cells[0].stacks:
        pytest.skip("it does not say that it stacks")
    examples = battery.examples_for(cells[0])

    def stacked(device: str, given: Examples) -> list[Run]:
        runs = [Run(recipe, seed, device, given) for seed, recipe in enumerate(cells)]
        assert Stack(runs, device).train() == {}
        return runs

    here = [battery.bits(run) for run in stacked("cpu", examples)]
    with pretended(monkeypatch):
        assert ended(stacked("cuda", on_card(examples))) == here


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_way_of_training(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    here = train(recipe, 0)
    with pretended(monkeypatch):
        there = train(recipe, 0, device="cuda")
    if recipe.precision == "float32" and recipe.model.name not in OTHERWISE:
        assert there == here
    else:  # products in bfloat16 are a CPU's here
        assert there.status is Status.FINISHED


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("recipe", test_captured.RECIPES.values(), ids=test_captured.RECIPES)
def test_a_captured_step(recipe: Recipe) -> None:
    run = Run(recipe, 0, "cuda")
    graph = test_captured.StandIn([*run.network.buffers()])
    run.step = Captured(run.step, [run.masks], lambda: graph)  # type: ignore[arg-type]
    assert run.outcome(run.train()) == train(recipe, 0, device="cuda")
    assert graph.replays > 0


@pytest.mark.usefixtures("card")
def test_what_does_not_fit_on_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = dataclasses.replace(DIGITS, data=Data("mnist5k", train_examples=110))
    whole = train(digits, 0, device="cuda")
    load.cache_clear()
    monkeypatch.setattr(on_disk, "fits", lambda *_: False)
    monkeypatch.setattr(on_disk, "ahead", map)  # another thread would know no GPU
    run = Run(digits, 0, "cuda")
    load.cache_clear()
    assert isinstance(run.examples.train.inputs, on_disk.OnDisk)
    assert run.outcome(run.train()) == whole


def goes_on(first: Run | Stack, second: Run | Stack, path: Path) -> None:
    """Stop one after some steps, and let another take the rest of them."""
    for one in (first, second):
        run = one if isinstance(one, Run) else one.runs[0]
        run.look_every = 1
    stopping = battery._Stopping(path, after=STOPPED)
    stopping.dim = dim = int(isinstance(first, Stack))
    with pytest.raises(battery.Stopped):
        first.train(stopping)
    second.step = mock.Mock(wraps=second.step)
    second.train(Checkpoint(path, every=math.inf, dim=dim))
    assert second.step.call_count == run.done - STOPPED


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("name", ["dropout", "batch norm, adam", "patience", "swa"])
def test_a_checkpoint(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    run = Run(recipe, 0, "cuda")
    goes_on(Run(recipe, 0, "cuda"), run, tmp_path / "kept")
    assert run.outcome("") == train(recipe, 0, device="cuda")


@pytest.mark.usefixtures("card")
def test_a_checkpoint_of_another_card_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept"
    first, second = (Run(DIGITS, 0, "cuda") for _ in range(2))
    first.look_every = 1
    with pytest.raises(battery.Stopped):
        first.train(battery._Stopping(path, after=STOPPED))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "another card")
    second.step = mock.Mock(wraps=second.step)
    second.train(Checkpoint(path, every=math.inf))
    assert second.step.call_count == second.done


@pytest.mark.usefixtures("card")
def test_a_checkpoint_of_a_stack(tmp_path: Path) -> None:
    def stack() -> Stack:
        return Stack([Run(DIGITS, seed, "cuda") for seed in range(2)], "cuda")

    straight, stopped = stack(), stack()
    straight.train()
    goes_on(stack(), stopped, tmp_path / "kept")
    assert ended(list(stopped.runs)) == ended(list(straight.runs))


@pytest.mark.usefixtures("card")
def test_the_battery_tries_a_gpu() -> None:
    found = {one.check: one.holds for one in battery.battery(Optimizer("adam"))}
    assert found["trains on a GPU"] is True

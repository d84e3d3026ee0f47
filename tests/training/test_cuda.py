"""On a GPU: the same bits twice, captured as not, and in several processes as in one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch

from suite import Budget, Data, Model, Optimizer, Recipe
from suite.data import Examples, Split
from suite.execution import gpus
from suite.execution.mixed import InTurn, Mixed
from suite.execution.packed import Packed
from suite.execution.placement import Place
from suite.execution.sequential import Sequential
from suite.execution.strategy import Strategy
from suite.reproduce import battery
from suite.training import captured, determinism
from suite.training.captured import Captured
from suite.training.loop import Run
from suite.training.outputs import by_position
from suite.training.stack import Stack
from suite.vocabulary.components import Component
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Outcome, Status
from tests.training.test_captured import WARM_UP_STEPS
from tests.training.test_on_a_gpu import COMPONENTS, on_card

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
EPOCHS = Budget(epochs=2 * WARM_UP_STEPS)  # of two full batches each, and one that is not
PRECISIONS = ("float32", "tf32", "bfloat16")


@pytest.fixture(autouse=True)
def the_same_bits() -> None:
    determinism.enforce(1)


def trained(recipes: Sequence[Recipe], examples: Examples) -> list[str]:
    """Return the bits in which recipes end, stacked if there are several, and whether captured."""
    runs = [Run(recipe, seed, "cuda", examples) for seed, recipe in enumerate(recipes)]
    if len(runs) == 1:
        assert runs[0].train() == ""
        step = runs[0].step
    else:
        stack = Stack(runs, "cuda")
        assert stack.train() == {}
        step = stack.step
    if captured.asked_for() and not by_position(examples.train.targets):
        assert isinstance(step, Captured)
        assert step.graph is not None, "it was not captured"
    return [battery.bits(run) for run in runs]


def short(component: Component, precision: str = "float32") -> Recipe:
    recipe = battery.recipe_with(battery.small(component))
    return dataclasses.replace(recipe, budget=EPOCHS, precision=precision)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: f"{one.kind.label} {one.name}")
def test_captured_or_not(component: Component, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = short(component)
    examples = on_card(battery.examples_for(recipe))
    once, again = (trained([recipe], examples) for _ in range(2))
    assert again == once
    monkeypatch.setenv(captured.VARIABLE, "1")
    assert trained([recipe], examples) == once


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: f"{one.kind.label} {one.name}")
def test_a_stack_captured_or_not(component: Component, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [
        dataclasses.replace(one, budget=EPOCHS) for one in battery._cells(battery.small(component))
    ]
    if not cells[0].stacks:
        pytest.skip("it does not say that it stacks")
    examples = on_card(battery.examples_for(cells[0]))
    once, again = (trained(cells, examples) for _ in range(2))
    assert again == once
    monkeypatch.setenv(captured.VARIABLE, "1")
    assert trained(cells, examples) == once


def test_inputs_that_no_kernel_is_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of 13 numbers begin anywhere, those of a buffer that is copied into where it begins."""
    recipe = short(Model("mlp", widths=(8,)))
    given = battery.examples_for(recipe)
    rows = torch.rand(len(given.train), 13, generator=torch.Generator().manual_seed(0))
    split = Split(rows, given.train.targets)
    examples = on_card(given._replace(train=split, validation=split, test=split))
    once = trained([recipe], examples)
    monkeypatch.setenv(captured.VARIABLE, "1")
    assert trained([recipe], examples) == once


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", ["mlp", "lenet", "resnet", "transformer"])
def test_a_precision_captured_or_not(
    model: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short(Model(model), precision)
    examples = on_card(battery.examples_for(recipe))
    once = trained([recipe], examples)
    monkeypatch.setenv(captured.VARIABLE, "1")
    assert trained([recipe], examples) == once


DIGITS = Recipe(
    data=Data("digits", train_examples=300),
    model=Model(widths=(32,), dropout=0.2),
    budget=Budget(epochs=3),
)
TRIALS = [
    Trial("test", "main", {}, dataclasses.replace(DIGITS, optimizer=Optimizer(lr=rate)), seed)
    for rate in (0.03, 0.1, 0.3)
    for seed in range(2)
]


def outcomes(strategy: Strategy) -> dict[str, Outcome]:
    with strategy:
        strategy.check([DIGITS])
        done = {one.trial.id: one.outcome for one in strategy.run((one,) for one in TRIALS)}
    assert {one.status for one in done.values()} == {Status.FINISHED}, done
    return done


@pytest.mark.parametrize("workers", [1, 3])
def test_processes_that_share_a_gpu(workers: int) -> None:
    assert outcomes(Packed("cuda", workers)) == outcomes(Sequential("cuda"))


@pytest.mark.parametrize("way", [InTurn, Mixed])
def test_cores_and_gpu(way: type[InTurn | Mixed], monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = outcomes(Sequential("cpu")), outcomes(Sequential("cuda"))
    on_gpu = {one.recipe for one in TRIALS[:2]}

    def place(recipe: Recipe, _memory: int) -> Place:
        return Place("cuda" if recipe in on_gpu else "cpu")

    monkeypatch.setattr("suite.execution.mixed.place", place)
    expected = {one.id: (there if one.recipe in on_gpu else here)[one.id] for one in TRIALS}
    assert outcomes(way(2, gpus.memory())) == expected

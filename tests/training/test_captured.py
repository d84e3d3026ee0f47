"""What a captured step gives a graph and takes from it: with a stand-in, for graphs are a GPU's."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Generator, Tensor

from suite import Budget, Data, Model, Optimizer, Recipe
from suite.training import captured, train
from suite.training.captured import VARIABLE, WARM_UP_STEPS, Captured, capturing
from suite.training.loop import Run
from suite.training.outputs import each
from suite.training.stack import Stack, train_together
from suite.training.step import Result, Step
from suite.vocabulary.components import Component
from suite.vocabulary.model import model
from suite.vocabulary.record import Outcome, Status

EXAMPLES, BATCH, EPOCHS = 110, 20, 3
CLASSES = torch.zeros(EXAMPLES, dtype=torch.int64)
FULL = EXAMPLES // BATCH * EPOCHS  # batches; an epoch has one more, of ten examples
RECIPE = Recipe(
    data=Data("digits", train_examples=EXAMPLES),
    model=Model(widths=(16,), dropout=0.3),
    optimizer=Optimizer(momentum=0.9),
    batch_size=BATCH,
    budget=Budget(epochs=EPOCHS),
)
RECIPES = {
    "dropout": RECIPE,
    "batch norm, adam": dataclasses.replace(
        RECIPE,
        model=Model(widths=(16,), dropout=0.3, norm="batch"),
        optimizer=Optimizer("adam", lr=0.01),
    ),
    "clipped, averaged": dataclasses.replace(RECIPE, clip_norm=0.5, average="ema"),
    "bfloat16": dataclasses.replace(RECIPE, precision="bfloat16"),
    "augmented": dataclasses.replace(RECIPE, augmentation=("translation",)),
    "mixed": dataclasses.replace(RECIPE, augmentation=("mixup",)),
    "convolutions": dataclasses.replace(
        RECIPE, data=Data("mnist5k", train_examples=EXAMPLES), model=Model("lenet")
    ),
    "diverging": dataclasses.replace(RECIPE, optimizer=Optimizer(lr=1e30)),
}


class StandIn:
    """Runs what it was given again, and puts it where it said that it would.

    Recording computes nothing: what it moves is put back, and results are no numbers before a replay.

    Args:
        kept: what a forward pass moves: running moments.
    """

    def __init__(self, kept: Sequence[Tensor] = ()) -> None:
        self.kept = list(kept)
        self.generators: list[Generator] = []
        self.function: Callable[[], Result] | None = None
        self.replays = 0

    def register(self, generator: Generator) -> None:
        assert self.function is None, "too late: it is recorded"
        self.generators.append(generator)

    def capture(self, function: Callable[[], Result]) -> Result:
        assert self.function is None, "recorded twice"
        kept = [one.clone() for one in self.kept]
        states = [one.get_state() for one in self.generators]
        result = function()
        with torch.no_grad():
            for one, before in zip(self.kept, kept, strict=True):
                one.copy_(before)
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)
        self.function = function
        self.result = Result(
            each(_nothing, result.outputs),
            _nothing(result.loss),
            tuple(map(_nothing, result.gradients)),
        )
        return self.result

    def replay(self) -> None:
        assert self.function is not None
        found = self.function()
        self.result.outputs.copy_(found.outputs)
        self.result.loss.copy_(found.loss)
        for own, one in zip(self.result.gradients, found.gradients, strict=True):
            own.copy_(one)
        self.replays += 1


def _nothing(tensor: Tensor) -> Tensor:
    return torch.full_like(tensor, torch.nan)


@dataclasses.dataclass
class Watched:
    """A step that notes from where it read each batch, and how many examples it had."""

    step: Step
    reads: list[tuple[int, int, int]] = dataclasses.field(default_factory=list)

    def look(self, inputs: Tensor, targets: Tensor) -> Result:
        self.reads.append((inputs.data_ptr(), targets.data_ptr(), len(inputs)))
        return self.step.look(inputs, targets)

    def move(self, gradients: tuple[Tensor, ...], lr: float) -> None:
        self.step.move(gradients, lr)


def captured_run(recipe: Recipe, graph: StandIn | None = None) -> tuple[Run, Watched, StandIn]:
    """Return a run whose step is captured by a stand-in."""
    run = Run(recipe, 0, "cpu")
    graph = graph or StandIn()
    graph.kept += list(run.network.buffers())
    assert isinstance(run.step, Step)
    watched = Watched(run.step)
    run.step = Captured(watched, [run.masks], lambda: graph)  # type: ignore[arg-type]
    return run, watched, graph


def ended(run: Run) -> Outcome:
    return run.outcome(run.train())


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_captured_step_ends_in_the_same_bits(recipe: Recipe) -> None:
    run, _, graph = captured_run(recipe)
    assert ended(run) == train(recipe, 0)
    assert graph.replays > 0


def test_every_full_batch_is_replayed_from_the_same_buffers_and_the_last_is_not() -> None:
    run, watched, graph = captured_run(RECIPE)
    ended(run)
    assert graph.generators == [run.masks]
    assert graph.replays == FULL - WARM_UP_STEPS
    *before, recorded = watched.reads[: WARM_UP_STEPS + 1]
    assert recorded not in before
    replayed = [one for one in watched.reads[WARM_UP_STEPS + 1 :] if one == recorded]
    rest = [one for one in watched.reads[WARM_UP_STEPS + 1 :] if one != recorded]
    assert len(replayed) == graph.replays
    assert [size for *_, size in rest] == [EXAMPLES % BATCH] * EPOCHS


def test_what_is_kept_of_a_step_is_not_overwritten_by_the_next() -> None:
    run, *_ = captured_run(RECIPE)
    epoch = next(run.epochs())
    inputs, targets = epoch.inputs[:BATCH], epoch.targets[:BATCH]
    steps = [run.step(inputs, targets, 0.1).outputs for _ in range(WARM_UP_STEPS + 2)]
    assert not torch.equal(steps[-1], steps[-2])


def test_stacked_cells_are_captured_to_the_same_bits() -> None:
    recipes = [
        dataclasses.replace(RECIPE, model=Model(widths=(16,), dropout=rate, norm="batch"))
        for rate in (0.1, 0.2, 0.3)
    ]
    seeds = (0, 1, 2)
    stack = Stack([Run(recipe, seed, "cpu") for recipe, seed in zip(recipes, seeds)], "cpu")
    graph = StandIn([*stack.buffers])
    assert isinstance(stack.step, Step)
    masks = [run.masks for run in stack.runs]
    stack.step = Captured(stack.step, masks, lambda: graph)
    assert stack.train() == {}
    assert [run.outcome("") for run in stack.runs] == train_together(recipes, seeds)
    assert graph.replays == FULL - WARM_UP_STEPS
    assert graph.generators == masks


class Refusing(StandIn):
    """Cannot record what draws, and says so after it has drawn."""

    tries = 0

    def capture(self, function: Callable[[], Result]) -> Result:
        self.tries += 1
        for generator in self.generators:
            torch.rand(3, generator=generator)
        raise RuntimeError("operation not permitted when stream is capturing\nmore")


def test_what_cannot_be_captured_goes_on_without_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    captured._say.cache_clear()
    graph = Refusing()
    run, *_ = captured_run(RECIPE, graph)
    with caplog.at_level(logging.WARNING):
        assert ended(run) == train(RECIPE, 0)
    assert graph.tries == 1
    said = "steps are not captured: operation not permitted when stream is capturing"
    assert [one.getMessage() for one in caplog.records] == [said]


def test_divergence_is_found_as_it_is_without() -> None:
    run, *_ = captured_run(RECIPES["diverging"])
    assert ended(run).status is Status.DIVERGED


def any_step() -> Step:
    step = Run(RECIPE, 0, "cpu").step
    assert isinstance(step, Step)
    return step


def test_nothing_is_captured_unless_it_is_asked_for_and_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = any_step()
    monkeypatch.delenv(VARIABLE, raising=False)
    assert capturing(step, RECIPE, "cuda", [], CLASSES) is step
    monkeypatch.setenv(VARIABLE, "1")
    assert capturing(step, RECIPE, "cpu", [], CLASSES) is step
    assert isinstance(capturing(step, RECIPE, "cuda", [], CLASSES), Captured)


def test_what_a_graph_would_get_wrong_is_not_captured(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    captured._say.cache_clear()
    step = any_step()
    own = dataclasses.replace(RECIPE, model=_own())
    several = dataclasses.replace(RECIPE, devices=2)
    parted = dataclasses.replace(RECIPE, gradient_accumulation=2)
    for recipe in (own, several, several, parted):
        assert capturing(step, recipe, "cuda", [], CLASSES) is step
    by_position = torch.zeros(10, 4, dtype=torch.int64)
    assert capturing(step, RECIPE, "cuda", [], by_position) is step
    own_said, several_said, parted_said, counted_said = (one.getMessage() for one in caplog.records)
    assert "component of one's own" in own_said
    assert "several devices" in several_said
    assert "in parts" in parted_said
    assert "positions" in counted_said


def _own() -> Component:
    @model
    def chooses(shape: tuple[int, ...], outputs: int) -> torch.nn.Module:
        return torch.nn.Linear(*shape, outputs)

    made: Component = chooses()
    return made

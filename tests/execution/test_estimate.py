"""What a plan says a run will cost, from a few probed steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from suite.commands.plan import plan_text
from suite.execution import estimate
from suite.execution.estimate import PROBED_EXAMPLES, PROBED_STEPS, Estimator
from suite.execution.plan import make_plan
from suite.training import evaluation
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Budget, Recipe
from tests.command_line import make_study, suite_json

STUDY = '''
"""Tiny networks, many of them."""

from suite import Budget, Data, Model, Recipe, Study, axis

study = Study(
    title="Many",
    recipe=Recipe(
        data=Data("xor", train_examples=100),
        model=Model("mlp", widths=(4,)),
        batch_size=5,
        budget=Budget(epochs=100),
    ),
    grid=(axis("optimizer.lr", (0.01, 0.1)),),
    seeds=20,
)
'''


@pytest.mark.parametrize("batch_size", [1, 64])
def test_an_evaluation_is_probed_on_many_examples_however_few_are_in_a_batch(
    batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def predict(network: nn.Module, inputs: Tensor) -> Tensor:
        sizes.append(len(inputs))
        with torch.no_grad():
            return network(inputs.float())

    recipe = Recipe(data=Data("digits"), batch_size=batch_size, budget=Budget(epochs=1))
    monkeypatch.setattr(evaluation, "predict", predict)
    made = make_plan([Trial("test", "main", {}, recipe, 0)], lambda _: False, device="cpu")
    assert Estimator().estimate(made).process_seconds > 0
    assert sizes[-1] == PROBED_EXAMPLES > PROBED_STEPS


def test_stacked_cells_cost_what_a_stack_was_probed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "_probe", lambda recipe, device: estimate.Cost(1e-4, 0.0))
    monkeypatch.setattr(estimate, "_probe_stack", lambda recipe, device: 2e-5)
    recipe = Recipe(data=Data("xor", train_examples=100), batch_size=5, budget=Budget(epochs=10))
    trials = [Trial("test", "main", {}, recipe, seed) for seed in range(40)]
    estimator = Estimator()
    found = [
        estimator.estimate(make_plan(trials, lambda _: False, strategy=strategy, device="cpu"))
        for strategy in ("sequential", "vectorised")
    ]
    steps, kept = 40 * 10 * 20, 40 * estimate.KEPT
    wanted = [steps * 1e-4 + kept, steps * 2e-5 + kept]
    assert [one.process_seconds for one in found] == pytest.approx(wanted)


def test_a_stack_can_be_probed() -> None:
    recipe = Recipe(data=Data("xor", train_examples=100), batch_size=5)
    assert estimate._probe_stack(recipe, "cpu") > 0


def test_the_plan_says_where_stacking_would_pay(tmp_path: Path) -> None:
    make_study(tmp_path, STUDY, "xor")
    form = suite_json(tmp_path, "plan", "xor")
    for seconds, said in ((form["seconds"], False), (form["seconds"] / 2, True)):
        text = plan_text(form | {"vectorised_seconds": seconds})
        assert ("with --strategy vectorised" in text) == said

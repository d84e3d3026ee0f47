"""What a plan says a run will cost, from a few probed steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from suite.execution.estimate import PROBED_EXAMPLES, PROBED_STEPS, estimate
from suite.execution.plan import make_plan
from suite.grid import Trial
from suite.recipe import Budget, Data, Recipe
from suite.training import evaluation


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
    assert estimate(made).process_seconds > 0
    assert sizes[-1] == PROBED_EXAMPLES > PROBED_STEPS

"""Where a plan may run: what is not there is refused, and Apple's GPU is taken only if asked for."""

from __future__ import annotations

import pytest
import torch

from suite.execution import gpus
from suite.execution.plan import make_plan
from suite.execution.work import check
from suite.ground.errors import RequestError
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Budget, Recipe

SHORT = Recipe(data=Data("digits"), budget=Budget(epochs=1))


def trials(recipe: Recipe = SHORT) -> list[Trial]:
    return [Trial("t", "main", {}, recipe, seed) for seed in range(3)]


@pytest.fixture
def mps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(gpus, "count", lambda: 0)


@pytest.mark.usefixtures("mps")
def test_mps_is_taken_where_it_is_asked_for_and_never_else() -> None:
    made = make_plan(trials(), lambda _: False, device="mps")
    assert (made.device, made.strategy) == ("mps", "sequential")
    assert make_plan(trials(), lambda _: False).device == "cpu"


@pytest.mark.usefixtures("mps")
def test_what_mps_has_not_is_refused() -> None:
    two = Recipe(data=Data("digits"), devices=2)
    with pytest.raises(RequestError, match="devices=2: mps is one device"):
        make_plan(trials(two), lambda _: False, device="mps")
    with pytest.raises(RequestError, match="not on mps"):
        make_plan(trials(), lambda _: False, device="mps", strategy="ray")
    with pytest.raises(RequestError, match="'tf32' is CUDA's alone"):
        check(Recipe(data=Data("digits"), precision="tf32"), "mps")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="it is there")
def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "count", lambda: 0)
    for device in ("mps", "cuda"):
        with pytest.raises(RequestError, match="did you mean --device cpu"):
            make_plan(trials(), lambda _: False, device=device)

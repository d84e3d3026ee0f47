"""Every built-in component passes the battery, and the battery catches what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from suite import (
    Model,
    activation,
    loss,
    metric,
    model,
    number,
    optimizer,
    scalar,
    schedule,
    source,
    transformation,
)
from suite.ground.errors import RequestError
from suite.reproduce.battery import Found, battery
from suite.vocabulary.components import Component
from suite.vocabulary.data import Data

BUILT_IN = [cls() for kind in Component.__subclasses__() for cls in kind.known.values()]


def failed(component: Component) -> list[Found]:
    return [one for one in battery(component) if one.holds is False]


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("component", BUILT_IN, ids=lambda one: f"{one.kind.label} {one.name}")
def test_every_built_in_component_passes(component: Component) -> None:
    wrong = failed(component)
    # Files that no package has are not here; tests/data/test_readers.py makes some for the others.
    reads = isinstance(component, Data) and (component.origin or "path" in component.defaults())
    if reads and wrong and wrong[0].check == "runs":
        pytest.skip(wrong[0].words)
    assert wrong == []


def test_there_are_as_many_as_kinds_have_names() -> None:
    assert len(BUILT_IN) == len(set(BUILT_IN)) >= 50


@metric
def of_two(outputs: Any, targets: Any) -> float:
    """For two classes only, as areas under a curve are."""
    return float((outputs[:, 0] - outputs[:, 1])[targets == 0].mean() / (targets.max() == 1))


@metric(better="lower")
def of_values(outputs: Any, targets: Any) -> float:
    """For values only."""
    return float((outputs - targets.view(-1, 1)).abs().mean() / targets.is_floating_point())


@pytest.mark.parametrize("score", [of_two(), of_values()], ids=str)
def test_a_metric_is_tried_on_what_it_is_for(score: Component) -> None:
    found = list(battery(score))
    assert [one.words for one in found if one.holds is False and "changes" not in one.check] == []
    assert len(found) > 4


def linear(shape: tuple[int, ...], outputs: int) -> Any:
    import math

    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), outputs))


@model
def by_the_clock(shape: tuple[int, ...], outputs: int) -> Any:
    """Its weights come from the time of day."""
    import time

    import torch

    network = linear(shape, outputs)
    torch.nn.init.constant_(network[1].weight, time.perf_counter() % 1)
    return network


@model
def deaf(shape: tuple[int, ...], outputs: int, *, width: int = 8) -> Any:
    """Its field does nothing."""
    return linear(shape, outputs)


@model(stacks=True)
def looks_at_numbers(shape: tuple[int, ...], outputs: int) -> Any:
    """Branches on the numbers that it sees, which stacked cells do not share."""
    from torch import nn

    class Turned(nn.Module):
        def forward(self, inputs: Any) -> Any:
            return inputs if float(inputs.detach().mean()) > 0 else -inputs

    return nn.Sequential(*linear(shape, outputs), Turned())


@model
def half_frozen(shape: tuple[int, ...], outputs: int) -> Any:
    """Its bias is not trained, and one parameter is not used."""
    import torch

    network = linear(shape, outputs)
    network[1].bias.requires_grad_(False)
    network.register_parameter("idle", torch.nn.Parameter(torch.zeros(3)))
    return network


@model
def too_few_outputs(shape: tuple[int, ...], outputs: int) -> Any:
    return linear(shape, outputs - 1)


@optimizer
def forgetful(parameters: Any, lr: float) -> Any:
    """What it remembers is not in its state."""
    import torch

    class Forgetful(torch.optim.SGD):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.calls = 0

        def step(self, closure: Any = None) -> None:
            self.calls += 1
            for group in self.param_groups:
                group["lr"] = group["lr"] / self.calls
            super().step()

    return Forgetful(parameters, lr=lr)


@optimizer
def no_optimizer(parameters: Any, lr: float) -> Any:
    return lr


@schedule
def negative(place: Any) -> float:
    return -1.0


@loss
def a_sum(outputs: Any, targets: Any) -> Any:
    from torch.nn import functional as F

    return F.cross_entropy(outputs, targets, reduction="sum")


@loss
def no_number(outputs: Any, targets: Any) -> Any:
    return (outputs.sum(1) - targets).square()


@transformation
def out_of_range(images: Any, strengths: Any) -> Any:
    return images + 2 * strengths[:, :, None, None]


@source
def unsteady(*, n: int = number(30, low=6)) -> Any:
    import time

    import numpy as np

    return np.full((n, 2), time.perf_counter() % 1), np.arange(n) % 2


CAUGHT: dict[str, tuple[Any, str]] = {
    "weights from the clock": (by_the_clock, "built from its seed alone"),
    "a field that does nothing": (deaf, "'width' changes something"),
    "what cannot be stacked": (looks_at_numbers, "stacked equals alone"),
    "outputs of another number": (too_few_outputs, "runs"),
    "a rule that forgets": (forgetful, "resumes to the same bits"),
    "no rule at all": (no_optimizer, "runs"),
    "rates below 0": (negative, "every rate is a number, 0 or more"),
    "a loss for each example": (no_number, "runs"),
    "pixels out of range": (out_of_range, "stays within 0 and 1"),
    "other examples each time": (unsteady, "twice the same examples"),
}


@pytest.mark.parametrize(("component", "check"), CAUGHT.values(), ids=CAUGHT)
def test_what_is_wrong_is_found(component: Any, check: str) -> None:
    found = {one.check: one for one in battery(component())}
    assert found[check].holds is False, found


def test_what_may_be_meant_is_told_and_is_no_fault() -> None:
    found = {one.check: one for one in battery(half_frozen())}
    assert found["a gradient for each parameter"] == (
        "a gradient for each parameter",
        None,
        "none for idle, 1.bias",
    )
    assert not [one for one in found.values() if one.holds is False and "process" not in one.check]
    assert {one.check: one for one in battery(a_sum())}["a mean over examples"].holds is None


def test_a_network_of_several_outputs_waits_for_its_loss() -> None:
    @model
    def pair(shape: tuple[int, ...], outputs: int) -> Any:
        import torch

        class Pair(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = linear(shape, outputs)

            def forward(self, inputs: Any) -> Any:
                return self.layer(inputs), inputs

        return Pair()

    (found,) = battery(pair())
    assert (found.check, found.holds) == ("trains", None)


def test_an_error_in_ones_own_code_is_named_with_its_line() -> None:
    @model
    def broken(shape: tuple[int, ...], outputs: int) -> Any:
        raise ZeroDivisionError("by a user")

    (found,) = battery(broken())
    assert found.words.startswith(f"{__file__}, line ")
    assert found.words.endswith("ZeroDivisionError: by a user")


def test_stacking_is_not_tried_where_it_is_not_claimed() -> None:
    found = {one.check: one for one in battery(deaf())}
    assert found["stacked equals alone"].holds is None


@pytest.mark.parametrize(
    ("decorator", "arguments"),
    [(model, "shape, outputs"), (loss, "outputs, targets"), (activation, "inputs")],
)
@pytest.mark.parametrize("stacks", [True, False])
def test_cells_that_share_a_network_or_a_loss_have_no_scalars(
    decorator: Any, arguments: str, stacks: bool
) -> None:
    names: dict[str, Any] = {"scalar": scalar, "__name__": "anywhere"}
    exec(f"def trusting({arguments}, *, gain: float = scalar(1.0)): ...", names)
    with pytest.raises(RequestError, match=r"cannot have a scalar\(\)"):
        decorator(stacks=stacks)(names["trusting"])


def test_a_rule_that_stacks_may_have_scalars() -> None:
    @optimizer(stacks=True)
    def each_its_own(parameters: Any, lr: float, *, decay: float = scalar(0.0)) -> Any: ...

    assert each_its_own.stacks


def test_small_values_are_taken_where_none_are_given() -> None:
    from suite.reproduce.battery import small

    assert small(Model("resnet")) == Model("resnet", depth=8, channels=2)
    assert small(Model("resnet", depth=14)) == Model("resnet", depth=14, channels=2)


@model
def of_24_pixels(shape: Any, outputs: int) -> Any:
    """Made for colour images of 24 pixels a side, and no others."""
    from torch import nn

    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 22 * 22, outputs))


def test_a_network_is_tried_on_the_shapes_of_its_study() -> None:
    (runs,) = battery(of_24_pixels())
    assert (runs.holds, "symbol" in runs.words) == (False, False)
    assert [one for one in battery(of_24_pixels(), ((3, 24, 24),)) if one.holds is False] == []


@model
def bag(shape: Any, outputs: int, *, symbols: int) -> Any:
    """One answer a sequence."""
    from torch import nn

    return nn.EmbeddingBag(symbols, outputs)


def test_a_network_that_answers_once_a_sequence_passes() -> None:
    assert failed(bag()) == []

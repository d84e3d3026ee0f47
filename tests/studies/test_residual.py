"""ResNets have the published sizes, twins differ in the additions only, and the study runs."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from studies import residual
from suite import Model
from suite.ground.errors import RequestError
from suite.models import build
from suite.training.loop import weights_digest

CIFAR = (3, 32, 32)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def by_formula(depth: int, c: int) -> int:
    """Count the weights of 3×3 convolutions of three stages, two numbers a channel, the last layer."""
    n = (depth - 2) // 6
    weights = 9 * c * (3 + 2 * n * c)
    weights += 9 * 2 * c * (c + (2 * n - 1) * 2 * c)
    weights += 9 * 4 * c * (2 * c + (2 * n - 1) * 4 * c)
    return weights + 2 * (c + 2 * n * (c + 2 * c + 4 * c)) + 10 * (4 * c + 1)


@pytest.mark.parametrize(
    ("depth", "channels", "count"),
    [(20, 16, 269_722), (56, 16, 853_018), (110, 16, 1_727_962), (8, 4, by_formula(8, 4))],
)
@pytest.mark.parametrize("twin", [None, True, False])
def test_a_resnet_and_its_plain_twin_have_the_published_number_of_parameters(
    depth: int, channels: int, count: int, twin: bool | None
) -> None:
    model = Model("resnet", depth=depth, channels=channels, norm="batch", residual=twin)
    assert parameters(build(model, CIFAR, 10, seed=0)) == count == by_formula(depth, channels)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_twins_start_from_the_same_weights(norm: Any) -> None:
    twins = (
        build(Model("resnet", depth=14, norm=norm, residual=twin), (1, 8, 8), 10, seed=3)
        for twin in (True, False)
    )
    assert len({weights_digest(network) for network in twins}) == 1
    fields: dict[str, Any] = {"widths": (6, 6, 4, 4), "norm": norm}
    one, other = (build(Model(**fields, residual=twin), (5,), 3, seed=3) for twin in (True, False))
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@given(st.integers(1, 33), st.integers(1, 33), st.integers(1, 3))
def test_a_resnet_fits_every_image(height: int, width: int, channels: int) -> None:
    network = build(Model("resnet", depth=8, channels=2), (channels, height, width), 5, seed=0)
    assert network(torch.rand(2, channels, height, width)).shape == (2, 5)


@pytest.mark.parametrize("twin", [True, False])
def test_a_resnet_computes_what_a_textbook_one_does(twin: bool) -> None:
    network = build(Model("resnet", depth=14, channels=3, norm="batch", residual=twin), CIFAR, 4, 1)
    weights = list(network.parameters())
    taken = iter(weights)

    def convolved(values: torch.Tensor, stride: int) -> torch.Tensor:
        values = F.conv2d(values, next(taken), stride=stride, padding=1)
        return F.batch_norm(values, None, None, next(taken), next(taken), training=True)

    images = torch.rand(5, *CIFAR)
    values = F.relu(convolved(images, 1))
    for stride in (1, 1, 2, 1, 2, 1):
        branch = convolved(F.relu(convolved(values, stride)), 1)
        shortcut = torch.zeros_like(branch)
        shortcut[:, : values.shape[1]] = values[:, :, ::stride, ::stride]
        values = F.relu(branch + shortcut if twin else branch)
    expected = F.linear(values.mean((2, 3)), next(taken), next(taken))
    assert next(taken, None) is None
    assert torch.allclose(network(images), expected, atol=1e-6)


def test_an_mlp_adds_only_where_a_layer_is_as_wide_as_the_one_before() -> None:
    network = build(Model(widths=(6, 6, 4, 4), activation="tanh", residual=True), (6,), 3, seed=0)
    inputs = torch.rand(7, 6)
    a, b, c, d, e, f, g, h, *last = network.parameters()
    first = torch.tanh(F.linear(inputs, a, b))
    second = first + torch.tanh(F.linear(first, c, d))
    third = torch.tanh(F.linear(second, e, f))
    fourth = third + torch.tanh(F.linear(third, g, h))
    assert torch.allclose(network(inputs), F.linear(fourth, *last), atol=1e-6)


def test_repeated_widths_are_the_widths_written_out() -> None:
    short = build(Model(widths=(6, 4), repeats=3), (5,), 3, seed=0)
    assert weights_digest(short) == weights_digest(build(Model(widths=(6, 4) * 3), (5,), 3, seed=0))


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"name": "resnet", "depth": 18},
            "Model.depth must be 6n + 2, not 18 (nearest: 14 and 20)",
        ),
        ({"name": "resnet", "depth": 2}, "Model.depth must be at least 8, not 2"),
        (
            {"widths": (64, 32, 64), "residual": True},
            "Model.residual needs a hidden layer as wide as the one before it, "
            "not widths (64, 32, 64)",
        ),
        ({"name": "lenet", "residual": True}, "Model 'lenet' does not use 'residual'"),
        ({"name": "resnet", "widths": (3,)}, "Model 'resnet' does not use 'widths'"),
    ],
)
def test_what_makes_no_network_is_refused_in_one_line(fields: dict[str, Any], line: str) -> None:
    with pytest.raises(RequestError) as caught:
        Model(**fields)
    assert str(caught.value) == line


def test_a_resnet_refuses_what_is_no_image() -> None:
    with pytest.raises(RequestError, match=r"resnet needs images, not \(2,\)"):
        build(Model("resnet"), (2,), 1, seed=0)


@pytest.mark.parametrize(
    ("network", "weights", "per_layer"),
    [("plain", "default", math.log10(1 / 6) / 2), ("plain", "he", 0.0)],
)
def test_the_gradient_changes_by_what_theory_says(
    network: str, weights: str, per_layer: float
) -> None:
    cell = {"network": network, "weights": weights, "depth": 31}
    ratios = [residual.gradients(cell, seed)[residual.RATIO] / 30 for seed in range(8)]
    assert sum(ratios) / 8 == pytest.approx(per_layer, abs=0.04)

"""Three studies' probes give known answers; these and one more run at the smoke tier."""

from __future__ import annotations

import math

import pytest

from studies import activation_and_depth, batch_norm, dropout


def ratio(activation: str, scale: float, depth: int) -> float:
    setting = {"width": 64, "inputs": "normal"}
    cell = {"activation": activation, "scale": scale, "depth": depth, **setting}
    return activation_and_depth.gradients(cell, 0)[activation_and_depth.RATIO]


@pytest.mark.parametrize(
    ("activation", "scale", "factor"),
    [
        ("identity", 1.0, 1.0),
        ("identity", 2.0, 2.0),
        ("relu", 1.0, math.sqrt(0.5)),
        ("relu", math.sqrt(2.0), 1.0),
        ("relu", 2.0, math.sqrt(2.0)),
    ],
)
def test_a_layer_multiplies_the_gradient_by_what_theory_says(
    activation: str, scale: float, factor: float
) -> None:
    assert ratio(activation, scale, 21) / 20 == pytest.approx(math.log10(factor), abs=0.05)


def test_a_sigmoid_layer_of_scale_one_leaves_less_than_a_quarter() -> None:
    assert ratio("sigmoid", 1.0, 21) / 20 < math.log10(0.25)


def test_a_hundred_gaussian_matrices_grow_to_about_ten_to_the_24() -> None:
    sizes = [
        activation_and_depth.product({"matrices": 100}, seed)[activation_and_depth.PRODUCT]
        for seed in range(40)
    ]
    assert sum(sizes) / len(sizes) == pytest.approx(24.2, abs=1.5)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_promises(rate: float) -> None:
    found = dropout.layer({"rate": rate}, 0)
    assert abs(found[dropout.SHARE]) < 5
    assert abs(found[dropout.MEAN]) < 5
    assert abs(found[dropout.SCALING]) < 1e-12
    assert found[dropout.EVALUATION] == 0


@pytest.mark.parametrize("channels", [1, 16])
def test_batch_normalisation_keeps_its_promises(channels: int) -> None:
    found = batch_norm.layer({"channels": channels}, 0)
    assert found[batch_norm.MEAN] < 1e-9
    assert found[batch_norm.VARIANCE] < 2e-5
    assert found[batch_norm.SHIFT] < 1e-9
    assert found[batch_norm.SCALE] < 1e-4
    assert found[batch_norm.LEARNED] == 0
    assert found[batch_norm.STATISTICS] == 0

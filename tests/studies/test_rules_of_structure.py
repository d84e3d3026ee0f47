"""Own parts of folklore: equal sizes, branches that say nothing at first, standardised inputs."""

from __future__ import annotations

import math

import pytest
import torch

from studies import deep_or_wide, norms, shuffling_and_scaling, zero_gain
from suite.data import load
from suite.models import build
from suite.models.mlp import Residual

DIGITS = (1, 8, 8)


@pytest.mark.parametrize("form", ["mlp", "cnn"])
@pytest.mark.parametrize("depth", [1, 3, 4, 8, 16])
def test_networks_of_any_depth_have_equally_many_parameters(form: str, depth: int) -> None:
    network = build(deep_or_wide.even(form=form, depth=depth), DIGITS, 10, 0)
    assert sum(one.numel() for one in network.parameters()) == pytest.approx(10_000, rel=0.1)


@pytest.mark.parametrize("form", ["mlp", "cnn"])
def test_a_branch_of_gain_zero_says_nothing_at_first(form: str) -> None:
    zero, one = (
        build(zero_gain.residual_blocks(form=form, gain=gain), DIGITS, 10, 0) for gain in (0.0, 1.0)
    )
    for name, weights in zero.named_parameters():
        other = one.get_parameter(name)
        assert torch.equal(weights, other) or (not weights.any() and bool((other == 1).all()))
    block = next(part for part in zero.modules() if isinstance(part, Residual))
    values = torch.randn((5, 32) if form == "mlp" else (5, 8, 8, 8))
    assert torch.equal(block(values), values)


def test_norms_differ_in_no_parameter() -> None:
    made = [
        build(norms.normed_convnet(norm=norm), DIGITS, 10, 0)
        for norm in ("batch", "layer", "group")
    ]
    first = list(made[0].parameters())
    for other in made[1:]:
        assert all(map(torch.equal, first, other.parameters()))


def test_inputs_are_standardised_on_the_training_split_and_splits_are_the_same() -> None:
    raw, scaled = (
        load(shuffling_and_scaling.measurements(inputs=inputs), 0)
        for inputs in ("raw", "standardised")
    )
    wanted = raw.train.inputs.double()
    wanted = (wanted - wanted.mean(0)) / wanted.std(0, correction=0)
    torch.testing.assert_close(scaled.train.inputs.double(), wanted, rtol=1e-3, atol=1e-3)
    assert torch.equal(raw.test.targets, scaled.test.targets)
    assert math.prod(raw.shape) == 30

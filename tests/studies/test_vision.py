"""Studies of images: their probes give known answers, and so do strides and colours."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from studies import devices, feature_maps, information_compression, pooling_and_shift
from suite import Data, Model
from suite.data import load
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.models import build
from suite.models.lenet import POOLING


@pytest.mark.parametrize("size", [6, 7, 8])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2)])
def test_strides_keep_what_a_strided_convolution_computes(
    size: int, kernel: int, stride: int
) -> None:
    convolution = nn.Conv2d(2, 3, kernel_size=3)
    images = torch.randn(4, 2, size + 2, size + 2)
    kept = POOLING["strided"](kernel_size=kernel, stride=stride)(convolution(images))
    pooled = F.max_pool2d(convolution(images), kernel, stride)
    assert kept.shape == pooled.shape
    strided = F.conv2d(images, convolution.weight, convolution.bias, stride=stride)
    assert torch.allclose(kept, strided[..., : kept.shape[-2], : kept.shape[-1]], atol=1e-6)


@pytest.mark.parametrize("name", ["lenet", "vgg", "alexnet"])
def test_the_kind_of_pooling_changes_no_initial_weight(name: Any) -> None:
    shape = (1, 65, 65)
    blocks = {"blocks": ((1, 4), (1, 8))} if name == "vgg" else {}
    first, second = (
        build(Model(name, pooling=kind, **blocks), shape, 10, 0) for kind in ("max", "strided")
    )
    weights, others = first.state_dict(), second.state_dict()
    assert all(torch.equal(weights[key], others[key]) for key in weights)
    assert second(torch.rand(2, *shape)).shape == (2, 10)


LEAVES = Data("generated_leaves", pixels=8, train_examples=20, validation_examples=5)


def test_grey_is_the_luminance_and_red_the_red_in_all_three_channels() -> None:
    found = {
        colours: load(dataclasses.replace(LEAVES, colours=colours), 0)
        for colours in ("all", "grey", "red")
    }
    split = found["all"].test.inputs
    red, green, blue = split.double().unbind(1)
    grey = (0.299 * red + 0.587 * green + 0.114 * blue)[:, None].expand(-1, 3, -1, -1)
    assert (found["grey"].test.inputs.double() - grey).abs().max() <= 0.501
    assert torch.equal(found["red"].test.inputs, split[:, :1].expand(-1, 3, -1, -1))
    assert len({one.digest for one in found.values()}) == 3
    for one in found.values():
        assert one.test.inputs.dtype is torch.uint8
        assert torch.equal(one.train.targets, found["all"].train.targets)


def test_colours_are_refused_where_there_are_none_and_leave_ids_alone() -> None:
    with pytest.raises(RequestError, match="Data 'mnist5k' does not use 'colours'"):
        Data("mnist5k", colours="grey")
    assert "colours" not in str(canonical(Data("cifar10")))


def test_a_kernel_prefers_the_edge_that_it_is() -> None:
    line = torch.tensor([-1.0, -1.0, 0.0, 1.0, 1.0])
    edge = line.expand(5, 5)
    for turned in (edge, edge.mT, -edge):
        assert pooling_and_shift.preference(turned[None] + 0.4) == pytest.approx(400 / (400 + 100))
    assert pooling_and_shift.preference(torch.ones(2, 5, 5)) == pytest.approx(0, abs=1e-6)


def test_features_of_a_moved_image_are_moved_unless_windows_cut_it_otherwise() -> None:
    def deviation(pooling: str, pixels: int) -> float:
        cell = {"pooling": pooling, "pixels": pixels}
        return pooling_and_shift.equivariance(cell, 0)[pooling_and_shift.DEVIATION]

    assert max(deviation("none", 1), deviation("none", 2), deviation("max", 2)) < 1e-10
    assert deviation("max", 1) > 0.01


def test_selectivity_is_one_for_one_class_and_zero_for_all_or_none() -> None:
    answers = torch.tensor([[3.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0]])
    assert feature_maps.selectivity(answers).tolist() == pytest.approx([1, 0, 0])


def test_a_channel_draws_on_as_many_channels_as_have_weight() -> None:
    weights = torch.zeros(2, 4, 3, 3)
    weights[0, 0, 1, 1] = 2.0
    weights[1] = 1.0
    assert float(feature_maps.drawn_on(weights)) == pytest.approx((1 + 4) / 2)


def test_answers_are_alike_whatever_their_sign_and_scale() -> None:
    first = torch.tensor([1.0, 2.0, 4.0, 3.0])
    other = torch.tensor([1.0, -1.0, 1.0, -1.0])
    together = torch.stack([first, 1 - 3 * first], 1)
    assert float(feature_maps.alike(together)) == pytest.approx(1)
    constant = torch.stack([other, torch.ones(4)], 1)
    assert float(feature_maps.alike(constant)) == pytest.approx(0)


def test_the_readout_finds_classes_that_lie_apart() -> None:
    draw = torch.Generator().manual_seed(0)
    targets = torch.arange(60) % 3
    features = torch.randn(60, 5, generator=draw) + 10 * F.one_hot(targets, 5)
    readout = feature_maps.fit(features, targets, 3)
    assert torch.equal(readout(features), targets)


def test_linear_maps_are_read_off_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    features, others = rng.standard_normal((2, 300, 6))
    linear = rng.standard_normal((6, 4))
    said = information_compression.read(features, features @ linear, others)
    assert information_compression.explained(said, others @ linear) == pytest.approx(1, abs=1e-3)
    noise, unknown = rng.standard_normal((2, 300, 4))
    said = information_compression.read(features, noise, others)
    assert abs(information_compression.explained(said, unknown)) < 0.05


def test_directions_are_counted() -> None:
    rng = np.random.default_rng(0)
    even = rng.standard_normal((20_000, 5))
    assert information_compression.directions(even) == pytest.approx(5, rel=0.01)
    flat = even[:, :1] @ np.ones((1, 5))
    assert information_compression.directions(flat) == pytest.approx(1)


def test_a_wrapped_gradient_is_held_against_the_whole_batch() -> None:
    def check(shards: int) -> float:
        step = devices.wrapped_step
        return step(lambda network: network, torch.float64, "cpu", shards, 0, 0, rounds=1)[0]

    assert check(1) < 1e-12
    assert check(2) > 1e-3  # a half of the batch, and nobody to average with
    assert devices.wrapped({"wrapper": "DataParallel", "devices": 2}, 0) == {}

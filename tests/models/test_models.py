"""Networks have the sizes the book gives, and their initial weights come from the seed alone."""

from __future__ import annotations

import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from suite import Model
from suite.ground.errors import RequestError
from suite.models import build
from suite.models.layers import Dropout, use_generator
from suite.training.devices import OneDevice

MNIST = (1, 28, 28)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("model", "shape", "outputs", "count"),
    [
        (Model("softmax"), MNIST, 10, 7_850),
        (Model("linear"), (2,), 1, 3),
        (Model("mlp", widths=(256,)), MNIST, 10, 203_530),
        (Model("mlp", widths=(256, 256)), MNIST, 10, 203_530 + 256 * 257),
        (Model("mlp", widths=()), MNIST, 10, 7_850),
        (Model("mlp", widths=(256,), norm="batch"), MNIST, 10, 203_530 + 2 * 256),
        (Model("mlp", widths=(256,), dropout=0.5), MNIST, 10, 203_530),
        (Model("lenet"), MNIST, 10, 61_706),
        (Model("lenet", pooling="average", activation="sigmoid"), MNIST, 10, 61_706),
        (Model("lenet"), (3, 32, 32), 10, 83_126),
    ],
)
def test_parameters_are_counted_as_by_hand_and_outputs_have_their_shape(
    model: Model, shape: tuple[int, ...], outputs: int, count: int
) -> None:
    network = build(model, shape, outputs, seed=0)
    assert parameters(network) == count
    assert network(torch.rand(4, *shape)).shape == (4, outputs)


@given(st.integers(12, 40), st.integers(12, 40), st.integers(1, 3))
def test_lenet_fits_every_image_of_at_least_twelve_pixels(
    height: int, width: int, channels: int
) -> None:
    network = build(Model("lenet"), (channels, height, width), 5, seed=0)
    assert network(torch.rand(2, channels, height, width)).shape == (2, 5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2,), (1, 28, 11)])
def test_lenet_refuses_what_is_no_image_or_too_small(shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError) as caught:
        build(Model("lenet"), shape, 10, seed=0)
    assert str(caught.value) == f"lenet needs images of at least 12×12 pixels, not {shape}"


def test_building_leaves_the_global_generator_untouched() -> None:
    before = torch.random.get_rng_state()
    build(Model("mlp"), MNIST, 10, seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_activation_and_dropout_do_not_change_the_initial_weights() -> None:
    plain = build(Model("mlp"), MNIST, 10, seed=0)
    other = build(Model("mlp", activation="tanh", dropout=0.3), MNIST, 10, seed=0)
    for one, two in zip(plain.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", Model.known)
def test_the_fields_of_a_model_are_those_its_builder_takes(name: str) -> None:
    taken = inspect.signature(Model(name).function()).parameters.values()
    keywords = [one.name for one in taken if one.kind is inspect.Parameter.KEYWORD_ONLY]
    assert sorted(keywords) == sorted({*Model(name).arguments(), *({"symbols"} & {*keywords})})


def test_identity_activations_make_an_mlp_one_affine_map() -> None:
    network = build(Model("mlp", widths=(7, 5), activation="identity"), (4,), 3, seed=0).double()
    a, b, zero = torch.rand(2, 4).double(), torch.rand(2, 4).double(), torch.zeros(1, 4).double()
    assert torch.allclose(network(a + b), network(a) + network(b) - network(zero))


def test_xavier_uniform_fills_its_bounds() -> None:
    network = build(Model("mlp", init="xavier_uniform"), MNIST, 10, seed=0)
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    for layer in layers:
        bound = math.sqrt(6 / (layer.in_features + layer.out_features))
        largest = float(layer.weight.detach().abs().max())
        assert 0.99 * bound < largest <= bound
        assert float(layer.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.03)


def test_normal_is_narrow_with_zero_bias() -> None:
    network = build(Model("lenet", init="normal"), MNIST, 10, seed=0)
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            assert module.bias is not None
            assert not module.bias.any()
            assert float(module.weight.detach().std()) == pytest.approx(0.01, rel=0.15)


def test_default_is_pytorchs_own() -> None:
    layer = build(Model("softmax"), MNIST, 10, seed=0)[1]  # type: ignore[index]
    assert 0.99 / 28 < float(layer.weight.detach().abs().max()) <= 1 / 28


def a_dropout(rate: float, seed: int = 0) -> Dropout:
    layer = Dropout(rate)
    use_generator(nn.Sequential(layer), torch.Generator().manual_seed(seed))
    return layer


@given(st.floats(0.01, 0.95))
def test_dropout_zeroes_its_share_and_keeps_the_expectation(rate: float) -> None:
    n = 40_000
    out = a_dropout(rate)(torch.ones(n))
    share = float((out == 0).float().mean())
    # Five standard errors of a share of n draws.
    assert abs(share - rate) < 5 * math.sqrt(rate * (1 - rate) / n)
    assert float(out.max()) == pytest.approx(1 / (1 - rate))
    assert float(out.mean()) == pytest.approx((1 - share) / (1 - rate), rel=1e-3)


def test_dropout_is_the_identity_in_evaluation_and_at_rate_zero() -> None:
    inputs = torch.rand(50)
    assert torch.equal(a_dropout(0.5).eval()(inputs), inputs)
    assert torch.equal(a_dropout(0.0)(inputs), inputs)


def test_dropout_draws_from_its_own_generator_only() -> None:
    inputs = torch.ones(100)
    layer, again = a_dropout(0.5, seed=3), a_dropout(0.5, seed=3)
    before = torch.random.get_rng_state()
    first = layer(inputs)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(4)
    assert torch.equal(again(inputs), first)
    assert not torch.equal(layer(inputs), first), "every forward pass draws a new mask"


def test_dropout_passes_the_gradient_of_what_it_kept() -> None:
    inputs = torch.ones(100, requires_grad=True)
    out = a_dropout(0.5)(inputs)
    (gradient,) = torch.autograd.grad(out.sum(), inputs)
    assert torch.equal(gradient, out.detach())


def test_a_synchronised_norm_that_trains_alone_waits_for_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process may know others that train something else, as under torchrun."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    images = torch.rand(8, 1, 28, 28)
    network = build(Model("mlp", widths=(4,), norm="synchronised"), (1, 28, 28), 10, 0)
    with pytest.raises((RuntimeError, ValueError)):  # there is no group
        network(images)
    assert OneDevice().wrap(network)(images).shape == (8, 10)

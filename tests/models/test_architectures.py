"""The book's networks have its sizes and torchvision's outputs; counts agree."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.transforms import v2

from studies import architectures, the_book
from suite import Data, Model
from suite.data import load
from suite.ground.errors import RequestError
from suite.models import build
from suite.models.counts import Counts, by_formula, counted
from suite.models.resnet18 import CHANNELS, stages
from suite.models.vgg import vgg
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.model import Activation

BOOK = {grid.name: grid.recipe for grid in the_book.study.grids("full")}
PARAMETERS = {
    "lenet": 61_706,
    "bn_lenet": 44_878,
    "alexnet": 46_764_746,
    "vgg": 43_093_322,
    "nin": 1_992_166,
    "googlenet": 5_977_530,
    "resnet18": 11_178_378,
}


def on_meta(model: Model, size: int) -> nn.Module:
    with torch.device("meta"):
        return build(model, (1, size, size), 10, seed=0)


def numbers(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_books_networks_have_the_books_number_of_parameters(name: str) -> None:
    recipe = BOOK[name]
    size = recipe.data.image_size or 28
    network = on_meta(recipe.model, size)
    counts = counted(network, (1, size, size))
    assert counts.parameters == PARAMETERS[name]
    assert counts == by_formula(network, (1, size, size))


SMALL: list[tuple[Model, int]] = [
    (Model("softmax"), 28),
    (Model("mlp", widths=(9, 9), residual=True, norm="batch"), 28),
    (Model("resnet", depth=14, channels=4, norm="batch"), 28),
    (Model("alexnet", scale=0.125, dropout=0.5), 65),
    (Model("vgg", blocks=((1, 4, 5), (2, 6)), head="average"), 28),
    (Model("nin", scale=0.1), 67),
    (Model("googlenet", scale=0.1), 28),
    *[
        (Model("googlenet", scale=0.1, inception=inception), 32)
        for inception in ("no 1x1", "no 3x3", "no 5x5", "no pool", "plain 3x3", "plain 5x5")
    ],
    (Model("resnet18", scale=0.1), 32),
]


@pytest.mark.parametrize(("model", "size"), SMALL)
def test_the_formulas_count_what_pytorch_counts_and_every_weight_learns(
    model: Model, size: int
) -> None:
    network = build(model, (1, size, size), 10, seed=0)
    assert by_formula(network, (1, size, size)) == counted(network, (1, size, size))
    loss = network.eval()(torch.rand(3, 1, size, size)).logsumexp(1).sum()
    gradients = torch.autograd.grad(loss, tuple(network.parameters()), allow_unused=True)
    assert all(gradient is not None for gradient in gradients)


def test_a_count_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(5 * 4 * 6, 7, bias=False))
    by_hand = Counts(5 * (27 + 1) + 120 * 7, 27 * 5 * 24 + 120 * 7)
    assert counted(network, (3, 6, 8)) == by_formula(network, (3, 6, 8)) == by_hand
    with pytest.raises(TypeError, match="no formula for PReLU"):
        by_formula(nn.Sequential(nn.PReLU()), (3, 6, 8))


def copied(to: nn.Module, of: nn.Module) -> None:
    """Copy weights in the order in which the modules hold them."""
    mine, theirs = to.state_dict(), of.state_dict()
    assert [tuple(one.shape) for one in mine.values()] == [
        tuple(one.shape) for one in theirs.values()
    ]
    to.load_state_dict(dict(zip(mine, theirs.values(), strict=True)))


def test_without_biases_our_resnets_are_torchvisions() -> None:
    for blocks, theirs in (((2, 2, 2, 2), "resnet18"), ((3, 4, 6, 3), "resnet34")):
        torch.manual_seed(0)
        other = getattr(torchvision.models, theirs)(num_classes=10)
        network = stages(3, 10, CHANNELS, blocks, bias=False)
        assert numbers(network) == numbers(other)
        images = torch.rand(2, 3, 64, 64)
        copied(network, other)
        with torch.no_grad():
            assert torch.allclose(network.eval()(images), other.eval()(images), atol=1e-5)


def test_our_vgg_is_torchvisions() -> None:
    standard: dict[str, Any] = {"activation": Activation(), "pooling": "max", "head": "linear"}
    with torch.device("meta"):
        network = vgg(
            (3, 224, 224), 1000, widths=(4096, 4096), dropout=0.5, blocks=Model().blocks, **standard
        )
        other = torchvision.models.vgg11()
    assert [tuple(one.shape) for one in network.parameters()] == [
        tuple(one.shape) for one in other.parameters()
    ]
    small = vgg((3, 32, 32), 10, widths=(), dropout=0.0, blocks=Model().blocks, **standard)
    features = torchvision.models.vgg11(num_classes=10).features
    copied(small[: len(features)], features)
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(small[-1](features(images).flatten(1)), small(images))


@pytest.mark.parametrize(
    ("model", "least"), [(Model("alexnet", scale=0.01), 65), (Model("nin", scale=0.01), 67)]
)
def test_an_image_too_small_for_the_poolings_is_refused(model: Model, least: int) -> None:
    build(model, (1, least, least), 10, seed=0)
    size = least - 1
    with pytest.raises(RequestError) as caught:
        build(model, (1, size, size), 10, seed=0)
    assert str(caught.value) == f"images of {size}×{size} pixels are too small for this network"


@pytest.mark.parametrize("block", [(1,), (0, 8), (1, 8, 4), (1, 8, 3, 1)])
def test_a_block_that_is_none_is_refused(block: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match=r"^Model.blocks must hold the convolutions, channels"):
        Model("vgg", blocks=((1, 8), block))


def test_resized_images_are_torchvisions_and_another_data_set() -> None:
    few: dict[str, int] = {"train_examples": 30, "validation_examples": 5}
    plain, resized = load(Data("digits", **few), 0), load(Data("digits", image_size=20, **few), 0)
    assert resized.shape == (1, 20, 20)
    resize = v2.Resize((20, 20), antialias=True)
    for one, other in zip(plain[:3], resized[:3], strict=True):
        assert torch.equal(resize(one.inputs), other.inputs)
        assert torch.equal(one.targets, other.targets)
    assert plain.digest != resized.digest != load(Data("digits", image_size=21, **few), 0).digest


def test_only_the_last_resized_images_are_kept() -> None:
    load.cache_clear()
    for size in (9, 10, 11):
        load(Data("digits", image_size=size), 0)
    assert load.cache_info().currsize == 1


def test_the_book_is_trained_as_published_at_the_full_tier_only() -> None:
    laptop = {grid.name: grid.seeds for grid in the_book.study.grids()}
    assert {name for name, seeds in laptop.items() if seeds} == {"main"}
    assert all(grid.seeds == 4 for grid in the_book.study.grids("full", seeds=4))
    assert BOOK["vgg"].budget.total_steps(59_999, 128) == 4690
    for recipe in BOOK.values():
        assert isinstance(recipe, Recipe)
        assert recipe.data.name == "fashion_mnist"
        assert recipe.optimizer.momentum == recipe.optimizer.weight_decay == 0


def test_a_written_out_vgg_is_the_built_one() -> None:
    assert architectures.builder({}, 1)[architectures.BUILDER_ERROR] < 1e-12

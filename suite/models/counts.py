"""What a network costs before it is trained: parameters, and multiply-adds for one example.

Both are had in two ways, from a library that watches the network and from the closed formula of
each kind of layer, so that one can be held against the other.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Counts(NamedTuple):
    """Parameters, and multiply-adds of linear and convolutional layers for one example."""

    parameters: int
    multiply_adds: int


class Work(NamedTuple):
    """Layers that have parameters, and multiply-adds for one example, of convolutions apart."""

    layers: int
    products: int
    convolutions: int


def counted(network: nn.Module, shape: tuple[int, ...]) -> Counts:
    """Return what PyTorch counts: the elements of every parameter, and half of its flops.

    Nothing is computed: the network is copied to the device `meta`, where tensors have no values.

    Args:
        shape: of one example.
    """
    _, products, convolutions = work_of(network, shape)
    elements = sum(parameter.numel() for parameter in network.parameters())
    return Counts(elements, products + convolutions)


def work_of(network: nn.Module, shape: tuple[int, ...], *, symbols: bool = False) -> Work:
    """Return what a forward pass comes to, as PyTorch counts it, computing nothing.

    Args:
        shape: of one example.
        symbols: an example is whole numbers that stand for symbols.
    """
    from torch.utils.flop_counter import FlopCounterMode  # with triton, which no worker needs

    kind = torch.int64 if symbols else None
    with FlopCounterMode(display=False) as counter:
        on_meta(network)(torch.empty(1, *shape, device="meta", dtype=kind))
    flops = counter.get_flop_counts()["Global"]
    convolutions = sum(count for one, count in flops.items() if "convolution" in str(one))
    layers = (any(True for _ in one.parameters(recurse=False)) for one in network.modules())
    products = counter.get_total_flops() - convolutions
    return Work(sum(layers), products // 2, convolutions // 2)


def by_formula(network: nn.Module, shape: tuple[int, ...]) -> Counts:
    """Return the sum of each layer's formula.

    | layer | parameters | multiply-adds |
    |---|---|---|
    | linear | (inputs + 1) · outputs | inputs · outputs |
    | convolution | (kernel area · inputs + 1) · outputs | area · inputs · outputs · output pixels |
    | normalisation | 2 · channels | none counted |

    The 1 is the bias and falls away where there is none. Multiply-adds of normalisations,
    activations and poolings are left out, as is usual: they are under 1 % in the networks here.

    Args:
        shape: of one example.

    Raises:
        TypeError: if a layer with parameters is of no kind that has a formula.
    """
    found: list[Counts] = []

    def look(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(_of_layer(layer, output.shape))

    probe = on_meta(network)
    for layer in probe.modules():
        if any(True for _ in layer.parameters(recurse=False)):
            layer.register_forward_hook(look)
    probe(torch.empty(1, *shape, device="meta"))
    return Counts(*(sum(column) for column in zip(*found, strict=True)))


def _of_layer(layer: nn.Module, output: torch.Size) -> Counts:
    if isinstance(layer, nn.Linear):
        weights = layer.in_features * layer.out_features
        bias = 0 if layer.bias is None else layer.out_features
        return Counts(weights + bias, weights * output[1:-1].numel())
    if isinstance(layer, nn.Conv2d):
        area = layer.kernel_size[0] * layer.kernel_size[1]
        weights = area * layer.in_channels // layer.groups * layer.out_channels
        bias = 0 if layer.bias is None else layer.out_channels
        return Counts(weights + bias, weights * output[2:].numel())
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        return Counts(2 * layer.num_features, 0)
    raise TypeError(f"no formula for {type(layer).__name__}")


def on_meta(network: nn.Module) -> nn.Module:
    """Return a copy without values, in evaluation mode."""
    return copy.deepcopy(network).to("meta").eval()

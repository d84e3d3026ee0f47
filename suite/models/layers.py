"""Layers that several networks share."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from suite.ground.errors import RequestError
from suite.vocabulary.model import Activation


class Elementwise(nn.Module):
    """A function of one's own as a layer."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a tensor of the shape of `inputs`."""
        outputs: Tensor = self.activation.function()(inputs, **self.activation.arguments())
        return outputs


def activated(activation: Activation) -> nn.Module:
    """Return the layer that a recipe's activation names."""
    if activation.home:
        return Elementwise(activation)
    layer: nn.Module = activation.function()()
    return layer


class Dropout(nn.Module):
    """Inverted dropout (Srivastava et al., 2014) whose masks come from a stream of its own.

    `nn.Dropout` draws from the global generator, so any other draw would shift its masks.

    Attributes:
        rate: probability that a unit is zeroed in training.
        generator: source of the masks; the trainer sets it.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `inputs` of any shape, masked and scaled by 1/(1 - rate) in training mode."""
        if not self.training or self.rate == 0.0:
            return inputs
        keep = 1.0 - self.rate
        mask = torch.empty_like(inputs).bernoulli_(keep, generator=self.generator)
        return inputs * mask.div_(keep)


class SynchronisedBatchNorm(_BatchNorm):
    """Batch normalisation (Ioffe and Szegedy, 2015) over the batch of all devices together.

    `nn.SyncBatchNorm` does the same on GPUs and nothing on CPUs. The moments are exact for shards
    of unequal sizes; with one process this is `nn.BatchNorm1d` or `nn.BatchNorm2d`.

    Attributes:
        alone: whether other processes, if there are any, train something else.
    """

    alone = False

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 (the base class's name)
        """Take inputs with any number of dimensions."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs `(n, channels, ...)`, normalised."""
        if not self.training or self.alone or not distributed.is_initialized():
            return super().forward(inputs)
        rest = [0, *range(2, inputs.ndim)]  # all dimensions but the channels

        def over_all(values: Tensor) -> Tensor:
            total: Tensor = _Sum.apply(values.sum(rest, keepdim=True))
            return total / count

        count = inputs.new_tensor([inputs.numel() / inputs.shape[1]])
        distributed.all_reduce(count)
        mean = over_all(inputs)
        centred = inputs - mean
        variance = over_all(centred.square())
        with torch.no_grad():
            unbiased = variance * count / (count - 1)
            for kept, seen in ((self.running_mean, mean), (self.running_var, unbiased)):
                assert kept is not None  # it is kept by default, and so is the momentum
                assert self.momentum is not None
                kept.lerp_(seen.flatten(), self.momentum)
        channels = variance.shape
        scale, shift = self.weight.view(channels), self.bias.view(channels)
        return centred * torch.rsqrt(variance + self.eps) * scale + shift


NORMALISATIONS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "batch": (nn.BatchNorm1d, nn.BatchNorm2d),
    "synchronised": (SynchronisedBatchNorm, SynchronisedBatchNorm),
}


GROUPS = 8  # of channels (Wu and He, 2018), or as many as divide them


def normalisation(norm: str, channels: int, *, dimensions: int) -> list[nn.Module]:
    """Return the layer that a recipe's `norm` names, or none.

    Args:
        dimensions: 1 for `(n, channels)`, 2 for images.
    """
    if norm == "none":
        return []
    if norm == "layer":  # of images, channels and pixels together
        return [nn.LayerNorm(channels) if dimensions == 1 else nn.GroupNorm(1, channels)]
    if norm == "group":
        return [nn.GroupNorm(math.gcd(GROUPS, channels), channels)]
    return [NORMALISATIONS[norm][dimensions - 1](channels)]


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class GlobalAveragePool(nn.Module):
    """The mean over pixels; `nn.AdaptiveAvgPool2d` has no deterministic gradient on a GPU."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(n, channels)` from `(n, channels, height, width)`."""
        return inputs.mean((2, 3))


def scaled(channels: int, scale: float) -> int:
    """Return a number of channels times a factor, rounded, at least 1."""
    return max(1, round(channels * scale))


def output_shape(network: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what a network makes of one example, computing nothing.

    Raises:
        RequestError: if the example is no image, or too small for the network's layers.
    """
    if len(shape) != 3:
        raise RequestError(f"convolutions need images, not {shape}")
    try:
        example = torch.empty(1, *shape, device="meta")
        return tuple(copy.deepcopy(network).to("meta").eval()(example).shape[1:])
    except RuntimeError:
        size = "×".join(map(str, shape[1:]))
        raise RequestError(f"images of {size} pixels are too small for this network") from None


def linear_head(
    features: nn.Module,
    shape: tuple[int, ...],
    outputs: int,
    *,
    widths: tuple[int, ...],
    activation: Activation,
    dropout: float,
) -> list[nn.Module]:
    """Return the layers from the feature maps of `features` to classes: hidden ones, dropout."""
    inputs = math.prod(output_shape(features, shape))
    layers: list[nn.Module] = [nn.Flatten()]
    for width in widths:
        layers += [nn.Linear(inputs, width), activated(activation), Dropout(dropout)]
        inputs = width
    return [*layers, nn.Linear(inputs, outputs)]


def use_generator(network: nn.Module, generator: torch.Generator) -> None:
    """Make every Dropout of `network` draw from `generator`, in the order of the forward pass."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.generator = generator

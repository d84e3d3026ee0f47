"""Layers that several networks share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "identity": nn.Identity,
}


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


class SynchronisedBatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation (Ioffe and Szegedy, 2015) over the batch of all devices together.

    `nn.SyncBatchNorm` does the same on GPUs and nothing on CPUs. The moments are exact for shards
    of unequal sizes; with one process this is `nn.BatchNorm1d`.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(n, channels)` inputs, normalised."""
        if not self.training or not distributed.is_initialized():
            return super().forward(inputs)
        count = _Sum.apply(inputs.new_tensor([float(len(inputs))]))
        mean = _Sum.apply(inputs.sum(0)) / count
        centred = inputs - mean
        variance = _Sum.apply(centred.square().sum(0)) / count
        with torch.no_grad():
            unbiased = variance * count / (count - 1)
            for kept, seen in ((self.running_mean, mean), (self.running_var, unbiased)):
                assert kept is not None  # it is kept by default, and so is the momentum
                assert self.momentum is not None
                kept.lerp_(seen, self.momentum)
        normalised: Tensor = centred * torch.rsqrt(variance + self.eps)
        return normalised * self.weight + self.bias


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


def use_generator(network: nn.Module, generator: torch.Generator) -> None:
    """Make every Dropout of `network` draw from `generator`, in the order of the forward pass."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.generator = generator

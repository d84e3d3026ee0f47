"""Layers that several networks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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


def use_generator(network: nn.Module, generator: torch.Generator) -> None:
    """Make every Dropout of `network` draw from `generator`, in the order of the forward pass."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.generator = generator

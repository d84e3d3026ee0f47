"""Initial weights of linear and convolutional layers, from the global generator."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.conv import _ConvNd

from suite.vocabulary.model import Initialisation


def initialise(network: nn.Module, how: Initialisation) -> None:
    """Set initial weights in place, one layer after another."""
    function, arguments = how.function(), how.arguments()
    for module in network.modules():
        if isinstance(module, nn.Linear | _ConvNd):
            function(module, **arguments)


def keep(_layer: nn.Module) -> None:
    """Keep what PyTorch gave the layer."""


def xavier_uniform(layer: nn.Linear | nn.Conv2d) -> None:
    """Draw as Glorot and Bengio (2010), and keep the bias that PyTorch gave."""
    nn.init.xavier_uniform_(layer.weight)


def normal(layer: nn.Linear | nn.Conv2d) -> None:
    """Draw from N(0, 0.01²), with zero bias."""
    nn.init.normal_(layer.weight, std=0.01)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)

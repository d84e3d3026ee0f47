"""Initial weights of linear and convolutional layers."""

from __future__ import annotations

from torch import nn

from suite.vocabulary.model import Initialisation


def initialise(network: nn.Module, how: Initialisation) -> None:
    """Set initial weights in place from the global generator; `default` keeps PyTorch's."""
    for module in network.modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        if how == "xavier_uniform":
            nn.init.xavier_uniform_(module.weight)
        elif how == "normal":
            nn.init.normal_(module.weight, std=0.01)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

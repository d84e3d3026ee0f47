"""One linear layer: linear regression, and, with a cross-entropy loss, softmax regression."""

from __future__ import annotations

from torch import nn


def linear(features: int, outputs: int) -> nn.Module:
    """Return a network from `(n, ...)` with `features` values an example to `(n, outputs)`."""
    return nn.Sequential(nn.Flatten(), nn.Linear(features, outputs))

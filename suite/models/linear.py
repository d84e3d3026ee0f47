"""One linear layer: linear regression, and, with a cross-entropy loss, softmax regression."""

from __future__ import annotations

import math

from torch import nn


def linear(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return a network from `(n, *shape)` to `(n, outputs)`."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), outputs))

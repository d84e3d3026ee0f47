"""The multilayer perceptron."""

from __future__ import annotations

from torch import nn

from suite.models.layers import ACTIVATIONS, Dropout, SynchronisedBatchNorm1d


def mlp(
    features: int,
    outputs: int,
    *,
    widths: tuple[int, ...],
    activation: str,
    dropout: float,
    norm: str,
) -> nn.Module:
    """Return a network from `(n, ...)` with `features` values an example to `(n, outputs)`.

    Each hidden layer is linear, then normalisation, activation and dropout where asked for.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for width in widths:
        layers.append(nn.Linear(features, width))
        if norm == "batch":
            layers.append(nn.BatchNorm1d(width))
        elif norm == "synchronised":
            layers.append(SynchronisedBatchNorm1d(width))
        layers.append(ACTIVATIONS[activation]())
        if dropout > 0.0:
            layers.append(Dropout(dropout))
        features = width
    return nn.Sequential(*layers, nn.Linear(features, outputs))

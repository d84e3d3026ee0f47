"""The multilayer perceptron."""

from __future__ import annotations

import math

from torch import Tensor, nn

from suite.models.layers import Dropout, activated, normalisation
from suite.vocabulary.model import Activation


class Residual(nn.Sequential):
    """Layers in a row, to whose output their input is added (He et al., 2016)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a tensor of the shape of `inputs`, which the layers must keep."""
        values: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
        return inputs + values


def mlp(
    shape: tuple[int, ...],
    outputs: int,
    *,
    widths: tuple[int, ...],
    repeats: int,
    activation: Activation,
    dropout: float,
    norm: str,
    residual: bool | None,
) -> nn.Module:
    """Return a network from `(n, *shape)` to `(n, outputs)`.

    Each hidden layer is linear, then normalisation, activation and dropout where asked for. With
    `residual`, one that is as wide as the hidden layer before it adds its input to its output.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    features, before = math.prod(shape), None
    for width in widths * repeats:
        layer: list[nn.Module] = [nn.Linear(features, width)]
        layer += normalisation(norm, width, dimensions=1)
        layer.append(activated(activation))
        if dropout > 0.0:
            layer.append(Dropout(dropout))
        layers += [Residual(*layer)] if residual and width == before else layer
        features = before = width
    return nn.Sequential(*layers, nn.Linear(features, outputs))

"""VGG (Simonyan and Zisserman, 2015): blocks of equal convolutions, each with a pooling."""

from __future__ import annotations

from torch import nn

from suite.models.layers import Dropout, GlobalAveragePool, activated, linear_head, output_shape
from suite.models.lenet import POOLING
from suite.vocabulary.model import Activation


def vgg(
    shape: tuple[int, ...],
    outputs: int,
    *,
    widths: tuple[int, ...],
    activation: Activation,
    dropout: float,
    pooling: str,
    blocks: tuple[tuple[int, ...], ...],
    head: str,
) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    With a quarter of VGG-11's channels, on 224×224 pixels of one channel, ten outputs and twice
    4096 hidden units, it has 43,093,322 parameters.

    Args:
        blocks: of each the convolutions, their channels and, where it is not 3, their kernel.
        head: `linear` layers with `widths` hidden units, or, in their stead, `average`: 1×1
            convolutions with as many channels, and the mean of the last one's maps.

    Raises:
        RequestError: if the input is no image or too small for the poolings.
    """
    features = nn.Sequential()
    channels = shape[0]
    for convolutions, wider, *kernel in blocks:
        layers = block(channels, wider, convolutions, *kernel, activation=activation)
        features.extend([*layers, POOLING[pooling](kernel_size=2, stride=2)])
        channels = wider
    if head == "average":
        output_shape(features, shape)
        for width in widths:
            one = block(channels, width, 1, 1, activation=activation)
            features.extend([*one, Dropout(dropout)])
            channels = width
        return features.extend([nn.Conv2d(channels, outputs, kernel_size=1), GlobalAveragePool()])
    return features.extend(
        linear_head(features, shape, outputs, widths=widths, activation=activation, dropout=dropout)
    )


def block(
    inputs: int, outputs: int, convolutions: int, kernel: int = 3, *, activation: Activation
) -> list[nn.Module]:
    """Return convolutions that keep height and width, each with an activation."""
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        layers += [conv, activated(activation)]
        inputs = outputs
    return layers

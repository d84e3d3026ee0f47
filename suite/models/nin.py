"""Network in network (Lin et al., 2014): 1×1 convolutions where others have linear layers."""

from __future__ import annotations

from torch import nn

from suite.models.layers import Dropout, GlobalAveragePool, output_shape, scaled


def nin(shape: tuple[int, ...], outputs: int, *, dropout: float, scale: float) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    On images of one channel with ten outputs it has 1,992,166 parameters, whatever their size.

    Raises:
        RequestError: if the input is no image or too small for the poolings.
    """
    few, more, most = (scaled(channels, scale) for channels in (96, 256, 384))
    network = nn.Sequential(
        *block(shape[0], few, kernel=11, stride=4, padding=0),
        nn.MaxPool2d(kernel_size=3, stride=2),
        *block(few, more, kernel=5, padding=2),
        nn.MaxPool2d(kernel_size=3, stride=2),
        *block(more, most, kernel=3, padding=1),
        nn.MaxPool2d(kernel_size=3, stride=2),
        Dropout(dropout),
        *block(most, outputs, kernel=3, padding=1),
        GlobalAveragePool(),
    )
    output_shape(network, shape)
    return network


def block(
    inputs: int, outputs: int, *, kernel: int, stride: int = 1, padding: int
) -> list[nn.Module]:
    """Return a convolution and two 1×1 convolutions, a linear network for every pixel."""
    return [
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, kernel_size=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, kernel_size=1),
        nn.ReLU(),
    ]

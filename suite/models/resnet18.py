"""ResNet-18 and its kind, for large images (He et al., 2016, table 1)."""

from __future__ import annotations

from torch import nn

from suite.models.layers import GlobalAveragePool, output_shape, scaled
from suite.models.resnet import BasicBlock

CHANNELS = (64, 128, 256, 512)


def resnet18(shape: tuple[int, ...], outputs: int, *, scale: float) -> nn.Module:
    """Return the book's network from `(n, channels, height, width)` to `(n, outputs)`.

    On images of one channel with ten outputs it has 11,178,378 parameters: its convolutions keep
    a bias, and a shortcut that changes shape is a convolution without normalisation.

    Raises:
        RequestError: if the input is no image.
    """
    channels = tuple(scaled(width, scale) for width in CHANNELS)
    network = stages(shape[0], outputs, channels, blocks=(2, 2, 2, 2), bias=True)
    output_shape(network, shape)
    return network


def stages(
    inputs: int, outputs: int, channels: tuple[int, ...], blocks: tuple[int, ...], *, bias: bool
) -> nn.Sequential:
    """Return a stem that quarters height and width, and stages of blocks, all but the first halving.

    Args:
        bias: as the book: convolutions have one, and shortcuts no normalisation. Without it
            this is He et al.'s network, and torchvision's.
    """
    width = channels[0]
    network = nn.Sequential(
        nn.Conv2d(inputs, width, kernel_size=7, stride=2, padding=3, bias=bias),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )
    for stage, (wider, count) in enumerate(zip(channels, blocks, strict=True)):
        for block in range(count):
            stride = 2 if stage and not block else 1
            same = stride == 1 and width == wider
            shortcut = nn.Identity() if same else projection(width, wider, stride, bias=bias)
            network.append(BasicBlock(width, wider, stride=stride, bias=bias, shortcut=shortcut))
            width = wider
    return network.extend([GlobalAveragePool(), nn.Linear(width, outputs)])


def projection(inputs: int, outputs: int, stride: int, *, bias: bool) -> nn.Module:
    """Return a shortcut that brings the input to a block's shape: option B of He et al."""
    conv = nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=bias)
    return conv if bias else nn.Sequential(conv, nn.BatchNorm2d(outputs))

"""GoogLeNet (Szegedy et al., 2015) without its auxiliary classifiers, as the book has it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.layers import GlobalAveragePool, output_shape, scaled

# Channels of each block's paths: 1×1; 1×1 and 3×3; 1×1 and 5×5; 1×1 after pooling. A None halves
# height and width.
Paths = tuple[int, tuple[int, int], tuple[int, int], int]
BLOCKS: tuple[Paths | None, ...] = (
    (64, (96, 128), (16, 32), 32),
    (128, (128, 192), (32, 96), 64),
    None,
    (192, (96, 208), (16, 48), 64),
    (160, (112, 224), (24, 64), 64),
    (128, (128, 256), (24, 64), 64),
    (112, (144, 288), (32, 64), 64),
    (256, (160, 320), (32, 128), 128),
    None,
    (256, (160, 320), (32, 128), 128),
    (384, (192, 384), (48, 128), 128),
)


class Inception(nn.Module):
    """Paths beside each other whose outputs are stacked.

    Attributes:
        paths: each keeps height and width.
        outputs: their channels together.
    """

    def __init__(self, inputs: int, channels: Paths, scale: float, without: str) -> None:
        super().__init__()
        one, (few3, three), (few5, five), pooled = channels

        def convolutions(*widths: int, kernel: int = 1) -> list[nn.Module]:
            """Return a 1×1 convolution and, with two widths, one with a larger kernel."""
            width, *more = (scaled(width, scale) for width in widths)
            reduced = convolution(inputs, width, kernel=1)
            return reduced + (convolution(width, more[0], kernel) if more else [])

        paths = {
            "1x1": (one, convolutions(one)),
            "3x3": (three, convolutions(few3, three, kernel=3)),
            "5x5": (five, convolutions(few5, five, kernel=5)),
            "pool": (pooled, [nn.MaxPool2d(3, stride=1, padding=1), *convolutions(pooled)]),
        }
        kept = [path for name, path in paths.items() if name != without]
        self.outputs = sum(scaled(width, scale) for width, _ in kept)
        self.paths = nn.ModuleList(nn.Sequential(*layers) for _, layers in kept)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(n, outputs, height, width)` from `(n, inputs, height, width)`."""
        return torch.cat([path(inputs) for path in self.paths], dim=1)


def convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """Return a convolution that keeps height and width, and its ReLU."""
    return [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU()]


def googlenet(shape: tuple[int, ...], outputs: int, *, scale: float, inception: str) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    On images of one channel with ten outputs it has 5,977,530 parameters, whatever their size.

    Args:
        inception: `all` paths of each block; `no 3x3` and so on leaves one out; `plain 3x3` and
            `plain 5x5` is one convolution with as many outputs as all paths together.

    Raises:
        RequestError: if the input is no image.
    """
    first, third = scaled(64, scale), scaled(192, scale)
    network = nn.Sequential(
        nn.Conv2d(shape[0], first, kernel_size=7, stride=2, padding=3),
        nn.ReLU(),
        halving(),
        *convolution(first, first, 1),
        *convolution(first, third, 3),
        halving(),
    )
    width = third
    for channels in BLOCKS:
        if channels is None:
            network.append(halving())
            continue
        block = Inception(width, channels, scale, without=inception.removeprefix("no "))
        if inception.startswith("plain"):
            plain = convolution(width, block.outputs, kernel=int(inception[-1]))
            network.extend(plain)
        else:
            network.append(block)
        width = block.outputs
    network.extend([GlobalAveragePool(), nn.Linear(width, outputs)])
    output_shape(network, shape)
    return network


def halving() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

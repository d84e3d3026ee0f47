"""ResNet for small images, and its plain twin (He et al., 2016, section 4.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite.ground.errors import RequestError
from suite.models.layers import GlobalAveragePool, normalisation

STAGES = 3


class PadShortcut(nn.Module):
    """Every `stride`-th pixel, with zeros for new channels: option A of He et al., no parameters.

    Attributes:
        extra: how many channels are new.
        stride: of the branch beside it.
    """

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra = extra
        self.stride = stride

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(n, channels + extra, ⌈height/stride⌉, ⌈width/stride⌉)`."""
        kept = inputs[:, :, :: self.stride, :: self.stride]
        return F.pad(kept, (0, 0, 0, 0, 0, self.extra))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions, to whose output the input is added before the last ReLU.

    Attributes:
        branch: convolution, normalisation, ReLU, convolution, normalisation.
        shortcut: brings the input to the branch's shape; None adds nothing, and the block is plain.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        norm: str = "batch",
        bias: bool = False,
        shortcut: nn.Module | None,
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *convolution(inputs, outputs, stride=stride, norm=norm, bias=bias),
            nn.ReLU(),
            *convolution(outputs, outputs, stride=1, norm=norm, bias=bias),
        )
        self.shortcut = shortcut

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(n, outputs, ⌈height/stride⌉, ⌈width/stride⌉)`."""
        values = self.branch(inputs)
        if self.shortcut is not None:
            values = values + self.shortcut(inputs)
        return torch.relu(values)


def convolution(
    inputs: int, outputs: int, *, stride: int, norm: str, bias: bool = False
) -> list[nn.Module]:
    """Return a 3×3 convolution and its normalisation, whose shift takes the place of a bias.

    Args:
        bias: keep one all the same.
    """
    keep = bias or norm == "none"
    conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=keep)
    return [conv, *normalisation(norm, outputs, dimensions=2)]


def resnet(
    shape: tuple[int, ...],
    outputs: int,
    *,
    depth: int,
    channels: int,
    norm: str,
    residual: bool | None,
) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    Three stages of (depth - 2)/6 blocks, of one, two and four times `channels`, each half as wide
    and high as the one before. With and without `residual` it has the same parameters by number,
    name and initial value: 269,722 at depth 20 with 16 channels on 32×32 pixels of three channels.

    Raises:
        RequestError: if the input is no image.
    """
    if len(shape) != 3:
        raise RequestError(f"resnet needs images, not {shape}")
    layers = [*convolution(shape[0], channels, stride=1, norm=norm), nn.ReLU()]
    width = channels
    for stage in range(STAGES):
        for block in range((depth - 2) // (2 * STAGES)):
            wider, stride = channels * 2**stage, 2 if stage and not block else 1
            shortcut = PadShortcut(wider - width, stride) if residual is not False else None
            layers.append(BasicBlock(width, wider, stride=stride, norm=norm, shortcut=shortcut))
            width = wider
    return nn.Sequential(*layers, GlobalAveragePool(), nn.Linear(width, outputs))

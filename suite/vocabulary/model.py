"""The network of a recipe: a name and the fields that it reads."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number, scalar, vocabulary
from suite.vocabulary.parts import refuse_ignored

ModelName = Literal[
    "softmax",
    "linear",
    "mlp",
    "lenet",
    "resnet",
    "alexnet",
    "vgg",
    "nin",
    "googlenet",
    "resnet18",
]
Activation = Literal["relu", "sigmoid", "tanh", "identity"]
Initialisation = Literal["default", "xavier_uniform", "normal"]
Inception = Literal["all", "no 1x1", "no 3x3", "no 5x5", "no pool", "plain 3x3", "plain 5x5"]

VGG_11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))

# Which fields a named part reads. A field that would be ignored is refused instead.
MODEL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "softmax": (),
    "linear": (),
    "mlp": ("widths", "repeats", "activation", "dropout", "norm", "residual"),
    "lenet": ("activation", "pooling", "padding", "norm"),
    "alexnet": ("widths", "activation", "dropout", "pooling", "scale"),
    "vgg": ("widths", "activation", "dropout", "pooling", "blocks", "head"),
    "nin": ("dropout", "scale"),
    "googlenet": ("scale", "inception"),
    "resnet18": ("scale",),
    "resnet": ("depth", "channels", "norm", "residual"),
}


@vocabulary
class Model:
    """A network. Input shape and number of classes come from the data.

    Attributes:
        widths: units of each hidden layer (`mlp`), or of each hidden layer after the blocks
            of convolutions (`alexnet`, `vgg`).
        repeats: how many times the list of `widths` is gone through (`mlp`).
        activation: after each hidden layer (`mlp`, `lenet`, `alexnet`, `vgg`).
        dropout: probability that a hidden unit is zeroed in training (`mlp`), of a hidden linear
            layer (`alexnet`, `vgg`) or before the last block (`nin`).
        norm: normalisation before each activation (`mlp`, `lenet`), or after each convolution
            (`resnet`); over the batch, or, where several devices share a batch, over each device's
            part of it unless `synchronised`.
        depth: layers with weights, 6n + 2 of them (`resnet`).
        channels: of the first of three stages; the next ones have two and four times as many
            (`resnet`).
        residual: whether a hidden layer as wide as the one before it (`mlp`), or a block
            (`resnet`), adds its input to its output; None is no for `mlp` and yes for `resnet`.
        pooling: how feature maps are halved (`lenet`, `alexnet`, `vgg`); `strided` keeps every
            second pixel, as a convolution with a stride of 2 does, and pools nothing.
        padding: of the first convolution (`lenet`).
        scale: factor on the channels of every convolution but the last of `nin` (`alexnet`, `nin`,
            `googlenet`, `resnet18`).
        blocks: of each block the number of convolutions, their channels and, where it is not 3,
            the height and width of their kernels, an odd number (`vgg`).
        head: what turns feature maps into classes: linear layers, or 1×1 convolutions in their
            stead and the mean over pixels (`vgg`).
        inception: the paths of each block, all four, all but one, or one plain convolution with
            as many outputs in their stead (`googlenet`).
        init: initial weights of linear and convolutional layers; `default` is PyTorch's own,
            `xavier_uniform` is Glorot and Bengio (2010), `normal` is N(0, 0.01²) with zero bias.
    """

    name: ModelName = "mlp"
    _: KW_ONLY
    widths: tuple[int, ...] = (256,)
    repeats: int = number(default=1, low=1)
    activation: Activation = "relu"
    dropout: float = scalar(default=0.0, low=0.0, high=0.999)
    norm: Literal["none", "batch", "synchronised"] = "none"
    pooling: Literal["max", "average", "strided"] = "max"
    depth: int = number(default=20, low=8, high=1202)
    channels: int = number(default=16, low=1)
    residual: bool | None = None
    padding: int = number(default=2, low=0, high=2)
    scale: float = number(default=1.0, low=0.01, high=16.0)
    blocks: tuple[tuple[int, ...], ...] = VGG_11
    head: Literal["linear", "average"] = "linear"
    inception: Inception = "all"
    init: Initialisation = "default"

    def check(self) -> None:
        refuse_ignored(self, MODEL_FIELDS)
        if any(width < 1 for width in self.widths):
            raise RequestError(f"Model.widths must be at least 1, not {self.widths}")
        if not all(_is_block(*block) for block in self.blocks):
            raise RequestError(
                "Model.blocks must hold the convolutions, channels and, if not 3, the odd kernel "
                f"of each block, such as ((1, 16), (2, 32, 5)), not {self.blocks}"
            )
        if rest := (self.depth - 2) % 6:
            below = self.depth - rest
            raise RequestError(
                f"Model.depth must be 6n + 2, not {self.depth} (nearest: {below} and {below + 6})"
            )
        keeps = any(one == next_ for one, next_ in itertools.pairwise(self.widths * self.repeats))
        if self.name == "mlp" and self.residual and not keeps:
            raise RequestError(
                "Model.residual needs a hidden layer as wide as the one before it, "
                f"not widths {self.widths * self.repeats}"
            )


def _is_block(*numbers: int) -> bool:
    kernel = numbers[2] if len(numbers) == 3 else 3
    return len(numbers) in (2, 3) and min(numbers) > 0 and kernel % 2 == 1

"""Networks: each name with the fields that it reads, the activations and the initial weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number, scalar
from suite.vocabulary.components import Component, own

Pooling = Literal["max", "average", "strided"]
# Over a batch, each example's units or channels, or groups of these.
Normalisation = Literal["none", "batch", "synchronised", "layer", "group"]

VGG_11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))


class Activation(Component, kind="Activation", default="relu"):
    """What follows a hidden layer, element by element."""

    brief = True
    shared = True


class ReLU(Activation, name="relu", place="torch.nn:ReLU"):
    """max(x, 0)."""


class Sigmoid(Activation, name="sigmoid", place="torch.nn:Sigmoid"):
    """1 / (1 + exp(-x))."""


class Tanh(Activation, name="tanh", place="torch.nn:Tanh"):
    """The hyperbolic tangent."""


class GELU(Activation, name="gelu", place="torch.nn:GELU"):
    """x · Φ(x), Φ being the normal distribution's (Hendrycks and Gimpel, 2016)."""


class SiLU(Activation, name="silu", place="torch.nn:SiLU"):
    """x · sigmoid(x), also called swish (Elfwing et al., 2018)."""


class Identity(Activation, name="identity", place="torch.nn:Identity"):
    """x itself: the network is then linear."""


class Initialisation(Component, kind="Initialisation", default="default"):
    """Initial weights of linear and convolutional layers, set one layer after another."""

    brief = True


class PyTorchs(Initialisation, name="default", place="suite.models.initialise:keep"):
    """What PyTorch gives a layer when it is made."""


class XavierUniform(
    Initialisation, name="xavier_uniform", place="suite.models.initialise:xavier_uniform"
):
    """Uniform, with the variance of Glorot and Bengio (2010)."""


class Normal(Initialisation, name="normal", place="suite.models.initialise:normal"):
    """N(0, 0.01²), with zero bias."""


class Model(Component, kind="Model", default="mlp"):
    """A network. Input shape and number of classes come from the data.

    Attributes:
        init: initial weights of linear and convolutional layers.
    """

    init: Initialisation = Initialisation()
    shared = True

    def _check_widths(self) -> None:
        if any(width < 1 for width in self.widths):
            raise RequestError(f"Model.widths must be at least 1, not {self.widths}")


class Softmax(Model, name="softmax", place="suite.models.linear:linear"):
    """One linear layer; with a cross-entropy loss, softmax regression."""


class Linear(Model, name="linear", place="suite.models.linear:linear"):
    """One linear layer; with a squared loss, linear regression."""


class MLP(Model, name="mlp", place="suite.models.mlp:mlp"):
    """The multilayer perceptron.

    Attributes:
        widths: units of each hidden layer.
        repeats: how many times the list of `widths` is gone through.
        activation: after each hidden layer.
        dropout: probability that a hidden unit is zeroed in training.
        norm: normalisation before each activation, over the batch or, where several devices share a
            batch, over each device's part of it unless `synchronised`;
            `layer` is over all units or channels of an example, `group` over up to eight groups.
        residual: whether a hidden layer as wide as the one before it adds its input to its output;
            None is no.
    """

    widths: tuple[int, ...] = number(default=(256,), small=(8, 8))
    repeats: int = number(default=1, low=1, high=10_000)
    activation: Activation = Activation()
    dropout: float = scalar(default=0.0, low=0.0, high=0.999)
    norm: Normalisation = "none"
    residual: bool | None = None

    def check(self) -> None:
        self._check_widths()
        hidden = self.widths * self.repeats
        if self.residual and not any(one == other for one, other in itertools.pairwise(hidden)):
            raise RequestError(
                "Model.residual needs a hidden layer as wide as the one before it, "
                f"not widths {hidden}"
            )


class LeNet(Model, name="lenet", place="suite.models.lenet:lenet"):
    """LeNet-5 (LeCun et al., 1998), as the book has it.

    Attributes:
        activation: after each hidden layer.
        pooling: how feature maps are halved; `strided` keeps every second pixel, as a convolution
            with a stride of 2 does, and pools nothing.
        padding: of the first convolution.
        norm: normalisation before each activation, over the batch or, where several devices share a
            batch, over each device's part of it unless `synchronised`;
            `layer` is over all units or channels of an example, `group` over up to eight groups.
    """

    activation: Activation = Activation()
    pooling: Pooling = "max"
    padding: int = number(default=2, low=0, high=2)
    norm: Normalisation = "none"


class ResNet(Model, name="resnet", place="suite.models.resnet:resnet"):
    """ResNet for small images, and its plain twin (He et al., 2016, section 4.2).

    Attributes:
        depth: layers with weights, 6n + 2 of them.
        channels: of the first of three stages; the next ones have two and four times as many.
        norm: normalisation after each convolution, over the batch or, where several devices share a
            batch, over each device's part of it unless `synchronised`;
            `layer` is over all units or channels of an example, `group` over up to eight groups.
        residual: whether a block adds its input to its output; None is yes.
    """

    depth: int = number(default=20, low=8, high=1202, small=8)
    channels: int = number(default=16, low=1, small=2)
    norm: Normalisation = "none"
    residual: bool | None = None

    def check(self) -> None:
        if rest := (self.depth - 2) % 6:
            below = self.depth - rest
            raise RequestError(
                f"Model.depth must be 6n + 2, not {self.depth} (nearest: {below} and {below + 6})"
            )


class AlexNet(Model, name="alexnet", place="suite.models.alexnet:alexnet"):
    """AlexNet (Krizhevsky et al., 2012) in one tower, as the book has it.

    Attributes:
        widths: units of each hidden layer after the convolutions.
        activation: after each hidden layer.
        dropout: probability that a unit of a hidden linear layer is zeroed in training.
        pooling: how feature maps are made smaller; `strided` keeps every second pixel and pools
            nothing.
        scale: factor on the channels of every convolution.
    """

    widths: tuple[int, ...] = number(default=(256,), small=(8, 8))
    activation: Activation = Activation()
    dropout: float = scalar(default=0.0, low=0.0, high=0.999)
    pooling: Pooling = "max"
    scale: float = number(default=1.0, low=0.01, high=16.0, small=0.05)

    def check(self) -> None:
        self._check_widths()


class VGG(Model, name="vgg", place="suite.models.vgg:vgg"):
    """VGG (Simonyan and Zisserman, 2015).

    Attributes:
        widths: units of each hidden layer after the blocks of convolutions.
        activation: after each hidden layer.
        dropout: probability that a unit of a hidden linear layer is zeroed in training.
        pooling: how feature maps are halved; `strided` keeps every second pixel and pools nothing.
        blocks: of each block the number of convolutions, their channels and, where it is not 3,
            the height and width of their kernels, an odd number.
        head: what turns feature maps into classes: linear layers, or 1×1 convolutions in their
            stead and the mean over pixels.
    """

    widths: tuple[int, ...] = number(default=(256,), small=(8, 8))
    activation: Activation = Activation()
    dropout: float = scalar(default=0.0, low=0.0, high=0.999)
    pooling: Pooling = "max"
    blocks: tuple[tuple[int, ...], ...] = number(default=VGG_11, small=((1, 8), (1, 8)))
    head: Literal["linear", "average"] = "linear"

    def check(self) -> None:
        self._check_widths()
        if not all(_is_block(*block) for block in self.blocks):
            raise RequestError(
                "Model.blocks must hold the convolutions, channels and, if not 3, the odd kernel "
                f"of each block, such as ((1, 16), (2, 32, 5)), not {self.blocks}"
            )


def _is_block(*numbers: int) -> bool:
    kernel = numbers[2] if len(numbers) == 3 else 3
    return len(numbers) in (2, 3) and min(numbers) > 0 and kernel % 2 == 1


class NiN(Model, name="nin", place="suite.models.nin:nin"):
    """Network in network (Lin et al., 2014).

    Attributes:
        dropout: probability that a unit before the last block is zeroed in training.
        scale: factor on the channels of every convolution but the last.
    """

    dropout: float = scalar(default=0.0, low=0.0, high=0.999)
    scale: float = number(default=1.0, low=0.01, high=16.0, small=0.05)


class GoogLeNet(Model, name="googlenet", place="suite.models.googlenet:googlenet"):
    """GoogLeNet (Szegedy et al., 2015), as the book has it.

    Attributes:
        scale: factor on the channels of every convolution.
        inception: the paths of each block, all four, all but one, or one plain convolution with
            as many outputs in their stead.
    """

    scale: float = number(default=1.0, low=0.01, high=16.0, small=0.05)
    inception: Literal["all", "no 1x1", "no 3x3", "no 5x5", "no pool", "plain 3x3", "plain 5x5"] = (
        "all"
    )


class ResNet18(Model, name="resnet18", place="suite.models.resnet18:resnet18"):
    """ResNet-18, for large images (He et al., 2016), as the book has it.

    Attributes:
        scale: factor on the channels of every convolution.
    """

    scale: float = number(default=1.0, low=0.01, high=16.0, small=0.05)


class Transformer(Model, name="transformer", place="suite.models.transformer:Transformer"):
    """A causal transformer (Vaswani et al., 2017) over symbols; each position says a class.

    Attributes:
        layers: of attention and a hidden layer each.
        width: units of a position; a hidden layer has four times as many.
        heads: of attention; they share the width.
        activation: of hidden layers.
        dropout: probability that a unit is zeroed in training, of what each layer adds.
        norm: layer normalisation of what goes into attention and hidden layer (`pre`; Xiong et al.,
            2020), or after it is added (`post`).
        positions: none but what causality tells (Haviv et al., 2022), a vector learned for each, or
            keys and queries rotated by it (Su et al., 2021).
        tied: whether classes are told by the vectors that symbols have (Press and Wolf, 2017).
    """

    layers: int = number(default=2, low=1, small=1)
    width: int = number(default=64, low=2, small=8)
    heads: int = number(default=4, low=1, small=2)
    activation: Activation = Activation()
    dropout: float = number(default=0.0, low=0.0, high=0.999)
    norm: Literal["pre", "post"] = "pre"
    positions: Literal["none", "learned", "rotary"] = "learned"
    tied: bool = False
    stacks = False

    def check(self) -> None:
        if self.width % self.heads:
            raise RequestError(
                f"Model.width must be a multiple of the {self.heads} heads, not {self.width}"
            )
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise RequestError(
                f"Model.positions='rotary' needs an even width a head, not {self.width} by "
                f"{self.heads}"
            )


class LSTM(Model, name="lstm", place="suite.models.lstm:LSTM"):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997) over symbols; each position says a class.

    Attributes:
        layers: one above another.
        width: units of each, and of the vector of a symbol.
        dropout: probability that a unit of the last layer is zeroed in training.
    """

    layers: int = number(default=1, low=1)
    width: int = number(default=64, low=1, small=8)
    dropout: float = number(default=0.0, low=0.0, high=0.999)
    stacks = False


def model(
    function: Callable[..., Any] | None = None, /, *, stacks: bool = False, version: str = ""
) -> Any:
    """Make `(shape, outputs, *, fields) -> torch.nn.Module` a network of one's own.

    `shape` is that of one example, `(channels, height, width)`, `(features,)` or `(length,)`; `outputs`
    is the number of classes, or of values of a regression. A network of sequences also takes `symbols`
    by keyword, the number of their kinds, and returns `(n, length, outputs)`, of which the last
    position counts where targets are one a sequence, or `(n, outputs)`.

    Args:
        stacks: cells with it may train as one program; `suite check` says if that is so.
        version: stands in a trial's id in place of a digest of the code.
    """
    return own(function, Model, ("shape", "outputs"), "symbols", stacks=stacks, version=version)


def activation(
    function: Callable[..., Any] | None = None, /, *, stacks: bool = False, version: str = ""
) -> Any:
    """Make `(inputs, *, fields) -> outputs`, of one shape, an activation of one's own.

    Args:
        stacks, version: as of a model.
    """
    return own(function, Activation, ("inputs",), stacks=stacks, version=version)


def initialisation(function: Callable[..., Any] | None = None, /, *, version: str = "") -> Any:
    """Make `(layer, *, fields) -> None`, which sets a layer's weights, initial weights of one's own.

    It is called for each linear and convolutional layer, with PyTorch's global generator seeded.

    Args:
        version: as of a model.
    """
    return own(function, Initialisation, ("layer",), stacks=True, version=version)

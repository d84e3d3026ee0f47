"""The recipe: everything that decides what one training run computes, and nothing else.

A default is a promise: ids leave defaults out, so a default never changes its meaning, and a
new field's default means what was done before the field existed.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any, Literal, get_args

from suite.errors import RequestError
from suite.fields import number, scalar, vocabulary
from suite.metrics import define_metric

SourceName = Literal[
    "mnist5k",
    "digits",
    "fashion_mnist",
    "cifar10",
    "synthetic_linear",
    "xor",
    "boston",
    "house_prices",
    "generated_leaves",
    "classify_leaves",
]
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
LossName = Literal[
    "cross_entropy",
    "mse",
    "mse_one_hot",
    "multi_margin",
    "binary_cross_entropy",
    "focal",
    "label_smoothing",
]
Initialisation = Literal["default", "xavier_uniform", "normal"]
Precision = Literal["float32", "tf32", "bfloat16"]
Inception = Literal["all", "no 1x1", "no 3x3", "no 5x5", "no pool", "plain 3x3", "plain 5x5"]

VGG_11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
Transformation = Literal[
    "flip",
    "crop",
    "translation",
    "rotation",
    "brightness",
    "gamma",
    "jitter",
    "colour_cast",
    "blur",
    "noise",
    "compression",
]
COLOUR: tuple[SourceName, ...] = ("cifar10", "generated_leaves", "classify_leaves")

# Sources whose targets are values, and sources of images that can be had at any size.
REGRESSIONS = ("synthetic_linear", "boston", "house_prices")
WITHOUT_IMAGES = (*REGRESSIONS, "xor")
LEAVES = ("generated_leaves", "classify_leaves")

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
OPTIMIZER_FIELDS: Mapping[str, tuple[str, ...]] = {
    "sgd": ("momentum", "nesterov", "max_norm"),
    "adam": ("betas", "eps"),
    "adamw": ("betas", "eps"),
}
SCHEDULE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "constant": (),
    "step": ("every", "factor"),
    "cosine": (),
}


def _ignored(part: Any, reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the fields that the named part does not read."""
    owned = {name for names in reads.values() for name in names}
    names = [field.name for field in dataclasses.fields(part)]
    return [name for name in names if name in owned and name not in reads[part.name]]


def _refuse_ignored(part: Any, reads: Mapping[str, tuple[str, ...]]) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(part)}
    for name in _ignored(part, reads):
        if getattr(part, name) != defaults[name]:
            raise RequestError(f"{type(part).__name__} '{part.name}' does not use '{name}'")


@vocabulary
class Data:
    """A source of labelled examples and how many of them each split gets.

    Attributes:
        name: where the examples come from.
        train_examples: size of the training split; None takes all that are left after
            the validation split (and, for a source without one of its own, the test split).
        validation_examples: size of the validation split; None takes the source's default.
        noise: standard deviation of what is added to the labels (`synthetic_linear`) or to the
            inputs (`xor`).
        image_size: height and width to which images are resized, bilinearly and with antialiasing;
            None leaves them as they are.
        random_labels: share of the training labels, and of no others, that are replaced by
            classes drawn uniformly; a draw may hit the true class.
        pixels: side of the square images (`generated_leaves`, `classify_leaves`); None is 32.
        classes: how many classes to merge the source's into, class c into c modulo `classes`: two
            ask whether a digit is odd. None merges nothing.
        colours: what an image in colour keeps: its three channels, or its luminance or its red,
            copied to all three, so that a network has the same parameters.
    """

    name: SourceName = "mnist5k"
    _: KW_ONLY
    train_examples: int | None = number(default=None, low=1)
    validation_examples: int | None = number(default=None, low=1)
    noise: float = number(default=0.01, low=0.0)
    random_labels: float = number(default=0.0, low=0.0, high=1.0)
    image_size: int | None = number(default=None, low=1, high=1024)
    pixels: int | None = number(default=None, low=8, high=1024)
    classes: int | None = number(default=None, low=2)
    colours: Literal["all", "grey", "red"] = "all"

    def check(self) -> None:
        if self.image_size and self.name in WITHOUT_IMAGES:
            raise RequestError(f"data '{self.name}' has no images: no 'image_size'")
        for field in ("random_labels", "classes"):
            if getattr(self, field) and self.name in REGRESSIONS:
                raise RequestError(f"data '{self.name}' has no classes: no '{field}'")
        if self.pixels is not None and self.name not in LEAVES:
            raise RequestError(f"data '{self.name}' does not use 'pixels'")
        if self.colours != "all" and self.name not in COLOUR:
            raise RequestError(f"data '{self.name}' has no colours: no 'colours'")


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
        _refuse_ignored(self, MODEL_FIELDS)
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


@vocabulary
class Optimizer:
    """An update rule, with the arithmetic of the class of that name in torch.optim.

    Attributes:
        max_norm: radius of the ball onto which all parameters together are projected after each
            update (`sgd`); None projects nothing.
    """

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    _: KW_ONLY
    lr: float = scalar(default=0.1, low=0.0, high=1e30)
    momentum: float = scalar(default=0.0, low=0.0, high=0.9999)
    nesterov: bool = False
    weight_decay: float = scalar(default=0.0, low=0.0)
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = scalar(default=1e-8, low=0.0)
    max_norm: float | None = number(default=None, low=1e-9)

    def check(self) -> None:
        _refuse_ignored(self, OPTIMIZER_FIELDS)
        if self.nesterov and self.momentum == 0.0:
            raise RequestError("Optimizer.nesterov needs a momentum above 0")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise RequestError(f"Optimizer.betas must be two numbers in [0, 1), not {self.betas}")


@vocabulary
class Schedule:
    """How the learning rate moves over training, as a factor on `Optimizer.lr`.

    `step` multiplies by `factor` after every `every` epochs; `cosine` falls to zero over the
    budget (Loshchilov and Hutter, 2017, without restarts).
    """

    name: Literal["constant", "step", "cosine"] = "constant"
    _: KW_ONLY
    every: int = number(default=10, low=1)
    factor: float = scalar(default=0.1, low=0.0, high=1.0)

    def check(self) -> None:
        _refuse_ignored(self, SCHEDULE_FIELDS)


@vocabulary
class Budget:
    """When training ends: at the first of the limits that are given.

    Attributes:
        epochs: passes over the training split.
        steps: updates of the weights.
        examples: training examples seen, counting repeats.
        evaluations: how many times validation is measured, evenly over the budget; None
            measures it after every epoch.
    """

    _: KW_ONLY
    epochs: int | None = number(default=10, low=1)
    steps: int | None = number(default=None, low=1)
    examples: int | None = number(default=None, low=1)
    evaluations: int | None = number(default=None, low=1)

    def check(self) -> None:
        if self.epochs is None and self.steps is None and self.examples is None:
            raise RequestError("Budget needs epochs, steps or examples")

    def total_steps(self, train_examples: int, batch_size: int) -> int:
        """Return the number of updates; an epoch's last batch may be smaller than the others."""
        per_epoch = -(-train_examples // batch_size)
        limits = [self.steps] if self.steps else []
        if self.epochs:
            limits.append(self.epochs * per_epoch)
        if self.examples:
            whole, rest = divmod(self.examples, train_examples)
            limits.append(whole * per_epoch + -(-rest // batch_size))
        return min(limits)


@vocabulary
class Recipe:
    """One training run, less its seed.

    Attributes:
        batch_size: examples per step; one larger than the training split is the whole split.
        devices: processes, each with a device of its own, that share every batch (data
            parallelism); on a CPU a device is one core.
        augmentation: random transformations of each training image, one after another, drawn anew
            every time it is seen; suite/data/augmentation.py says how strong they are. Training
            metrics at the end, validation and test are of images as they are.
        shifts: transformations under each of which the test split is measured once more, at the
            end: `test/noise/accuracy`, and what is lost, `test/noise/drop`.
        loss: a name in suite.training.step.LOSSES; `mse` is for regression, all others for classes.
        precision: of the products in training's forward and backward passes: float32, tf32 (ten
            bits of each factor, on NVIDIA's GPUs) or bfloat16 where PyTorch's autocast allows it.
            Weights, updates and evaluations are float32.
        gradient_accumulation: in how many parts a device's share of a batch goes through the
            network, one after another, before the weights move. Batch normalisation takes each
            part for itself.
    """

    _: KW_ONLY
    data: Data = Data()
    model: Model = Model()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    batch_size: int = number(default=64, low=1, high=10**9)
    budget: Budget = Budget()
    loss: LossName = "cross_entropy"
    devices: int = number(default=1, low=1, high=64)
    augmentation: tuple[Transformation, ...] = ()
    shifts: tuple[Transformation, ...] = ()
    precision: Precision = "float32"
    gradient_accumulation: int = number(default=1, low=1, high=10**9)

    def check(self) -> None:
        regression = self.data.name in REGRESSIONS
        if regression != (self.loss == "mse"):
            need = "loss=mse" if regression else "loss=cross_entropy"
            raise RequestError(f"data '{self.data.name}' needs {need}, not {self.loss}")
        if self.batch_size < self.devices:
            raise RequestError(
                f"a batch of {self.batch_size} is too small for {self.devices} devices"
            )
        if self.batch_size < self.devices * self.gradient_accumulation:
            raise RequestError(
                f"a batch of {self.batch_size} cannot be parted into {self.gradient_accumulation}"
                + (f" on each of {self.devices} devices" if self.devices > 1 else "")
            )
        for field in ("augmentation", "shifts"):
            self._check_transformations(field, getattr(self, field))

    def _check_transformations(self, field: str, names: tuple[Transformation, ...]) -> None:
        if len(set(names)) < len(names):
            raise RequestError(f"Recipe.{field} names a transformation twice: {', '.join(names)}")
        if names and self.data.name in WITHOUT_IMAGES:
            raise RequestError(f"data '{self.data.name}' has no images: no '{field}'")
        if "colour_cast" in names and self.data.name not in COLOUR:
            raise RequestError(f"data '{self.data.name}' has no colours: no 'colour_cast'")


def ignored_paths(recipe: Recipe) -> set[str]:
    """Return the dotted paths of fields that a recipe's model, optimizer and schedule do not read."""
    owners = {"model": MODEL_FIELDS, "optimizer": OPTIMIZER_FIELDS, "schedule": SCHEDULE_FIELDS}
    return {
        f"{owner}.{name}"
        for owner, reads in owners.items()
        for name in _ignored(getattr(recipe, owner), reads)
    }


# A function of a cell and a seed that measures without training: an identity of two layers, a
# gradient at initialisation. It returns metrics by name and draws only from the seed's streams.
ProbeFunction = Callable[[Mapping[str, Any], int], Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Probe:
    """What stands in a trial for a recipe where nothing is trained.

    Attributes:
        study, function: where the function is found again by another process.
        source: digest of the study's file, so that a changed probe is another trial.
        cell: the levels that the function gets.
    """

    study: str
    function: str
    source: str
    cell: Mapping[str, Any]


SOURCES: tuple[str, ...] = get_args(SourceName)
MODELS: tuple[str, ...] = get_args(ModelName)
TRANSFORMATIONS: tuple[Transformation, ...] = get_args(Transformation)

for _name in TRANSFORMATIONS:
    _under = f"under {_name.replace('_', ' ')}"
    define_metric(f"test/{_name}/loss", f"test loss {_under}", unit="nats", better="lower")
    define_metric(
        f"test/{_name}/accuracy", f"test accuracy {_under}", unit="percent", better="higher"
    )
    define_metric(
        f"test/{_name}/drop", f"test accuracy lost {_under}", unit="percent", better="lower"
    )

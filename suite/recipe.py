"""The recipe: everything that decides what one training run computes, and nothing else.

A default is a promise: ids leave defaults out, so a default never changes its meaning, and a
new field's default means what was done before the field existed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any, Literal, get_args

from suite.errors import RequestError
from suite.fields import number, scalar, vocabulary

SourceName = Literal["mnist5k", "digits", "fashion_mnist", "cifar10", "synthetic_linear"]
ModelName = Literal["softmax", "linear", "mlp", "lenet"]
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

# Which fields a named part reads. A field that would be ignored is refused instead.
MODEL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "softmax": (),
    "linear": (),
    "mlp": ("widths", "activation", "dropout", "norm"),
    "lenet": ("activation", "pooling"),
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


def _refuse_ignored(part: Any, reads: Mapping[str, tuple[str, ...]]) -> None:
    owned = {name for names in reads.values() for name in names}
    for field in dataclasses.fields(part):
        ignored = field.name in owned and field.name not in reads[part.name]
        if ignored and getattr(part, field.name) != field.default:
            raise RequestError(f"{type(part).__name__} '{part.name}' does not use '{field.name}'")


@vocabulary
class Data:
    """A source of labelled examples and how many of them each split gets.

    Attributes:
        name: where the examples come from.
        train_examples: size of the training split; None takes all that are left after
            the validation split (and, for a source without one of its own, the test split).
        validation_examples: size of the validation split; None takes the source's default.
        noise: standard deviation of the label noise (`synthetic_linear` only).
        random_labels: share of the training labels, and of no others, that are replaced by
            classes drawn uniformly; a draw may hit the true class.
        classes: how many classes to merge the source's into, class c into c modulo `classes`: two
            ask whether a digit is odd. None merges nothing.
    """

    name: SourceName = "mnist5k"
    _: KW_ONLY
    train_examples: int | None = number(default=None, low=1)
    validation_examples: int | None = number(default=None, low=1)
    noise: float = number(default=0.01, low=0.0)
    random_labels: float = number(default=0.0, low=0.0, high=1.0)
    classes: int | None = number(default=None, low=2)

    def check(self) -> None:
        if self.random_labels and self.name == "synthetic_linear":
            raise RequestError("data 'synthetic_linear' has no classes: no 'random_labels'")
        if self.classes and self.name == "synthetic_linear":
            raise RequestError("data 'synthetic_linear' has no classes: no 'classes'")


@vocabulary
class Model:
    """A network. Input shape and number of classes come from the data.

    Attributes:
        widths: units of each hidden layer (`mlp`).
        activation: after each hidden layer (`mlp`, `lenet`).
        dropout: probability that a hidden unit is zeroed in training (`mlp`).
        norm: normalisation before each activation (`mlp`); over the batch, or, where several
            devices share a batch, over each device's part of it unless `synchronised`.
        pooling: how `lenet` halves its feature maps.
        init: initial weights of linear and convolutional layers; `default` is PyTorch's own,
            `xavier_uniform` is Glorot and Bengio (2010), `normal` is N(0, 0.01²) with zero bias.
    """

    name: ModelName = "mlp"
    _: KW_ONLY
    widths: tuple[int, ...] = (256,)
    activation: Activation = "relu"
    dropout: float = scalar(default=0.0, low=0.0, high=0.999)
    norm: Literal["none", "batch", "synchronised"] = "none"
    pooling: Literal["max", "average"] = "max"
    init: Initialisation = "default"

    def check(self) -> None:
        _refuse_ignored(self, MODEL_FIELDS)
        if any(width < 1 for width in self.widths):
            raise RequestError(f"Model.widths must be at least 1, not {self.widths}")


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
        loss: a name in suite.training.step.LOSSES; `mse` is for regression, all others for classes.
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

    def check(self) -> None:
        regression = self.data.name == "synthetic_linear"
        if regression != (self.loss == "mse"):
            need = "loss=mse" if regression else "loss=cross_entropy"
            raise RequestError(f"data '{self.data.name}' needs {need}, not {self.loss}")
        if self.batch_size < self.devices:
            raise RequestError(
                f"a batch of {self.batch_size} is too small for {self.devices} devices"
            )


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

"""The recipe: everything that decides what one training run computes, and nothing else.

A default is a promise: ids leave defaults out, so a default never changes its meaning, and a
new field's default means what was done before the field existed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any, Literal, get_args

from suite.ground.errors import RequestError
from suite.ground.fields import number, vocabulary
from suite.vocabulary.data import COLOUR, REGRESSIONS, WITHOUT_IMAGES, Data
from suite.vocabulary.metrics import define_metric
from suite.vocabulary.model import MODEL_FIELDS, Model
from suite.vocabulary.optimizer import OPTIMIZER_FIELDS, SCHEDULE_FIELDS, Optimizer, Schedule
from suite.vocabulary.parts import ignored

LossName = Literal[
    "cross_entropy",
    "mse",
    "mse_one_hot",
    "multi_margin",
    "binary_cross_entropy",
    "focal",
    "label_smoothing",
]
Precision = Literal["float32", "tf32", "bfloat16"]

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
        for name in ignored(getattr(recipe, owner), reads)
    }


# A function of a cell and a seed that measures without training: an identity of two layers, a
# gradient at initialisation. It returns metrics by name and draws only from the seed's streams.
ProbeFunction = Callable[[Mapping[str, Any], int], Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Probe:
    """What stands in a trial for a recipe where nothing is trained.

    A worker finds the function again by the study's name, and keeps the study, so that what one
    trial has trained and cached serves the next.

    Attributes:
        study, function: where the function is found again by another process.
        source: digest of the study's file, so that a changed probe is another trial.
        cell: the levels that the function gets.
    """

    study: str
    function: str
    source: str
    cell: Mapping[str, Any]


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

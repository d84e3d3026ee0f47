"""The recipe: everything that decides what one training run computes, and nothing else.

A default is a promise: ids leave defaults out, so a default never changes its meaning, and a
new field's default means what was done before the field existed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, Any, Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number, vocabulary
from suite.vocabulary.components import Component
from suite.vocabulary.data import Data
from suite.vocabulary.loss import Loss, Score
from suite.vocabulary.model import Model
from suite.vocabulary.optimizer import Average, Optimizer, Schedule
from suite.vocabulary.transformation import Transform

Precision = Literal["float32", "tf32", "bfloat16"]
Order = Literal["every epoch", "once", "sorted"]

if TYPE_CHECKING:  # In a recipe as it is written a word stands for the component of that name.
    ALoss = Any
    AnAverage = Any
    Transforms = tuple[Any, ...]
    Scores = tuple[Any, ...]
else:
    ALoss = Loss
    AnAverage = Average
    Transforms = tuple[Transform, ...]
    Scores = tuple[Score, ...]


@vocabulary
class Budget:
    """When training ends: at the first of the limits that are given.

    Attributes:
        epochs: passes over the training split.
        steps: updates of the weights.
        examples: training examples seen, counting repeats.
        evaluations: how many times validation is measured, evenly over the budget; None
            measures it after every epoch.
        patience: ends training early, after so many evaluations in a row without a lower validation
            loss, and takes the weights that had the lowest (early stopping: Prechelt, 1998). None
            ends it nowhere before.
    """

    _: KW_ONLY
    epochs: int | None = number(default=10, low=1, high=10**6)
    steps: int | None = number(default=None, low=1, high=10**9)
    examples: int | None = number(default=None, low=1, high=10**12)
    evaluations: int | None = number(default=None, low=1, high=10**6)
    patience: int | None = number(default=None, low=1, high=10**6)

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
            every time it is seen. Training metrics at the end, validation and test are of images as
            they are.
        shifts: transformations under each of which the test split is measured once more, at the
            end: `test/noise/accuracy`, and what is lost, `test/noise/drop`.
        loss: what training makes small.
        metrics: of one's own, measured beside loss and accuracy: `validation/f1` after each
            evaluation, `train/f1` and `test/f1` at the end.
        precision: of the products in training's forward and backward passes: float32, tf32 (ten
            bits of each factor, on NVIDIA's GPUs) or bfloat16 where PyTorch's autocast allows it.
            Weights, updates and evaluations are float32.
        gradient_accumulation: in how many parts a device's share of a batch goes through the
            network, one after another, before the weights move. Batch normalisation takes each
            part for itself.
        clip_norm: longest that the gradient of a batch, all parameters taken as one vector, may be
            before an update; a longer one is scaled down to it (Pascanu et al., 2013). None clips
            nothing.
        average: of weights, that is evaluated in place of the last ones.
        order: in which examples are seen: shuffled anew for `every epoch`, shuffled `once`, or, once
            shuffled, `sorted` by class or value, the same in every epoch.
    """

    _: KW_ONLY
    data: Data = Data()
    model: Model = Model()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    batch_size: int = number(default=64, low=1, high=10**9)
    budget: Budget = Budget()
    loss: ALoss = Loss()
    metrics: Scores = ()
    devices: int = number(default=1, low=1, high=64)
    augmentation: Transforms = ()
    shifts: Transforms = ()
    precision: Precision = "float32"
    gradient_accumulation: int = number(default=1, low=1, high=10**9)
    clip_norm: float | None = number(default=None, low=1e-9)
    average: AnAverage = Average()
    order: Order = "every epoch"

    def check(self) -> None:
        if self.data.values not in (None, self.loss.values):
            need = "loss=mse" if self.data.values else "loss=cross_entropy"
            raise RequestError(f"data '{self.data.name}' needs {need}, not {self.loss.name}")
        if self.batch_size < self.devices:
            raise RequestError(
                f"a batch of {self.batch_size} is too small for {self.devices} devices"
            )
        if self.batch_size < self.devices * self.gradient_accumulation:
            raise RequestError(
                f"a batch of {self.batch_size} cannot be parted into {self.gradient_accumulation}"
                + (f" on each of {self.devices} devices" if self.devices > 1 else "")
            )
        for field in ("augmentation", "shifts", "metrics"):
            names = [one.name for one in getattr(self, field)]
            if len(set(names)) < len(names):
                raise RequestError(f"Recipe.{field} names one twice: {', '.join(names)}")
        for field in ("augmentation", "shifts"):
            self._check_transformations(field, getattr(self, field))

    def _check_transformations(self, field: str, transforms: tuple[Transform, ...]) -> None:
        if transforms and self.data.images is False:
            raise RequestError(f"data '{self.data.name}' has no images: no '{field}'")
        for one in transforms:
            if one.colours and self.data.in_colour is False:
                raise RequestError(f"data '{self.data.name}' has no colours: no '{one.name}'")
        mixing = [one.mixes for one in transforms]
        if any(mixing) and field == "shifts":
            raise RequestError("Recipe.shifts cannot mix images of several classes")
        if mixing != sorted(mixing):
            raise RequestError(f"Recipe.{field} must end with what mixes whole batches")
        if any(mixing) and (self.loss.values or not self.loss.soft):
            raise RequestError(
                f"loss '{self.loss.name}' takes one class an example: nothing can be mixed"
            )

    @property
    def stacks(self) -> bool:
        """Whether trials of it may train as one program: a network, rule or loss may refuse."""
        return self.budget.patience is None and all(part.stacks for part in self.parts)

    @property
    def own(self) -> bool:
        """Whether anything that it names is not built in."""
        return any(part.home for part in self.parts)

    @property
    def reads_files(self) -> bool:
        """Whether anything that it names reads a file whose digest stands in a trial's id."""
        return any(part.files() for part in self.parts)

    @property
    def parts(self) -> Iterator[Component]:
        """Every component that it names, and those that these name."""
        waiting = [getattr(self, field.name) for field in dataclasses.fields(self)]
        while waiting:
            one = waiting.pop()
            if isinstance(one, tuple):
                waiting += one
            elif isinstance(one, Component):
                yield one
                waiting += [getattr(one, field) for field in one.defaults()]


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

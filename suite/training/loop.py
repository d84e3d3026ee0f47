"""The training loop: from a recipe and a seed to an outcome.

A batch is a view: the shuffled split is gathered once an epoch and split, or, where it does not fit
in memory, batch by batch while the one before trains (`suite.data.on_disk`). Outputs are kept and
turned into the running loss and accuracy once an evaluation, so that a step runs no kernel for
bookkeeping.

Divergence is a value: a loss that is not a number ends a trial early, as an outcome that the table,
the figures and the verdict count.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from suite.data import Examples, Split, augmented, load, mixed, shifted_tests
from suite.data.on_disk import in_parts
from suite.models.layers import use_generator
from suite.seeds import Purpose, global_state, seeded, set_global_state, stream
from suite.training import observers
from suite.training.averages import Averaging
from suite.training.captured import capturing
from suite.training.checkpoint import Checkpoint
from suite.training.devices import devices_of
from suite.training.evaluation import evaluate
from suite.training.fitting import built
from suite.training.losses import loss_of
from suite.training.observers import Moment
from suite.training.outputs import Outputs
from suite.training.precision import at
from suite.training.schedules import rates
from suite.training.step import Accumulated, Step
from suite.training.stopping import Stopping
from suite.training.stopwatch import Stopwatch
from suite.training.update_rules import clipping, make_rule
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.record import Curve, Outcome, Status

# Steps between looks for a loss that is not a number, and for whether a checkpoint is due. On a GPU
# a look waits for the device.
LOOK_EVERY = 100
WARM_UP_STEPS = 20
# Final training metrics come from at most this many examples, the same for all arms at a seed: the
# standard error of an accuracy on 5,000 is at most 0.7 points, and all 60,000 of a standard
# training split would cost as much as the forward passes of an epoch.
TRAIN_SAMPLE = 5_000


class Place(NamedTuple):
    """Where an epoch begins: the steps before it, and the streams that it draws from."""

    step: int
    order: Tensor
    augment: Tensor


def train(
    recipe: Recipe,
    seed: int,
    *,
    device: str = "cpu",
    alone: bool = False,
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Train one network and measure it; the test split is looked at once, at the end.

    Args:
        alone: nothing else runs on the machine, so seconds mean something: warm up, then time.
        checkpoint: where to go on from if it is there, and to keep how far training has come.

    Raises:
        RequestError: if the data cannot be had or the network does not fit it.
    """
    if alone:
        short = dataclasses.replace(recipe.budget, steps=WARM_UP_STEPS, evaluations=1)
        Run(dataclasses.replace(recipe, budget=short), seed, device).train()
    run = Run(recipe, seed, device)
    return run.outcome(run.train(checkpoint), timed=alone)


class Run:
    """One training run in progress.

    Args:
        examples: other ones than the recipe's data names, such as a fold of it.

    Attributes:
        curves: for each metric, pairs of epoch and value.
        done: steps taken.
        seen: training examples seen.
        began: where the present epoch began.
        look_every: steps between two looks at how it goes.
    """

    look_every = LOOK_EVERY

    def __init__(
        self, recipe: Recipe, seed: int, device: str, examples: Examples | None = None
    ) -> None:
        self.recipe = recipe
        self.examples: Examples = examples or load(recipe.data, seed, device)
        network = built(recipe.model, self.examples, seed)
        self.network: nn.Module = network.to(device)
        self.initial_digest = weights_digest(network)
        self.devices = devices_of(recipe, device)
        self.masks = _generator(seed, "dropout", device, self.devices.rank)
        use_generator(self.network, self.masks)
        parameters = tuple(one for one in self.network.parameters() if one.requires_grad)
        self.loss = loss_of(recipe.loss)
        self.rule = clipping(recipe, make_rule(recipe.optimizer, parameters))
        wrapped = self.devices.wrap(self.network)
        forward, gradients = at(recipe.precision, device, wrapped, self.devices.gradients)
        step = Step(forward, self.loss, parameters, self.rule, gradients)
        parts = recipe.gradient_accumulation
        targets = self.examples.train.targets
        whole = capturing(step, recipe, device, [self.masks], targets)
        self.step = whole if parts == 1 else Accumulated(step, parts)
        self.order = _generator(seed, "order", "cpu")
        self.augment = _generator(seed, "augment", device)
        self.seed, self.device = seed, device
        self.curves: dict[str, Curve] = {}
        self.done = self.seen = 0
        self.began = self._place()
        self.watch = Stopwatch(device)
        train_examples = len(self.examples.train)
        self.steps_per_epoch = -(-train_examples // recipe.batch_size)
        self.total_steps = recipe.budget.total_steps(train_examples, recipe.batch_size)
        self.rates = rates(
            recipe, total_steps=self.total_steps, steps_per_epoch=self.steps_per_epoch
        )
        self.moments = evaluation_steps(recipe.budget, self.total_steps, self.steps_per_epoch)
        self.averaging = None
        if recipe.average.name != "none":
            self.averaging = Averaging(
                recipe.average, self.network, self.total_steps, self.steps_per_epoch
            )
        self.stopping = Stopping(recipe.budget.patience) if recipe.budget.patience else None

    def train(self, checkpoint: Checkpoint | None = None) -> str:
        """Take every step of the budget; return why it stopped early, or an empty string."""
        with seeded(stream(self.seed, "global", self.devices.rank)):
            reason = self._train(checkpoint)
        if not reason and self.stopping:
            self.stopping.settle(self.network)
        elif not reason and self.averaging:
            self.averaging.settle()
        return reason

    def _train(self, checkpoint: Checkpoint | None) -> str:
        outputs: list[Outputs] = []
        targets: list[Tensor] = []
        if checkpoint:
            outputs, targets, _ = checkpoint.resume([self], self.rule)
        self.watch.start()
        for batch in self._batches():
            result = self.step(*self.devices.shard(batch), self.rate())
            self.done += 1
            self.seen += len(batch)
            if self.averaging:
                self.averaging.update(self.done)
            outputs.append(result.outputs)
            targets.append(batch.targets)
            if self.done % self.look_every == 0 and self.devices.agree(
                not math.isfinite(result.loss)
            ):
                self.watch.stop()
                return f"the loss was {float(result.loss)} at step {self.done}"
            if self.done in self.moments:
                self.watch.stop()
                outputs = self.devices.gather(outputs, targets)
                gradients = result.gradients
                reason = self.observe(outputs, targets, gradients)
                if self.devices.agree(bool(reason)):
                    return reason or f"another device diverged at step {self.done}"
                outputs, targets = [], []
                if self.stopping and self.devices.agree(self.stopping.ends):
                    return ""
                if self.done < self.total_steps:
                    self.watch.start()
            if (
                checkpoint
                and self.done % self.look_every == 0
                and self.devices.agree(checkpoint.due())
            ):
                checkpoint.keep([self], self.rule, (outputs, targets))
        return ""

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on but the update rule's own."""
        return {
            "network": self.network.state_dict(),
            "masks": self.masks.get_state(),
            "global": global_state(),
            "began": tuple(self.began),
            "curves": self.curves,
            "done": self.done,
            "seen": self.seen,
            **{name: part.state() for name, part in self._keeping().items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Bring a run that has not begun to where another was when it returned its state."""
        if self.recipe.devices > 1:
            self._rehearse()
        self.network.load_state_dict(state["network"])
        self.masks.set_state(state["masks"])
        set_global_state(state["global"])
        self.began = Place(*state["began"])
        self.order.set_state(self.began.order)
        self.augment.set_state(self.began.augment)
        self.curves, self.done, self.seen = state["curves"], state["done"], state["seen"]
        for name, part in self._keeping().items():
            part.restore(state[name])

    def _keeping(self) -> dict[str, Averaging | Stopping]:
        """Return what keeps weights beside the network's, by name."""
        both = {"averaging": self.averaging, "stopping": self.stopping}
        return {name: part for name, part in both.items() if part}

    def _rehearse(self) -> None:
        """Let several devices take a step, before all that it moves is restored.

        DistributedDataParallel lays out its messages anew after its first one, and more than two
        devices sum in an order that depends on the layout.
        """
        size = self.recipe.batch_size
        first = Split(*(part[:size].to(self.device) for part in self.examples.train))
        self.step(*self.devices.shard(first), self.rate())

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        return self.rates(self.done)

    def _batches(self) -> Iterator[Split]:
        """Yield batches, epoch after epoch, each in its order, until the budget is spent."""
        for inputs, targets in self.epochs():
            size = self.recipe.batch_size
            # One gather an epoch, then views: a gather a step costs 20 µs more at batch 64. Data
            # that do not fit in memory are gathered as they are split.
            batches: Iterable[Split] = map(
                Split, self.seen_as(in_parts(inputs, size)), torch.split(targets, size)
            )
            if mixing := tuple(one for one in self.recipe.augmentation if one.mixes):
                batches = (
                    mixed(batch, mixing, self.examples.outputs, self.augment) for batch in batches
                )
            yield from self.ahead(batches)

    def epochs(self) -> Iterator[Split]:
        """Yield the training split in an epoch's order, the last time only as much as is needed."""
        split = self.examples.train
        while self.done < self.total_steps:
            order = self._shuffled(split)
            order = order[: (self.total_steps - self.began.step) * self.recipe.batch_size]
            order = order.to(split.targets.device)
            yield Split(split.inputs[order], split.targets[order])
            self.began = self._place()

    def _shuffled(self, split: Split) -> Tensor:
        """Return an epoch's order, int64 `(n,)`; shuffled once it is that of the first, every time."""
        every = self.recipe.order == "every epoch"
        draws = self.order if every else _generator(self.seed, "order", "cpu")
        order = torch.randperm(len(split), generator=draws)
        if self.recipe.order == "sorted":
            order = order[split.targets.cpu().flatten()[order].argsort(stable=True)]
        return order

    def ahead(self, batches: Iterable[Split]) -> Iterator[Split]:
        """Return an epoch's batches but for those that it was trained on before it was resumed."""
        return itertools.islice(batches, self.done - self.began.step, None)

    def _place(self) -> Place:
        return Place(self.done, self.order.get_state(), self.augment.get_state())

    def seen_as(self, inputs: Iterable[Tensor]) -> Iterable[Tensor]:
        """Return batches of inputs as the network sees them."""
        names = tuple(one for one in self.recipe.augmentation if not one.mixes)
        return augmented(inputs, names, self.augment) if names else inputs

    def observe(
        self, outputs: list[Outputs], targets: list[Tensor], gradients: tuple[Tensor, ...]
    ) -> str:
        """Add a point to every curve; return which metric is no number, if one is not."""
        with self.averaging.in_place() if self.averaging else contextlib.nullcontext():
            return self._observe(outputs, targets, gradients)

    def _observe(
        self, outputs: list[Outputs], targets: list[Tensor], gradients: tuple[Tensor, ...]
    ) -> str:
        scores = self.recipe.metrics
        moment = Moment(self.network, self.loss, self.examples, outputs, targets, gradients, scores)
        values: dict[str, float] = {}
        for observer in observers.DEFAULT:
            values |= observer(moment)
        values["cost/seconds"] = self.watch.seconds
        for name, value in values.items():
            if math.isfinite(value):
                self.curves.setdefault(name, []).append((self.done / self.steps_per_epoch, value))
        if self.stopping:
            epoch = self.done / self.steps_per_epoch
            self.stopping.look(self.network, values["validation/loss"], epoch)
        return not_finite(values, self.done)

    def outcome(self, reason: str, *, timed: bool = False) -> Outcome:
        """Return what came of the run, measured at its present weights.

        Args:
            reason: why it stopped early, if it did.
            timed: nothing else ran on the machine.
        """
        with seeded(stream(self.seed, "global")):  # a network may draw while it is measured
            final = {} if reason else self.final()
        reason = reason or not_finite(final, self.done)
        cost = self.cost(timed=timed)
        return Outcome(
            status=Status.DIVERGED if reason else Status.FINISHED,
            final=cost if reason else final | cost,
            curves=self.curves,
            initial_digest=self.initial_digest,
            weights_digest=weights_digest(self.network),
            data_digest=self.examples.digest,
            error=reason,
        )

    def final(self) -> dict[str, float]:
        """Return what was last observed, and measure the last weights on training and test.

        With early stopping these are the best weights, and what was observed of them.
        """
        train, test = self.examples.train, self.examples.test
        sample = Split(train.inputs[:TRAIN_SAMPLE], train.targets[:TRAIN_SAMPLE])
        since = self.stopping.since if self.stopping else 0
        metrics = {
            name: curve[-1 - since][1]
            for name, curve in self.curves.items()
            if name.startswith(("validation/", "weights/", "gradient/"))
        }
        if self.stopping:
            metrics["stopping/epochs"] = self.done / self.steps_per_epoch
            metrics["stopping/best_epoch"] = self.stopping.epoch
        scores = self.recipe.metrics
        metrics |= evaluate(self.network, self.loss, sample, "train/", scores)
        metrics |= evaluate(self.network, self.loss, test, "test/", scores)
        if "test/accuracy" in metrics:
            metrics["generalisation_gap"] = metrics["train/accuracy"] - metrics["test/accuracy"]
        return metrics | self._shifted(metrics)

    def _shifted(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return what the test metrics become under each of the recipe's shifts."""
        if not self.recipe.shifts:
            return {}
        shifted: dict[str, float] = {}
        tests = shifted_tests(self.recipe.data, self.recipe.shifts, self.seed, self.device)
        for name, split in tests.items():
            shifted |= evaluate(self.network, self.loss, split, f"test/{name}/")
            drop = metrics["test/accuracy"] - shifted[f"test/{name}/accuracy"]
            shifted[f"test/{name}/drop"] = drop
        return shifted

    def cost(self, *, timed: bool) -> dict[str, float]:
        """Return what training took; seconds only where they were taken alone."""
        cost: dict[str, float] = {"cost/steps": self.done, "cost/examples": self.seen}
        if self.stopping:
            cost["cost/looks"] = self.stopping.looks * len(self.examples.validation)
        if not timed:
            self.curves.pop("cost/seconds", None)
            return cost
        epochs = self.seen / len(self.examples.train)
        return cost | {
            "cost/seconds": self.watch.seconds,
            "cost/seconds_per_epoch": self.watch.seconds / epochs,
            "cost/examples_per_second": self.seen / self.watch.seconds,
        }


def not_finite(metrics: Mapping[str, float], step: int) -> str:
    """Say which metric is infinite or not a number, or nothing."""
    wrong = [name for name, value in metrics.items() if not math.isfinite(value)]
    return f"{wrong[0]} was {metrics[wrong[0]]} at step {step}" if wrong else ""


def evaluation_steps(budget: Budget, total_steps: int, steps_per_epoch: int) -> frozenset[int]:
    """Return the steps, counted from 1, after which validation is measured; always the last."""
    if budget.evaluations is None:
        regular = range(steps_per_epoch, total_steps, steps_per_epoch)
        return frozenset((*regular, total_steps))
    n = min(budget.evaluations, total_steps)
    return frozenset(round(total_steps * (i + 1) / n) for i in range(n))


@torch.no_grad()
def weights_digest(network: nn.Module) -> str:
    """Return the SHA-256 of every parameter and buffer, with its name, shape and type."""
    sha = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, Tensor):
            sha.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            sha.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        else:  # what a module keeps beside tensors
            sha.update(f"{name}{tensor!r}".encode())
    return sha.hexdigest()


def _generator(seed: int, purpose: Purpose, device: str, rank: int = 0) -> torch.Generator:
    return torch.Generator(device).manual_seed(stream(seed, purpose, rank))

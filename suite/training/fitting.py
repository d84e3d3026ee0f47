"""Whether data, network, loss, update rule and metrics of one's own fit together, before training."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from suite.data import Examples, Split, mixed, transform
from suite.ground.errors import RequestError, first_line
from suite.models import build
from suite.models.layers import SynchronisedBatchNorm
from suite.seeds import seeded
from suite.training.evaluation import predict
from suite.training.losses import loss_of
from suite.training.outputs import answers, first
from suite.training.schedules import Place
from suite.training.step import prepare
from suite.training.update_rules import Optim, make_rule
from suite.vocabulary.model import Model
from suite.vocabulary.recipe import Recipe

FEW = 2  # examples
SCORED = 1000  # examples, of validation, on which metrics of one's own are tried
PLACES = 100  # of training at which a schedule is asked for its factor


def built(model: Model, examples: Examples, seed: int) -> nn.Module:
    """Return a network for examples, as `suite.models.build` does."""
    return build(model, examples.shape, examples.outputs, seed, examples.symbols)


def fits(recipe: Recipe, network: nn.Module, examples: Examples) -> None:
    """Try what is not built in on a few examples; leave the network as it was.

    Raises:
        RequestError: if outputs, targets and loss do not fit, or there is no update rule.
    """
    classes = examples.train.targets.dtype is torch.int64
    if classes == recipe.loss.values:
        has, needs = ("classes", "classes") if classes else ("values", "values")
        raise RequestError(
            f"data '{recipe.data.name}' has {has}: it needs a loss for {needs}, "
            f"not '{recipe.loss.name}'"
        )
    targets = examples.train.targets
    if recipe.order == "sorted" and targets.numel() > len(targets):
        raise RequestError(
            f"data '{recipe.data.name}' has several targets an example: order 'sorted' needs one"
        )
    if recipe.own:
        _check_step(recipe, network, examples)
    if recipe.metrics:
        _check_metrics(recipe, network, examples)
    for one in (*recipe.augmentation, *recipe.shifts):
        if one.home:
            few = Split(*(part[:FEW].cpu() for part in examples.train))
            if one.mixes:
                mixed(few, (one,), examples.outputs, torch.Generator())
            else:
                transform(few.inputs, (one,), torch.Generator())
    if recipe.schedule.home:
        _check_schedule(recipe, len(examples.train))
    if recipe.optimizer.home:
        _check_optimizer(recipe, network)


def batches_fit(recipe: Recipe, train: int, made: Callable[[], tuple[nn.Module, Tensor]]) -> None:
    """Try the smallest part of a batch that will come: an epoch's last one may be of one example.

    Args:
        train: how many examples there are to train on.
        made: gives a network, which will have looked at an example, and the input of one.

    Raises:
        RequestError: if devices or the network need more, as batch normalisation does.
    """
    asked = recipe.batch_size
    last = _last(recipe, train, asked)
    where = f"a batch has {min(asked, train)}"
    if last < min(asked, train):
        where = f"an epoch of {train:,} examples ends in a batch of {last}"
    parts = recipe.devices * recipe.gradient_accumulation
    if recipe.devices > 1 and last < parts:
        many = f"{recipe.devices} devices" + (f", {parts} parts" if parts > recipe.devices else "")
        raise RequestError(f"{where}, too small for {many}{_nearest(recipe, train, parts)}")
    if last // parts > 1:
        return
    network, example = made()
    together = any(isinstance(one, SynchronisedBatchNorm) for one in network.modules())
    if last // (recipe.gradient_accumulation if together else parts) > 1:
        return
    try:
        with seeded(0):
            network.train()(prepare(example))
    except ValueError as error:
        raise RequestError(
            f"{where}{f' in {parts} parts' if parts > 1 else ''}, and model '{recipe.model.name}' "
            f"cannot train on one example: {first_line(error)}{_nearest(recipe, train, 2 * parts)}"
        ) from None


def _last(recipe: Recipe, train: int, size: int) -> int:
    """Return how many examples the smallest batch has that training comes to."""
    whole = min(size, train)
    rest = train % whole
    reached = recipe.budget.total_steps(train, whole) >= -(-train // whole)
    return rest if rest and reached else whole


def _nearest(recipe: Recipe, train: int, least: int) -> str:
    """Return in brackets the size of batches next to a recipe's of which the last has enough."""
    sizes = sorted(range(1, train + 1), key=lambda size: abs(size - recipe.batch_size))
    good = next((size for size in sizes if _last(recipe, train, size) >= least), None)
    return f" (did you mean batch_size={good}?)" if good else ""


def _check_schedule(recipe: Recipe, train: int) -> None:
    schedule, per_epoch = recipe.schedule, -(-train // recipe.batch_size)
    total = recipe.budget.total_steps(train, recipe.batch_size)
    function, fields = schedule.function(), schedule.arguments()
    for at in range(0, total, max(1, total // PLACES)):
        factor = function(Place(at, total, per_epoch), **fields)
        try:
            good = math.isfinite(factor) and factor >= 0
        except (TypeError, ValueError, RuntimeError):
            good = False
        if not good:
            raise RequestError(
                f"schedule '{schedule.name}' must give a number, 0 or more, not {factor!r} "
                f"(step {at} of {total})"
            )


def _check_optimizer(recipe: Recipe, network: nn.Module) -> None:
    """Let the update rule take a step where nothing moves."""
    optimizer = recipe.optimizer
    copies = [one.detach().clone() for one in network.parameters() if one.requires_grad]
    rule = make_rule(optimizer, copies)
    faster = make_rule(optimizer.changed({**optimizer.given(), "lr": 2 * optimizer.lr + 1}), copies)
    if isinstance(rule, Optim) and isinstance(faster, Optim) and rule.rates == faster.rates:
        raise RequestError(f"optimizer '{optimizer.name}' does not use its 'lr'")
    try:
        with torch.no_grad():
            rule(copies, [torch.zeros_like(one) for one in copies], optimizer.lr)
    except Exception as error:  # of whatever kind, in a package's code
        raise RequestError(f"optimizer '{optimizer.name}' takes no step: {error}") from None


def _check_step(recipe: Recipe, network: nn.Module, examples: Examples) -> None:
    inputs, targets = (part[:FEW].cpu() for part in examples.train)
    if not any(one.requires_grad for one in network.parameters()):
        raise RequestError(f"model '{recipe.model.name}' has no parameters that could be trained")
    with seeded(0):
        outputs = network.eval()(prepare(inputs))
        network.train()
        shape = tuple(first(outputs).shape)
        wanted: tuple[int, ...] = (len(inputs), examples.outputs)
        by_position = (len(inputs), *examples.shape, examples.outputs)
        if examples.symbols and (targets.ndim > 1 or shape == by_position):
            wanted = by_position
        if shape != wanted and (not recipe.loss.home or shape[:1] != wanted[:1]):
            raise RequestError(
                f"model '{recipe.model.name}' returns {shape} for {len(inputs)} examples, not {wanted}"
            )
        if not isinstance(outputs, Tensor) and not recipe.loss.home:
            raise RequestError(
                f"model '{recipe.model.name}' returns several outputs, and loss "
                f"'{recipe.loss.name}' takes one: write a loss for them (@loss)"
            )
        loss = loss_of(recipe.loss)(outputs, targets)
    if not isinstance(loss, Tensor) or loss.ndim:
        what = f"a tensor {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise RequestError(f"loss '{recipe.loss.name}' must return one number, not {what}")
    if not loss.requires_grad:
        raise RequestError(
            f"loss '{recipe.loss.name}' of model '{recipe.model.name}' has no gradient: what comes "
            "between them was detached"
        )


def _check_metrics(recipe: Recipe, network: nn.Module, examples: Examples) -> None:
    inputs, targets = (part[:SCORED].cpu() for part in examples.validation)
    with seeded(0):
        outputs, targets = answers(predict(network, inputs), targets)
    for score in recipe.metrics:
        found = score.function()(outputs, targets, **score.arguments())
        try:
            float(found)
        except (TypeError, ValueError, RuntimeError):
            raise RequestError(f"metric '{score.name}' must give a number, not {found!r}") from None

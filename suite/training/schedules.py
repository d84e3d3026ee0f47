"""The learning rate over training: each schedule is a factor on the recipe's rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from suite.vocabulary.recipe import Recipe


class Place(NamedTuple):
    """Where training is: the number of the step, from 0, of how many, and how many an epoch has."""

    step: int
    total: int
    per_epoch: int


def rates(recipe: Recipe, *, total_steps: int, steps_per_epoch: int) -> Callable[[int], float]:
    """Return a function that gives the learning rate of an update by its number, from 0."""
    schedule, lr = recipe.schedule, recipe.optimizer.lr
    factor, fields, warmup = schedule.function(), schedule.arguments(), schedule.warmup

    def rate(step: int) -> float:
        now = lr * float(factor(Place(step, total_steps, steps_per_epoch), **fields))
        return now * (step + 1) / warmup if step < warmup else now

    return rate


def constant(_place: Place) -> float:
    return 1.0


def step(place: Place, *, every: int, factor: float) -> float:
    return factor ** (place.step // place.per_epoch // every)


def cosine(place: Place) -> float:
    return (1 + math.cos(math.pi * place.step / place.total)) / 2


def one_cycle(place: Place, *, rise: float, start: float, end: float) -> float:
    top = rise * place.total - 1
    if place.step <= top:
        return _between(start, 1.0, place.step / top if top else 1.0)
    return _between(1.0, start * end, (place.step - top) / (place.total - 1 - top))


def _between(one: float, other: float, share: float) -> float:
    """Return a point on half a cosine from one number to another."""
    return other + (one - other) / 2 * (1 + math.cos(math.pi * share))

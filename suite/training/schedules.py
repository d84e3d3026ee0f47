"""The learning rate over training."""

from __future__ import annotations

import math

from suite.vocabulary.recipe import Recipe


def rate_at(recipe: Recipe, step: int, *, total_steps: int, steps_per_epoch: int) -> float:
    """Return the learning rate of update number `step`, counted from 0."""
    schedule, lr = recipe.schedule, recipe.optimizer.lr
    if schedule.name == "step":
        passed = step // steps_per_epoch // schedule.every
        return float(lr * schedule.factor**passed)
    if schedule.name == "cosine":
        return lr * (1 + math.cos(math.pi * step / total_steps)) / 2
    return lr

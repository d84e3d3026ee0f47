"""What is evaluated in place of the last weights: a mean of those that training passed through.

Means are of parameters and of buffers that are numbers, such as the running moments of batch
normalisation. The arithmetic is that of `torch.optim.swa_utils.AveragedModel`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from suite.training.schedules import Place
from suite.vocabulary.optimizer import Average

# What share of the difference between weights and mean moves the mean, at a place of training,
# after so many means; None takes nothing.
Share = Callable[[Place, int], float | None]


def ema(place: Place, _count: int, *, decay: float) -> float | None:
    return 1 - decay


def swa(place: Place, count: int, *, start: float) -> float | None:
    """Take the weights at the end of each epoch, and of training, after `start` of the budget."""
    ends = place.step % place.per_epoch == 0 or place.step == place.total
    return 1 / (count + 1) if ends and place.step > start * place.total else None


class Averaging:
    """A mean of a network's weights.

    Args:
        total, per_epoch: steps of training and of an epoch.
    """

    def __init__(self, average: Average, network: nn.Module, total: int, per_epoch: int) -> None:
        self.function, self.fields = average.function(), average.arguments()
        self.total, self.per_epoch = total, per_epoch
        self.weights = _numbers(network)
        self.mean = [one.clone() for one in self.weights]
        self.count = 0

    def update(self, step: int) -> None:
        """Take the weights into the mean, after a step, counted from 1."""
        place = Place(step, self.total, self.per_epoch)
        share = self.function(place, self.count, **self.fields)
        if share is None:
            return
        torch._foreach_lerp_(self.mean, self.weights, share if self.count else 1.0)
        self.count += 1

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the mean for its weights, once there is one."""
        if not self.count:
            yield
            return
        last = [one.clone() for one in self.weights]
        self.settle()
        try:
            yield
        finally:
            torch._foreach_copy_(self.weights, last)

    def settle(self) -> None:
        """Give the network the mean for good."""
        if self.count:
            torch._foreach_copy_(self.weights, self.mean)

    def state(self) -> dict[str, Any]:
        return {"mean": self.mean, "count": self.count}

    def restore(self, state: dict[str, Any]) -> None:
        torch._foreach_copy_(self.mean, state["mean"])
        self.count = state["count"]


def _numbers(network: nn.Module) -> list[Tensor]:
    """Return parameters and buffers that are floating-point, themselves and no copies."""
    every = (*network.parameters(), *network.buffers())
    return [one.detach() for one in every if one.is_floating_point()]

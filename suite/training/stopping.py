"""Early stopping (Prechelt, 1998): training ends where validation gets no better, with its best weights."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn


class Stopping:
    """Watches the validation loss, and keeps the weights that had the lowest.

    Args:
        patience: looks in a row without a lower loss after which training ends.

    Attributes:
        best: the lowest loss.
        epoch: at which it was, and not a number before the first look.
        looks: how many there were.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best, self.epoch = math.inf, math.nan
        self.looks = self.since = 0
        self.weights: dict[str, Tensor] = {}

    def look(self, network: nn.Module, loss: float, epoch: float) -> None:
        """Take a validation loss, and the network that had it."""
        self.looks += 1
        self.since += 1
        if loss < self.best:
            self.best, self.epoch, self.since = loss, epoch, 0
            self.weights = {name: one.clone() for name, one in network.state_dict().items()}

    @property
    def ends(self) -> bool:
        """Whether patience is at its end."""
        return self.since >= self.patience

    def settle(self, network: nn.Module) -> None:
        """Give the network the best weights."""
        network.load_state_dict(self.weights)

    def state(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in ("best", "epoch", "looks", "since", "weights")
        }

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

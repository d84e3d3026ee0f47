"""The update rule of a recipe, and how its rate moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number, scalar, vocabulary
from suite.vocabulary.parts import refuse_ignored

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
        refuse_ignored(self, OPTIMIZER_FIELDS)
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
        refuse_ignored(self, SCHEDULE_FIELDS)

"""Update rules, schedules and averages of weights: each name with the fields that it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number, scalar
from suite.vocabulary.components import Component, own

Decayed = Literal["all", "weights"]


class Optimizer(Component, kind="Optimizer", default="sgd"):
    """An update rule, with the arithmetic of the class of that name in torch.optim.

    Attributes:
        lr: learning rate, which the schedule multiplies.
    """

    lr: float = scalar(default=0.1, low=0.0, high=1e30)


class SGD(Optimizer, name="sgd", place="suite.training.update_rules:SGD"):
    """Stochastic gradient descent, with momentum where it is above 0.

    Attributes:
        momentum: factor on the velocity; PyTorch's form.
        nesterov: Nesterov's momentum, as Sutskever et al. (2013) have it.
        weight_decay: L2 penalty, added to the gradient.
        decays: what it is a penalty on: all parameters, or those with two axes or more, and so no
            bias and no gain of a normalisation.
        max_norm: radius of the ball onto which all parameters together are projected after each
            update; None projects nothing.
    """

    momentum: float = scalar(default=0.0, low=0.0, high=0.9999)
    nesterov: bool = False
    weight_decay: float = scalar(default=0.0, low=0.0)
    decays: Decayed = "all"
    max_norm: float | None = number(default=None, low=1e-9)

    def check(self) -> None:
        if self.nesterov and self.momentum == 0.0:
            raise RequestError("Optimizer.nesterov needs a momentum above 0")


class Adam(Optimizer, name="adam", place="suite.training.update_rules:Adam"):
    """Adam (Kingma and Ba, 2015).

    Attributes:
        weight_decay: L2 penalty, added to the gradient.
        decays: what it is a penalty on, as of `sgd`.
        betas: of the means of the gradient and of its square.
        eps: added to the root of the mean square.
    """

    weight_decay: float = scalar(default=0.0, low=0.0)
    decays: Decayed = "all"
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = scalar(default=1e-8, low=0.0)

    def check(self) -> None:
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise RequestError(f"Optimizer.betas must be two numbers in [0, 1), not {self.betas}")


class AdamW(Optimizer, name="adamw", place="suite.training.update_rules:Adam"):
    """Adam with decoupled decay (Loshchilov and Hutter, 2019).

    Attributes:
        weight_decay: share of the weights, times the rate, that each update takes away.
        decays: of what, as of `sgd`.
        betas: of the means of the gradient and of its square.
        eps: added to the root of the mean square.
    """

    weight_decay: float = scalar(default=0.0, low=0.0)
    decays: Decayed = "all"
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = scalar(default=1e-8, low=0.0)
    check = Adam.check


class Schedule(Component, kind="Schedule", default="constant"):
    """How the learning rate moves over training, as a factor on `Optimizer.lr`.

    Attributes:
        warmup: first steps over which the rate rises linearly to what the schedule says; 0 is none.
    """

    warmup: int = number(default=0, low=0)


class Constant(Schedule, name="constant", place="suite.training.schedules:constant"):
    """The same throughout."""


class Step(Schedule, name="step", place="suite.training.schedules:step"):
    """Multiplied after every so many epochs.

    Attributes:
        every: epochs between two drops.
        factor: of a drop.
    """

    every: int = number(default=10, low=1)
    factor: float = scalar(default=0.1, low=0.0, high=1.0)


class Cosine(Schedule, name="cosine", place="suite.training.schedules:cosine"):
    """Falling to zero over the budget (Loshchilov and Hutter, 2017, without restarts)."""


class OneCycle(Schedule, name="one_cycle", place="suite.training.schedules:one_cycle"):
    """One rise and one fall, both half a cosine (Smith and Topin, 2018), as torch's OneCycleLR.

    Attributes:
        rise: share of the budget over which the rate rises.
        start: the first rate, as a share of the highest, which is `Optimizer.lr`.
        end: the last rate, as a share of the first.
    """

    rise: float = number(default=0.3, low=0.0, high=1.0)
    start: float = number(default=0.04, low=0.0, high=1.0)
    end: float = number(default=1e-4, low=0.0, high=1.0)


class Average(Component, kind="Average", default="none"):
    """Which weights are evaluated, kept and shown: the last ones, or a mean."""

    brief = True


class LastWeights(Average, name="none"):
    """The last ones."""


class EMA(Average, name="ema", place="suite.training.averages:ema"):
    """A mean over all steps that forgets (Polyak and Juditsky, 1992, with exponential weights).

    Attributes:
        decay: share of the mean that each step leaves.
    """

    stacks = False
    decay: float = number(default=0.99, low=0.0, high=1.0)


class SWA(Average, name="swa", place="suite.training.averages:swa"):
    """The mean of the weights at the ends of the last epochs (Izmailov et al., 2018).

    The running moments of batch normalisation are averaged with them, not measured anew.

    Attributes:
        start: share of the budget after which it begins.
    """

    stacks = False
    start: float = number(default=0.75, low=0.0, high=0.99)


def optimizer(
    function: Callable[..., Any] | None = None, /, *, stacks: bool = False, version: str = ""
) -> Any:
    """Make `(parameters, lr, *, fields) -> torch.optim.Optimizer` an update rule of one's own.

    PyTorch's, another package's or one's own class: its `step()` is called after each gradient, and
    its `state_dict()` is what a checkpoint keeps.

    Args:
        stacks: cells with it may train as one program; `suite check` says if that is so.
        version: stands in a trial's id in place of a digest of the code.
    """
    return own(function, Optimizer, ("parameters", "lr"), stacks=stacks, version=version)


def schedule(function: Callable[..., Any] | None = None, /, *, version: str = "") -> Any:
    """Make `(place, *, fields) -> factor on the rate` a schedule of one's own.

    `place` has the number of the `step`, counted from 0, their `total`, and how many there are
    `per_epoch`.

    Args:
        version: stands in a trial's id in place of a digest of the code.
    """
    return own(function, Schedule, ("place",), stacks=True, version=version)

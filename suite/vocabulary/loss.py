"""Losses, and metrics of one's own: both are functions of outputs and targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from suite.ground.fields import coerce, number
from suite.vocabulary.components import Component, own
from suite.vocabulary.metrics import SPLITS, Better, Unit, define_metric

Probabilities = Literal["softmax", "sigmoid", "clamp"]


class Loss(Component, kind="Loss", default="cross_entropy"):
    """What training makes small: a mean over examples, and a sum over outputs.

    Attributes:
        values: whether targets are values, not classes.
        probabilities: how outputs are read as probabilities of classes.
        soft: whether its targets may be shares of classes, as of images that were mixed.
    """

    brief = True
    shared = True
    soft: ClassVar[bool] = True
    values: ClassVar[bool] = False
    probabilities: ClassVar[Probabilities] = "softmax"


class CrossEntropy(Loss, name="cross_entropy", place="torch.nn.functional:cross_entropy"):
    """Minus the logarithm of the softmax of the true class."""


class MSE(Loss, name="mse", place="torch.nn.functional:mse_loss"):
    """Squared error, for regression."""

    values = True


class MSEOneHot(Loss, name="mse_one_hot", place="suite.training.losses:mse_one_hot"):
    """Squared distance of the outputs to one-hot classes."""

    probabilities = "clamp"


class MultiMargin(Loss, name="multi_margin", place="suite.training.losses:multi_margin"):
    """By how much other classes come nearer than 1 to the true one (Weston and Watkins, 1999)."""

    soft = False


class BinaryCrossEntropy(
    Loss, name="binary_cross_entropy", place="suite.training.losses:binary_cross_entropy"
):
    """One logistic regression a class, each against all other classes."""

    probabilities = "sigmoid"


class Focal(Loss, name="focal", place="suite.training.losses:focal"):
    """Cross-entropy times (1 - p)², p being that of the true class (Lin et al., 2017, γ = 2)."""


class LabelSmoothing(Loss, name="label_smoothing", place="suite.training.losses:label_smoothing"):
    """Cross-entropy with a share of each label spread over all classes (Szegedy et al., 2016).

    Attributes:
        strength: that share.
    """

    strength: float = number(default=0.1, low=0.0, high=1.0)


class Score(Component, kind="Metric"):
    """A metric of one's own, measured where loss and accuracy are: `train/…`, `validation/…`, `test/…`."""

    brief = True


class CrossEntropyMetric(Score, name="cross_entropy", place="torch.nn.functional:cross_entropy"):
    """Minus the logarithm of the softmax of the true class: one scale for whatever loss was trained."""


def loss(
    function: Callable[..., Any] | None = None,
    /,
    *,
    values: bool = False,
    probabilities: Probabilities = "softmax",
    stacks: bool = False,
    version: str = "",
) -> Any:
    """Make `(outputs, targets, *, fields) -> scalar tensor` a loss of one's own.

    Outputs are what the network returns, `(n, outputs)`; targets int64 `(n,)` or float32 `(n, 1)`,
    or float32 shares of classes `(n, outputs)` where images are mixed. It is a mean over examples.

    Args:
        values: its targets are values, not classes.
        probabilities: how outputs are read as probabilities of classes: each example's softmax,
            each output's sigmoid, or outputs themselves within 0 and 1.
        stacks: cells with it may train as one program; `suite check` says if that is so.
        version: stands in a trial's id in place of a digest of the code.
    """
    facts: dict[str, Any] = {"values": values, "probabilities": probabilities, "stacks": stacks}
    return own(function, Loss, ("outputs", "targets"), version=version, **facts)


def metric(
    function: Callable[..., Any] | None = None,
    /,
    *,
    words: str = "",
    unit: Unit = "none",
    better: Better = "higher",
    version: str = "",
) -> Any:
    """Make `(outputs, targets, *, fields) -> float` a metric of one's own, for `Recipe.metrics`.

    Outputs `(n, outputs)` and targets are those of a whole split, on the CPU, so that a function of
    scikit-learn takes them as they are.

    Args:
        words: what pages call it; by default its name.
        unit, better: as of `define_metric`.
        version: stands in a trial's id in place of a digest of the code.
    """

    def make(function: Callable[..., Any]) -> Any:
        made = own(function, Score, ("outputs", "targets"), stacks=True, version=version)
        called = coerce(words, str, f"metric '{made.word}': words") or made.word.replace("_", " ")
        for split, where in SPLITS.items():
            define_metric(f"{split}/{made.word}", f"{where} {called}", unit=unit, better=better)
        return made

    return make(function) if function is not None else make

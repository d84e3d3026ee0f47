"""Losses as functions of outputs `(n, classes)` and targets, made from a recipe's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from suite.training.outputs import answers
from suite.vocabulary.loss import Loss as Named
from suite.vocabulary.loss import Probabilities


@dataclass(frozen=True)
class Loss:
    """A loss to call, and how it reads outputs as probabilities of classes."""

    function: Callable[..., Tensor]
    arguments: Mapping[str, Any]
    probabilities: Probabilities

    def __call__(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return a mean over examples, or over all positions of sequences that have a target."""
        if isinstance(outputs, Tensor):
            outputs, targets = answers(outputs, targets)
        return self.function(outputs, targets, **self.arguments)


def loss_of(named: Named) -> Loss:
    """Return the loss that a recipe names."""
    return Loss(named.function(), named.arguments(), named.probabilities)


def _one_hot(outputs: Tensor, classes: Tensor) -> Tensor:
    """Return classes as shares of classes, as which mixed ones come."""
    if classes.is_floating_point():
        return classes
    return F.one_hot(classes, outputs.shape[1]).to(outputs.dtype)


def mse_one_hot(outputs: Tensor, classes: Tensor) -> Tensor:
    """Squared distance of outputs `(n, classes)` to one-hot classes `(n,)`."""
    return (outputs - _one_hot(outputs, classes)).square().sum(1).mean()


def multi_margin(outputs: Tensor, classes: Tensor) -> Tensor:
    """By how much other classes come nearer than 1 to the true one (Weston and Watkins, 1999)."""
    return F.multi_margin_loss(outputs, classes) * outputs.shape[1]


def binary_cross_entropy(outputs: Tensor, classes: Tensor) -> Tensor:
    """One logistic regression a class, each against all other classes."""
    wanted = _one_hot(outputs, classes)
    return F.binary_cross_entropy_with_logits(outputs, wanted) * outputs.shape[1]


def focal(outputs: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy times (1 - p)², p being that of the true class (Lin et al., 2017, γ = 2)."""
    surprise = F.cross_entropy(outputs, classes, reduction="none")
    return ((1 - torch.exp(-surprise)).square() * surprise).mean()


def label_smoothing(outputs: Tensor, classes: Tensor, *, strength: float) -> Tensor:
    """Cross-entropy with a share of each label spread over all classes (Szegedy et al., 2016)."""
    return F.cross_entropy(outputs, classes, label_smoothing=strength)


# The built-in ones. All are sums over outputs and means over examples, but for `mse`, whose
# regression has one output.
LOSSES: dict[str, Loss] = {name: loss_of(Named(name)) for name in Named.known}

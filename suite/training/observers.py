"""What is measured while a network trains. Observers look; nothing they return steers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from suite.data import Examples
from suite.training.evaluation import evaluate, measure
from suite.training.losses import Loss
from suite.training.outputs import Outputs, joined
from suite.vocabulary.loss import Score


class Moment(NamedTuple):
    """What an observer sees.

    Attributes:
        outputs: of every batch since the last moment, each before its own update.
        targets: that belong to them.
        gradients: of the last batch.
        scores: metrics of one's own.
    """

    network: nn.Module
    loss: Loss
    examples: Examples
    outputs: list[Outputs]
    targets: list[Tensor]
    gradients: tuple[Tensor, ...]
    scores: tuple[Score, ...] = ()


Observer = Callable[[Moment], dict[str, float]]


def running_training(moment: Moment) -> dict[str, float]:
    """Training loss and accuracy averaged over the batches since the last moment.

    It is what most books plot as "training": each batch was measured before its own update, so
    it lags behind the network. It costs one pass over stored outputs instead of a forward pass.
    """
    outputs, targets = joined(moment.outputs), torch.cat(moment.targets)
    return measure(outputs, targets, moment.loss, "train/running_")


def validation(moment: Moment) -> dict[str, float]:
    """Loss, accuracy and metrics of one's own on the validation split."""
    split = moment.examples.validation
    return evaluate(moment.network, moment.loss, split, "validation/", moment.scores)


@torch.no_grad()
def norms(moment: Moment) -> dict[str, float]:
    """Euclidean norms of all weights and of the last batch's gradient."""
    return {
        "weights/norm": _norm(list(moment.network.parameters())),
        "gradient/norm": _norm(list(moment.gradients)),
    }


DEFAULT: tuple[Observer, ...] = (running_training, validation, norms)


def _norm(tensors: list[Tensor]) -> float:
    return float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors))))

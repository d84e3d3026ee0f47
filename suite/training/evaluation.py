"""Measuring a network on a split."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite.data import Split
from suite.data.on_disk import in_parts
from suite.training.calibration import calibration_error, probabilities
from suite.training.losses import Loss
from suite.training.outputs import Outputs, answers, first, joined
from suite.training.step import prepare
from suite.vocabulary.loss import Score

# Examples at a time, and their numbers together: larger is no faster on a CPU and costs memory in
# convolutional networks. VGG-11 needs 25 MB an example of 224×224 pixels, so 4 GB at most.
CHUNK = 1000
CHUNK_NUMBERS = 8_000_000


@torch.no_grad()
def evaluate(
    network: nn.Module, loss: Loss, split: Split, prefix: str, scores: tuple[Score, ...] = ()
) -> dict[str, float]:
    """Return the metrics of `measure` on a split, with the network in evaluation mode."""
    return measure(evaluated(network, split.inputs), split.targets, loss, prefix, scores)


def chunk_size(shape: tuple[int, ...]) -> int:
    """Return how many examples of a shape are evaluated at a time."""
    return max(1, min(CHUNK, CHUNK_NUMBERS // math.prod(shape)))


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return the outputs `(n, outputs)`, of sequences `(n, length, outputs)`, in evaluation mode."""
    return first(evaluated(network, inputs))


@torch.no_grad()
def evaluated(network: nn.Module, inputs: Tensor) -> Outputs:
    """Return all that a network in evaluation mode makes of inputs."""
    network.eval()
    size = chunk_size(tuple(inputs.shape[1:]))
    outputs = joined([network(prepare(chunk)) for chunk in in_parts(inputs, size)])
    network.train()
    return outputs


@torch.no_grad()
def measure(
    outputs: Outputs, targets: Tensor, loss: Loss, prefix: str, scores: tuple[Score, ...] = ()
) -> dict[str, float]:
    """Return the loss of outputs `(n, classes)` and, where targets are classes, the accuracy.

    Of sequences, all is measured over the positions that have a target, and where each may have one
    the cross-entropy is given in bits, too. On the test split also the calibration error: at the end it costs nothing, in a curve it would.

    Args:
        scores: metrics of one's own.

    Raises:
        ValueError: if one of these is no number.
    """
    metrics = {f"{prefix}loss": float(loss(outputs, targets))}
    by_position = targets.dtype is torch.int64 and targets.ndim == 2
    measured, targets = answers(first(outputs), targets)
    if by_position:
        nats = F.cross_entropy(measured, targets)
        metrics[f"{prefix}bits_per_symbol"] = float(nats) / math.log(2)
    if targets.dtype is torch.int64:
        right = (measured.argmax(1) == targets).sum()
        metrics[f"{prefix}accuracy"] = int(right) / len(targets)
        if prefix == "test/":
            said = probabilities(measured, loss)
            metrics["test/calibration_error"] = calibration_error(said, targets)
    for score in scores:
        value = float(score.function()(measured.cpu(), targets.cpu(), **score.arguments()))
        if not math.isfinite(value):
            split = f"{prefix.rstrip('/')}, of {len(targets)} examples"
            if targets.dtype is torch.int64:
                split += (
                    f" in {int(targets.bincount().count_nonzero())} of {measured.shape[1]} classes"
                )
            raise ValueError(f"metric '{score.name}' was {value} on {split}")
        metrics[f"{prefix}{score.name}"] = value
    return metrics

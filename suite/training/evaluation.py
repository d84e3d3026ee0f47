"""Measuring a network on a split."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.data import Split
from suite.training.calibration import calibration_error, probabilities
from suite.training.step import Loss, prepare

# Examples at a time, and their numbers together: larger is no faster on a CPU and costs memory in
# convolutional networks. VGG-11 needs 25 MB an example of 224×224 pixels, so 4 GB at most.
CHUNK = 1000
CHUNK_NUMBERS = 8_000_000


@torch.no_grad()
def evaluate(network: nn.Module, loss: Loss, split: Split, prefix: str) -> dict[str, float]:
    """Return the metrics of `measure` on a split, with the network in evaluation mode."""
    return measure(predict(network, split.inputs), split.targets, loss, prefix)


def chunk_size(shape: tuple[int, ...]) -> int:
    """Return how many examples of a shape are evaluated at a time."""
    return max(1, min(CHUNK, CHUNK_NUMBERS // math.prod(shape)))


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return the outputs `(n, outputs)` of a network in evaluation mode."""
    network.eval()
    size = chunk_size(tuple(inputs.shape[1:]))
    outputs = torch.cat([network(prepare(chunk)) for chunk in torch.split(inputs, size)])
    network.train()
    return outputs


@torch.no_grad()
def measure(outputs: Tensor, targets: Tensor, loss: Loss, prefix: str) -> dict[str, float]:
    """Return the loss of outputs `(n, classes)` and, where targets are classes, the accuracy.

    On the test split also the calibration error: at the end it costs nothing, in a curve it would.
    """
    metrics = {f"{prefix}loss": float(loss(outputs, targets))}
    if targets.dtype is torch.int64:
        right = (outputs.argmax(1) == targets).sum()
        metrics[f"{prefix}accuracy"] = int(right) / len(targets)
        if prefix == "test/":
            said = probabilities(outputs, loss)
            metrics["test/calibration_error"] = calibration_error(said, targets)
    return metrics

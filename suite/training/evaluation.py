"""Measuring a network on a split."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.data import Split
from suite.training.calibration import calibration_error, probabilities
from suite.training.step import Loss, prepare

# Examples at a time. Larger is no faster on a CPU and costs memory in convolutional networks.
CHUNK = 1000


@torch.no_grad()
def evaluate(network: nn.Module, loss: Loss, split: Split, prefix: str) -> dict[str, float]:
    """Return the metrics of `measure` on a split, with the network in evaluation mode."""
    network.eval()
    outputs = torch.cat([network(prepare(chunk)) for chunk in torch.split(split.inputs, CHUNK)])
    network.train()
    return measure(outputs, split.targets, loss, prefix)


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

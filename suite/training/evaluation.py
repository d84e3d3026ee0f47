"""Measuring a network on a split."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.data import Split
from suite.training.step import Loss, prepare

# Examples at a time, and their numbers together: larger is no faster on a CPU and costs memory in
# convolutional networks. VGG-11 needs 25 MB an example of 224×224 pixels, so 4 GB at most.
CHUNK = 1000
CHUNK_NUMBERS = 8_000_000
BINS = 15


@torch.no_grad()
def evaluate(network: nn.Module, loss: Loss, split: Split, prefix: str) -> dict[str, float]:
    """Return the metrics of `measure` on a split, with the network in evaluation mode."""
    outputs = predict(network, split.inputs)
    metrics = measure(outputs, split.targets, loss, prefix)
    # The test split is looked at once a trial, the others often enough to notice the price.
    if prefix == "test/" and split.targets.dtype is torch.int64:
        metrics["test/calibration_error"] = calibration_error(outputs, split.targets)
    return metrics


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return the outputs `(n, outputs)` of a network in evaluation mode."""
    network.eval()
    size = max(1, min(CHUNK, CHUNK_NUMBERS // math.prod(inputs.shape[1:])))
    outputs = torch.cat([network(prepare(chunk)) for chunk in torch.split(inputs, size)])
    network.train()
    return outputs


@torch.no_grad()
def measure(outputs: Tensor, targets: Tensor, loss: Loss, prefix: str) -> dict[str, float]:
    """Return the loss of outputs `(n, classes)` and, where targets are classes, the accuracy."""
    metrics = {f"{prefix}loss": float(loss(outputs, targets))}
    if targets.dtype is torch.int64:
        right = (outputs.argmax(1) == targets).sum()
        metrics[f"{prefix}accuracy"] = int(right) / len(targets)
    return metrics


def calibration_error(logits: Tensor, targets: Tensor) -> float:
    """Return the expected calibration error (Guo et al., 2017), a fraction.

    Examples are sorted into 15 bins of equal width by the probability of the predicted class; in
    each bin that probability is held against the share that is right. Bins weigh by their
    examples. Chance alone keeps the error of a calibrated network above zero.

    Args:
        logits: `(n, classes)`.
        targets: int64 `(n,)`.
    """
    confidence, predicted = torch.softmax(logits.double(), 1).max(1)
    excess = confidence - (predicted == targets).double()
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    per_bin = torch.zeros(BINS, dtype=excess.dtype, device=excess.device)
    return float(per_bin.index_add_(0, bins, excess).abs().sum() / len(targets))

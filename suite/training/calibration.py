"""How far a network's confidence is from how often it is right."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.training.losses import Loss

BINS = 15


def probabilities(outputs: Tensor, loss: Loss) -> Tensor:
    """Return the probability of each class, `(n, classes)`, as the loss reads outputs.

    Squared errors and logistic regressions, one a class, speak of each class by itself, so their
    probabilities need not add up to 1. A margin speaks of none: its outputs go through a softmax.
    """
    if loss.probabilities == "clamp":
        return outputs.clamp(0, 1)
    return outputs.sigmoid() if loss.probabilities == "sigmoid" else outputs.softmax(1)


def calibration_error(probabilities: Tensor, targets: Tensor) -> float:
    """Return the expected calibration error (Guo et al., 2017), a fraction.

    Examples are sorted into 15 bins of equal width by the probability of the predicted class; in
    each bin that probability is held against the share that is right. Bins weigh by their
    examples. Chance alone keeps the error of a calibrated network above zero.

    Args:
        probabilities: `(n, classes)`.
        targets: int64 `(n,)`.
    """
    confidence, predicted = probabilities.double().max(1)
    excess = confidence - (predicted == targets).double()
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    per_bin = torch.zeros(BINS, dtype=excess.dtype, device=excess.device)
    return float(per_bin.index_add_(0, bins, excess).abs().sum() / len(targets))

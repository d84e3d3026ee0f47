"""How far a network's confidence is from how often it is right."""

from __future__ import annotations

from torch import Tensor

from suite.training.step import Loss, binary_cross_entropy, mse_one_hot

BINS = 15


def probabilities(outputs: Tensor, loss: Loss) -> Tensor:
    """Return the probability of each class, `(n, classes)`, as the loss reads outputs.

    Squared errors and logistic regressions, one a class, speak of each class by itself, so their
    probabilities need not add up to 1. A margin speaks of none: its outputs go through a softmax.
    """
    if loss is mse_one_hot:
        return outputs.clamp(0, 1)
    return outputs.sigmoid() if loss is binary_cross_entropy else outputs.softmax(1)


def calibration_error(probabilities: Tensor, targets: Tensor) -> float:
    """Return the expected calibration error (Guo et al., 2017), with 15 bins of equal width.

    Args:
        probabilities: `(n, classes)`.
        targets: classes `(n,)`.
    """
    confidence, predicted = probabilities.double().max(1)
    excess = confidence - (predicted == targets).double()
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    return sum(abs(float(excess[bins == at].sum())) for at in range(BINS)) / len(targets)

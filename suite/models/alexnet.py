"""AlexNet (Krizhevsky et al., 2012) in one tower, as the book has it."""

from __future__ import annotations

from torch import nn

from suite.models.layers import activated, linear_head, scaled
from suite.models.lenet import POOLING
from suite.vocabulary.model import Activation


def alexnet(
    shape: tuple[int, ...],
    outputs: int,
    *,
    widths: tuple[int, ...],
    activation: Activation,
    dropout: float,
    pooling: str,
    scale: float,
) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    On 224×224 pixels of one channel, with ten outputs and twice 4096 hidden units, it has
    46,764,746 parameters.

    Raises:
        RequestError: if the input is no image of at least 65×65 pixels.
    """
    pool = POOLING[pooling]
    few, more, most = (scaled(channels, scale) for channels in (96, 256, 384))
    features = nn.Sequential(
        nn.Conv2d(shape[0], few, kernel_size=11, stride=4, padding=1),
        activated(activation),
        pool(kernel_size=3, stride=2),
        nn.Conv2d(few, more, kernel_size=5, padding=2),
        activated(activation),
        pool(kernel_size=3, stride=2),
        nn.Conv2d(more, most, kernel_size=3, padding=1),
        activated(activation),
        nn.Conv2d(most, most, kernel_size=3, padding=1),
        activated(activation),
        nn.Conv2d(most, more, kernel_size=3, padding=1),
        activated(activation),
        pool(kernel_size=3, stride=2),
    )
    head = linear_head(
        features, shape, outputs, widths=widths, activation=activation, dropout=dropout
    )
    return nn.Sequential(*features, *head)

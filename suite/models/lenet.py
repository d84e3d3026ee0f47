"""LeNet-5 (LeCun et al., 1998), as the book has it: padded first convolution, three linear layers."""

from __future__ import annotations

from torch import nn

from suite.errors import RequestError
from suite.models.layers import ACTIVATIONS

POOLING: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def lenet(shape: tuple[int, ...], outputs: int, *, activation: str, pooling: str) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    On 28×28 pixels of one channel with ten outputs it has 61,706 parameters.

    Raises:
        RequestError: if the input is no image or too small for two poolings.
    """
    if len(shape) != 3 or min(shape[1:]) < 12:
        raise RequestError(f"lenet needs images of at least 12×12 pixels, not {shape}")
    channels, height, width = shape
    act, pool = ACTIVATIONS[activation], POOLING[pooling]
    flat = 16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size=5, padding=2),
        act(),
        pool(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        act(),
        pool(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(flat, 120),
        act(),
        nn.Linear(120, 84),
        act(),
        nn.Linear(84, outputs),
    )

"""LeNet-5 (LeCun et al., 1998), as the book has it: padded first convolution, three linear layers."""

from __future__ import annotations

from torch import nn

from suite.errors import RequestError
from suite.models.layers import ACTIVATIONS, normalisation

POOLING: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def lenet(
    shape: tuple[int, ...],
    outputs: int,
    *,
    activation: str,
    pooling: str,
    padding: int,
    norm: str,
) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    On 28×28 pixels of one channel with ten outputs it has 61,706 parameters; without padding and
    with normalisation before each activation 44,878.

    Raises:
        RequestError: if the input is no image or too small for two poolings.
    """
    least = 16 - 2 * padding
    if len(shape) != 3 or min(shape[1:]) < least:
        raise RequestError(f"lenet needs images of at least {least}×{least} pixels, not {shape}")

    def after(width: int, dimensions: int) -> list[nn.Module]:
        return [*normalisation(norm, width, dimensions=dimensions), ACTIVATIONS[activation]()]

    channels, height, width = shape
    pool = POOLING[pooling]
    flat = 16
    for pixels in (height, width):
        flat *= ((pixels - 4 + 2 * padding) // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size=5, padding=padding),
        *after(6, 2),
        pool(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        *after(16, 2),
        pool(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(flat, 120),
        *after(120, 1),
        nn.Linear(120, 84),
        *after(84, 1),
        nn.Linear(84, outputs),
    )

"""LeNet-5 (LeCun et al., 1998), as the book has it: padded first convolution, three linear layers."""

from __future__ import annotations

from torch import Tensor, nn

from suite.ground.errors import RequestError
from suite.models.layers import activated, normalisation
from suite.vocabulary.model import Activation


class Subsampling(nn.Module):
    """The first pixel of each window: what a convolution with that stride keeps, and no pooling."""

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.rest = kernel_size - 1
        self.stride = stride

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(n, channels, height, width)`, as high and wide as after pooling."""
        height, width = (pixels - self.rest for pixels in inputs.shape[-2:])
        return inputs[..., : height : self.stride, : width : self.stride]


POOLING: dict[str, type[nn.Module]] = {
    "max": nn.MaxPool2d,
    "average": nn.AvgPool2d,
    "strided": Subsampling,
}


def lenet(
    shape: tuple[int, ...],
    outputs: int,
    *,
    activation: Activation,
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

    channels, height, width = shape

    def convolution(inputs: int, outputs: int, padding: int) -> list[nn.Module]:
        layer = nn.Conv2d(inputs, outputs, kernel_size=5, padding=padding)
        return [layer, *normalisation(norm, outputs, dimensions=2), activated(activation)]

    def linear(inputs: int, outputs: int) -> list[nn.Module]:
        layer = nn.Linear(inputs, outputs)
        return [layer, *normalisation(norm, outputs, dimensions=1), activated(activation)]

    pool = POOLING[pooling]
    flat = 16
    for pixels in (height, width):
        flat *= ((pixels - 4 + 2 * padding) // 2 - 4) // 2
    return nn.Sequential(
        *convolution(channels, 6, padding),
        pool(kernel_size=2, stride=2),
        *convolution(6, 16, 0),
        pool(kernel_size=2, stride=2),
        nn.Flatten(),
        *linear(flat, 120),
        *linear(120, 84),
        nn.Linear(84, outputs),
    )

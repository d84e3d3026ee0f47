"""VGG (Simonyan and Zisserman, 2015): blocks of equal convolutions, each with a pooling."""

from __future__ import annotations

from torch import nn

from suite.models.layers import GlobalAveragePool, linear_head, output_shape


def vgg(
    shape: tuple[int, ...],
    outputs: int,
    *,
    widths: tuple[int, ...],
    dropout: float,
    blocks: tuple[tuple[int, ...], ...],
    kernel: int,
    head: str,
) -> nn.Module:
    """Return a network from `(n, channels, height, width)` to `(n, outputs)`.

    With a quarter of VGG-11's channels, on 224×224 pixels of one channel, ten outputs and twice
    4096 hidden units, it has 43,093,322 parameters.

    Args:
        blocks: pairs of convolutions and channels.
        head: `linear` layers with `widths` hidden units, or, in their stead, `average`: a 1×1
            convolution whose maps are averaged.

    Raises:
        RequestError: if the input is no image or too small for the poolings.
    """
    features = nn.Sequential()
    channels = shape[0]
    for convolutions, wider in blocks:
        features.extend(block(channels, wider, convolutions, kernel))
        channels = wider
    if head == "average":
        output_shape(features, shape)
        return features.extend([nn.Conv2d(channels, outputs, kernel_size=1), GlobalAveragePool()])
    return features.extend(
        linear_head(features, shape, outputs, widths=widths, activation="relu", dropout=dropout)
    )


def block(inputs: int, outputs: int, convolutions: int, kernel: int) -> list[nn.Module]:
    """Return convolutions that keep height and width, each with a ReLU, and a pooling that halves."""
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        layers += [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU()]
        inputs = outputs
    return [*layers, nn.MaxPool2d(kernel_size=2, stride=2)]

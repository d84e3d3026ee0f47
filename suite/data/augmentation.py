"""Random transformations of images: to train on, and to shift a test split by.

Every image has its own draws. A draw is a strength between -1 and 1, uniform in size and as often
negative as positive; the table says what 1 means. Training augmentation draws sizes from 0, so that
images much like the original are among them; a shifted test split draws them from a half, so that
all its images are moved far, and none farther than augmentation of that name moves some.

=============  =====================================================================================
flip           mirrored left to right, every second image
crop           a rectangle of 50 to 100 % of the area, its aspect changed by up to 4:3, scaled back
               (random resized crop; Szegedy et al., 2015, with a smaller range)
translation    up to 20 % of width and height, each
rotation       up to 45 degrees
brightness     times 1/4 to 4: two stops of a camera
gamma          to the power of 1/3 to 3
jitter         brightness, contrast and, in colour, saturation, each times 1/2 to 2
colour_cast    red, green and blue, each times 1/2 to 2 (three channels only)
blur           a Gaussian of standard deviation up to 8 % of the height
noise          normal, of standard deviation up to 0.4 of the range of pixels
compression    as JPEG does, at a quality of 100 (strength 0) down to 2 (strength 1)
=============  =====================================================================================

Draws are made on whole batches, from streams of their own (`augment`, `shift`). A recipe's `shifts`
add measurements and change nothing that is trained; a shifted test split is the same for every arm
at a seed, drawn once and kept as bytes. Validation is never augmented or shifted.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from suite.data import transformations as to
from suite.data.splits import Split, load
from suite.ground.errors import RequestError
from suite.seeds import stream
from suite.vocabulary.data import Data
from suite.vocabulary.recipe import Transformation

# Images transformed together: enough to hide the cost of a call, few enough for any memory.
CHUNK = 1024
NOISIEST = 0.4
SHIFT_FROM = 0.5  # least size of the strengths that shift a test split


def transform(
    images: Tensor,
    names: tuple[Transformation, ...],
    generator: torch.Generator,
    *,
    least: float = 0.0,
) -> Tensor:
    """Return the images after every named transformation, in order, as float32 in [0, 1].

    Args:
        images: `(n, channels, height, width)`, uint8 or float32 in [0, 1].
        generator: on the device of the images.
        least: smallest size of a strength.

    Raises:
        RequestError: if they are no images, or lack the colours that a transformation needs.
    """
    if images.ndim != 4:
        raise RequestError(f"only images can be transformed, not inputs of {images.ndim - 1} axis")
    pixels = images.float().div_(255) if images.dtype is torch.uint8 else images
    for name in names:
        pixels = _transform(pixels, name, generator, least)
    return pixels


def _transform(
    images: Tensor, name: Transformation, generator: torch.Generator, least: float
) -> Tensor:
    if name == "noise":
        sigma = NOISIEST * _strengths(len(images), 1, generator, least)[:, 0].abs()
        drawn = torch.randn(images.shape, generator=generator, device=images.device)
        return to.noise(images, sigma, drawn)
    draws, apply = _DRAWN[name]
    return apply(images, _strengths(len(images), draws, generator, least))


def augmented(
    batches: tuple[Tensor, ...], names: tuple[Transformation, ...], generator: torch.Generator
) -> Iterator[Tensor]:
    """Yield batches transformed, several of them in one call where they are small."""
    sizes = [len(batch) for batch in batches]
    together = max(1, CHUNK // sizes[0])
    for at in range(0, len(batches), together):
        images = torch.cat(batches[at : at + together])
        yield from torch.split(transform(images, names, generator), sizes[at : at + together])


@functools.lru_cache(maxsize=1)
def shifted_tests(
    data: Data, shifts: tuple[Transformation, ...], seed: int, device: str
) -> Mapping[Transformation, Split]:
    """Return the test split under each shift, as uint8, as a camera would store it.

    Each is drawn from the seed's `shift` stream from its start: it depends on no other shift and
    on nothing in training, and all arms at a seed share it. The last is kept, for the next arm.
    """
    test = load(data, seed, device).test
    found = {}
    for name in shifts:
        generator = torch.Generator(device).manual_seed(stream(seed, "shift"))
        chunks = [
            transform(chunk, (name,), generator, least=SHIFT_FROM).mul_(255).round_().byte()
            for chunk in torch.split(test.inputs, CHUNK)
        ]
        found[name] = Split(torch.cat(chunks), test.targets)
    return found


def _strengths(n: int, draws: int, generator: torch.Generator, least: float) -> Tensor:
    """Return `(n, draws)` numbers of size `least` to 1 and either sign."""
    drawn = torch.rand(n, draws, generator=generator, device=generator.device) * 2 - 1
    return torch.where(drawn < 0, -1.0, 1.0) * (least + (1 - least) * drawn.abs())


def _flip(images: Tensor, strengths: Tensor) -> Tensor:
    return to.flip(images, strengths[:, 0] < 0)


def _crop(images: Tensor, strengths: Tensor) -> Tensor:
    area, aspect = 1 - 0.5 * strengths[:, 0].abs(), (4 / 3) ** strengths[:, 1]
    size = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], 1).clamp(max=1)
    return to.crop(images, size, strengths[:, 2:])


def _translation(images: Tensor, strengths: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    still = torch.zeros_like(strengths[:, 0])
    pixels = 0.2 * strengths * torch.tensor((width, height), device=images.device)
    return to.affine(images, still, pixels, still + 1)


def _rotation(images: Tensor, strengths: Tensor) -> Tensor:
    still = torch.zeros_like(strengths[:, 0])
    return to.affine(images, 45 * strengths[:, 0], torch.stack([still, still], 1), still + 1)


def _brightness(images: Tensor, strengths: Tensor) -> Tensor:
    return to.brightness(images, 4 ** strengths[:, 0])


def _gamma(images: Tensor, strengths: Tensor) -> Tensor:
    return to.gamma(images, 3 ** strengths[:, 0])


def _jitter(images: Tensor, strengths: Tensor) -> Tensor:
    bright, contrast, colour = (2**strengths).unbind(1)
    images = to.contrast(to.brightness(images, bright), contrast)
    return to.saturation(images, colour) if images.shape[1] == 3 else images


def _colour_cast(images: Tensor, strengths: Tensor) -> Tensor:
    return to.colour_cast(images, 2**strengths)


def _blur(images: Tensor, strengths: Tensor) -> Tensor:
    strongest = 0.08 * images.shape[-2]
    radius = min(math.ceil(3 * strongest), min(images.shape[-2:]) - 1)
    return to.blur(images, strongest * strengths[:, 0].abs(), radius)


def _compression(images: Tensor, strengths: Tensor) -> Tensor:
    return to.compression(images, 100 * 50 ** -strengths[:, 0].abs())


class _Drawn(NamedTuple):
    """A transformation of images by strengths `(n, draws)`."""

    draws: int
    apply: Callable[[Tensor, Tensor], Tensor]


_DRAWN: Mapping[Transformation, _Drawn] = {
    "flip": _Drawn(1, _flip),
    "crop": _Drawn(4, _crop),
    "translation": _Drawn(2, _translation),
    "rotation": _Drawn(1, _rotation),
    "brightness": _Drawn(1, _brightness),
    "gamma": _Drawn(1, _gamma),
    "jitter": _Drawn(3, _jitter),
    "colour_cast": _Drawn(3, _colour_cast),
    "blur": _Drawn(1, _blur),
    "compression": _Drawn(1, _compression),
}

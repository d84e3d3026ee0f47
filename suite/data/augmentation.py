"""Random transformations of images: to train on, and to shift a test split by.

Every image has its own draws. A draw is a strength between -1 and 1, uniform in size and as often
negative as positive; `suite.vocabulary.transformation` says what 1 means. Training augmentation draws sizes from 0, so that
images much like the original are among them; a shifted test split draws them from a half, so that
all its images are moved far, and none farther than augmentation of that name moves some.

Draws are made on whole batches, from streams of their own (`augment`, `shift`). A recipe's `shifts`
add measurements and change nothing that is trained; a shifted test split is the same for every arm
at a seed, drawn once and kept as bytes. Validation is never augmented or shifted.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from suite.data import on_disk
from suite.data import transformations as to
from suite.data.sources import remembered
from suite.data.splits import Split, load
from suite.ground.errors import RequestError
from suite.seeds import seeded, stream
from suite.vocabulary.data import Data
from suite.vocabulary.transformation import Transform

# Images transformed together: enough to hide the cost of a call, few enough for any memory.
CHUNK = 1024
NOISIEST = 0.4
SHIFT_FROM = 0.5  # least size of the strengths that shift a test split


def transform(
    images: Tensor,
    transforms: tuple[Transform, ...],
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
    for one in transforms:
        pixels = _transform(pixels, one, generator, least)
    return pixels


def _transform(
    images: Tensor, transform: Transform, generator: torch.Generator, least: float
) -> Tensor:
    changed = call(transform, images, generator, least)
    if not isinstance(changed, Tensor) or changed.shape != images.shape:
        what = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
        raise RequestError(
            f"transformation '{transform.name}' must return images {tuple(images.shape)}, not {what}"
        )
    return changed


def call(
    transform: Transform,
    images: Tensor,
    generator: torch.Generator,
    least: float = 0.0,
    **given: Tensor,
) -> Any:
    """Return what a transformation makes of images, each with strengths of its own."""
    function, arguments = transform.function(), transform.arguments()
    if "generator" in inspect.signature(function).parameters:
        arguments["generator"] = generator
    strengths = _strengths(len(images), transform.draws, generator, least)
    return function(images, strengths, **arguments, **given)


def augmented(
    batches: Iterable[Tensor], transforms: tuple[Transform, ...], generator: torch.Generator
) -> Iterator[Tensor]:
    """Yield batches transformed, several of them in one call where they are small."""
    left = iter(batches)
    for first in left:
        some = [first, *itertools.islice(left, max(0, CHUNK // len(first) - 1))]
        images = transform(torch.cat(some), transforms, generator)
        yield from torch.split(images, list(map(len, some)))


@remembered(1)
def shifted_tests(
    data: Data, shifts: tuple[Transform, ...], seed: int, device: str
) -> Mapping[str, Split]:
    """Return the test split under each shift, as uint8, as a camera would store it.

    Each is drawn from the seed's `shift` stream from its start: it depends on no other shift and
    on nothing in training, and all arms at a seed share it. The last is kept, for the next arm. Where
    the test split is on the disk, so are they.
    """
    test = load(data, seed, device).test
    found = {}
    for one in shifts:
        with seeded(stream(seed, "shift")):
            chunks = _shifted(test.inputs, one, seed, device)
            inputs = on_disk.joined(chunks, test.inputs, device)
        found[one.name] = Split(inputs, test.targets)
    return found


def _shifted(inputs: Tensor, shift: Transform, seed: int, device: str) -> Iterator[Tensor]:
    generator = torch.Generator(device).manual_seed(stream(seed, "shift"))
    for chunk in on_disk.in_parts(inputs, CHUNK):
        shifted = transform(chunk, (shift,), generator, least=SHIFT_FROM)
        yield shifted.mul_(255).round_().byte()


def _strengths(n: int, draws: int, generator: torch.Generator, least: float) -> Tensor:
    """Return `(n, draws)` numbers of size `least` to 1 and either sign."""
    drawn = torch.rand(n, draws, generator=generator, device=generator.device) * 2 - 1
    return torch.where(drawn < 0, -1.0, 1.0) * (least + (1 - least) * drawn.abs())


def flip(images: Tensor, strengths: Tensor) -> Tensor:
    return to.flip(images, strengths[:, 0] < 0)


def crop(images: Tensor, strengths: Tensor) -> Tensor:
    area, aspect = 1 - 0.5 * strengths[:, 0].abs(), (4 / 3) ** strengths[:, 1]
    size = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], 1).clamp(max=1)
    return to.crop(images, size, strengths[:, 2:])


def translation(images: Tensor, strengths: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    still = torch.zeros_like(strengths[:, 0])
    pixels = 0.2 * strengths * torch.tensor((width, height), device=images.device)
    return to.affine(images, still, pixels, still + 1)


def rotation(images: Tensor, strengths: Tensor) -> Tensor:
    still = torch.zeros_like(strengths[:, 0])
    return to.affine(images, 45 * strengths[:, 0], torch.stack([still, still], 1), still + 1)


def brightness(images: Tensor, strengths: Tensor) -> Tensor:
    return to.brightness(images, 4 ** strengths[:, 0])


def gamma(images: Tensor, strengths: Tensor) -> Tensor:
    return to.gamma(images, 3 ** strengths[:, 0])


def jitter(images: Tensor, strengths: Tensor) -> Tensor:
    bright, contrast, colour = (2**strengths).unbind(1)
    images = to.contrast(to.brightness(images, bright), contrast)
    return to.saturation(images, colour) if images.shape[1] == 3 else images


def colour_cast(images: Tensor, strengths: Tensor) -> Tensor:
    return to.colour_cast(images, 2**strengths)


def blur(images: Tensor, strengths: Tensor) -> Tensor:
    strongest = 0.08 * images.shape[-2]
    radius = min(math.ceil(3 * strongest), min(images.shape[-2:]) - 1)
    return to.blur(images, strongest * strengths[:, 0].abs(), radius)


def compression(images: Tensor, strengths: Tensor) -> Tensor:
    return to.compression(images, 100 * 50 ** -strengths[:, 0].abs())


def noise(images: Tensor, strengths: Tensor, *, generator: torch.Generator) -> Tensor:
    drawn = torch.randn(images.shape, generator=generator, device=images.device)
    return to.noise(images, NOISIEST * strengths[:, 0].abs(), drawn)

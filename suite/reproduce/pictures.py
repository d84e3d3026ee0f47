"""Images where images are the subject: what a network was shown, and what it made of it.

A store holds numbers, no images. Data are loaded and networks trained again, from the records, and
a network shown only if its weights come out the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from suite.data import Examples, Split, augmented, load, mixed, shifted_tests
from suite.execution.strategy import THREADS
from suite.ground.errors import RequestError
from suite.ground.wording import worded
from suite.reproduce.trained import trained
from suite.seeds import stream
from suite.training import Run, determinism
from suite.training.evaluation import predict
from suite.training.step import prepare
from suite.vocabulary import discovery
from suite.vocabulary.record import Record
from suite.vocabulary.views import Pictured

SHOWN = 10
LEAST = 2  # pixels that a feature map is shown with
AS_IT_IS = "as it is"
_LAST: list[tuple[Record, Run]] = []


@dataclass(frozen=True)
class Strip:
    """A row of pictures.

    Attributes:
        label: what they are of: the level of an axis, or words.
        pictures: `(n, height, width, channels)`, uint8.
        words: what stands below each, or none.
    """

    label: Any
    pictures: NDArray[np.uint8]
    words: tuple[str, ...] = ()


def strips(of: Pictured, records: Sequence[Record]) -> list[Strip]:
    """Return pictures of trials of one seed; of a network, where it is about one, the first's.

    Raises:
        RequestError: if the data cannot be had, or the network comes out otherwise here.
    """
    determinism.enforce(THREADS)
    return PICTURES[of](records)


def _trained_on(records: Sequence[Record]) -> list[Strip]:
    """One strip for each way to augment, of the same images."""
    found: dict[tuple[Any, ...], NDArray[np.uint8]] = {}
    data = None
    for record in records:
        recipe = discovery.recipe_of(record)
        data = data or recipe.data
        if recipe.data == data and recipe.augmentation not in found:
            examples = _examples(record)
            images, targets = (part[:SHOWN].cpu() for part in examples.train)
            generator = torch.Generator().manual_seed(stream(record.seed, "augment"))
            if plain := tuple(one for one in recipe.augmentation if not one.mixes):
                (images,) = augmented((images,), plain, generator)
            if mixing := tuple(one for one in recipe.augmentation if one.mixes):
                images, _ = mixed(Split(images, targets), mixing, examples.outputs, generator)
            found[recipe.augmentation] = _pictures(images)
    return [Strip(tuple(map(str, how)), pictures) for how, pictures in found.items()]


def _tested_on(records: Sequence[Record]) -> list[Strip]:
    """The test split as it is, and under each shift."""
    recipe = discovery.recipe_of(records[0])
    seed = records[0].seed
    shifted = shifted_tests(recipe.data, recipe.shifts, seed, "cpu")
    splits = [(AS_IT_IS, _examples(records[0]).test), *shifted.items()]
    return [Strip(name, _pictures(split.inputs[:SHOWN].cpu())) for name, split in splits]


def _first_weights(records: Sequence[Record]) -> list[Strip]:
    """What each of the first units weighs the pixels with: none is grey, for is bright."""
    run = _run(records[0])
    first = next(one for one in run.network.modules() if isinstance(one, nn.Linear | nn.Conv2d))
    weights = first.weight.detach().cpu()[: 2 * SHOWN]
    if isinstance(first, nn.Linear):
        weights = weights.view(-1, *run.examples.shape)
    is_output = len(first.weight) == run.examples.outputs
    words = tuple(_called(run.examples, unit) for unit in range(len(weights))) if is_output else ()
    largest = weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    return [Strip("weights", _pictures((weights / largest + 1) / 2), words)]


def _feature_maps(records: Sequence[Record]) -> list[Strip]:
    """A test image, and each convolutional channel's answer to it after its activation."""
    run = _run(records[0])
    image = run.examples.test.inputs[:1].to(run.device)
    found = [Strip(AS_IT_IS, _pictures(image))]
    maps = prepare(image)
    with torch.no_grad():
        for layer in run.network.eval().children():
            maps = layer(maps)
            if maps.ndim != 4 or min(maps.shape[-2:]) < LEAST:
                break
            if not isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
                channels = maps[0, :SHOWN, None].cpu()
                largest = channels.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
                scaled = channels / largest
                signed = scaled.min() < 0
                pictures = _pictures((scaled + 1) / 2 if signed else scaled)
                found.append(Strip(type(layer).__name__, pictures))
    if len(found) == 1:
        raise RequestError(worded("its network has no layers of channels"))
    return found


def _mistakes(records: Sequence[Record]) -> list[Strip]:
    """The first test images that the network takes for another class, and for which."""
    run = _run(records[0])
    test = run.examples.test
    said = predict(run.network, test.inputs).argmax(1)
    wrong = (said != test.targets).nonzero()[:, 0]
    first = wrong[: 2 * SHOWN]
    pairs = zip(test.targets[first].tolist(), said[first].tolist(), strict=True)
    words = tuple(
        f"{_called(run.examples, was)} → {_called(run.examples, read)}" for was, read in pairs
    )
    return [Strip(f"{len(wrong):,} / {len(test):,}", _pictures(test.inputs[first].cpu()), words)]


def _called(examples: Examples, one: int) -> str:
    return examples.names[one] if examples.names else str(one)


def _examples(record: Record) -> Examples:
    recipe = discovery.recipe_of(record)
    examples = load(recipe.data, record.seed)
    if examples.digest != record.outcome.data_digest:
        raise RequestError(worded("the data of trial {trial} are others here", trial=record.id))
    return examples


def _run(record: Record) -> Run:
    """Return a trial on images, trained again."""
    if not _LAST or _LAST[0][0] != record:  # what follows is often of the same trial
        _LAST[:] = [(record, trained(record))]
    run = _LAST[0][1]
    _check_images(run.examples.shape)
    return run


def _check_images(shape: Sequence[int]) -> None:
    if len(shape) != 3:
        raise RequestError(worded("its inputs are no images"))


def _pictures(images: Tensor) -> NDArray[np.uint8]:
    """Return `(n, height, width, channels)` from `(n, channels, height, width)`, uint8 or 0 to 1."""
    _check_images(images.shape[1:])
    pixels = images if images.dtype is torch.uint8 else images.clamp(0, 1).mul(255).round().byte()
    array: NDArray[np.uint8] = pixels.cpu().movedim(1, -1).numpy()
    return array


PICTURES: dict[Pictured, Callable[[Sequence[Record]], list[Strip]]] = {
    "training images": _trained_on,
    "test images": _tested_on,
    "first weights": _first_weights,
    "feature maps": _feature_maps,
    "mistakes": _mistakes,
}

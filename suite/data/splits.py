"""Fixed train, validation and test splits, resident on the device where they fit there.

Splits of sources without a test split of their own are drawn anew for every seed, so an interval
over seeds covers the choice of test examples too; arms at one seed share them. Where
examples come in groups, splits are made of whole ones. Tables are
standardised after splitting, on the training split's rows: `load` does it, and a study that makes
its own folds calls the same function and hands the folds to `Run`.

Images are resized once, at load, on the CPU, so that a GPU trains on the same bytes; only the last
resized data set is kept in memory, since 60,000 images of 224×224 pixels take 3 GB.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from suite.data import on_disk
from suite.data.on_disk import Array, OnDisk
from suite.data.sources import Raw, raw, remembered
from suite.ground import memory
from suite.ground.errors import RequestError
from suite.seeds import stream
from suite.vocabulary.data import Data

# The test split of a source without one of its own is drawn anew for every seed, so intervals over
# seeds cover the choice of test examples.
HELD_OUT_SHARE = 6  # a sixth each, of sources that do not say otherwise
OFFICIAL_VALIDATION = 5000
CHANNEL_WEIGHTS = {"grey": (0.299, 0.587, 0.114), "red": (1.0, 0.0, 0.0)}


class Split(NamedTuple):
    """Examples of one split.

    Attributes:
        inputs: uint8 `(n, channels, height, width)`, float32 `(n, features)` or int64 `(n, length)`
            symbols; where they do not fit in memory, an `OnDisk`, which is split and indexed as a
            tensor is.
        targets: int64 `(n,)` classes, of sequences also `(n, length)`, or float32 `(n, 1)` values.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return self.inputs.shape[0]


class Examples(NamedTuple):
    """The three splits of a trial.

    Attributes:
        outputs: number of classes, or of values.
        digest: covers the source's bytes and who went where.
        names: of the classes, or none that are known.
        symbols: how many kinds of symbols inputs are; 0 where they are numbers.
    """

    train: Split
    validation: Split
    test: Split
    outputs: int
    digest: str
    names: tuple[str, ...] = ()
    symbols: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.train.inputs.shape[1:])


class Outline(NamedTuple):
    """The number of examples in each split, the shape of one and of its target, outputs, symbols."""

    train: int
    validation: int
    test: int
    shape: tuple[int, ...]
    target: tuple[int, ...]
    outputs: int
    symbols: int


@remembered(4)
def load(data: Data, seed: int, device: str = "cpu") -> Examples:
    """Return the splits of a source, drawn from the seed's `split` stream.

    Validation and test do not depend on `train_examples`: studies that vary it compare on the
    same held-out examples.

    Raises:
        RequestError: if the source cannot be had or has too few examples.
    """
    if data.image_size:
        load.cache_clear()  # they may take gigabytes: only the last are kept
    source = _source(data, seed)
    parts = _parts(data, source, seed)
    inputs, targets = source.inputs, torch.from_numpy(source.targets)
    if data.table:  # features are standardised, log prices centred, on training
        targets = targets - targets[parts[0]].mean()
    if source.table and targets.is_floating_point():
        targets = standardise(targets.double(), parts[0]).float()
    if data.table:
        inputs = standardise(torch.from_numpy(inputs), parts[0]).numpy()
    elif source.table and inputs.dtype != np.uint8:
        inputs = standardise(torch.from_numpy(inputs).double(), parts[0]).float().numpy()
    train, validation, test = (
        Split(one, targets[i].to(device))
        for one, i in zip(_inputs(data, inputs, parts, device), parts, strict=True)
    )
    sha = hashlib.sha256(source.digest.encode())
    for part in parts:
        sha.update(part.numpy().data)
    if data.image_size:
        sha.update(f"{data.image_size} pixels".encode())
    if data.standardise:
        sha.update(b"standardised")
    if data.colours != "all":
        sha.update(f"{data.colours} only".encode())
    if data.random_labels:
        labels = _randomised(targets[parts[0]], source.outputs, data.random_labels, seed)
        sha.update(labels.numpy().data)
        train = Split(train.inputs, labels.to(device))
    digest = sha.hexdigest()
    return Examples(train, validation, test, source.outputs, digest, source.names, source.symbols)


def outline(data: Data, seed: int) -> Outline:
    """Return how large and of what shape the splits are, without making them; errors as `load`."""
    source = _source(data, seed)
    train, validation, test = map(len, _parts(data, source, seed))
    shape, target = _shape(data, source.inputs), source.targets.shape[1:]
    return Outline(train, validation, test, shape, target, source.outputs, source.symbols)


def _inputs(data: Data, inputs: Array, parts: Sequence[Tensor], device: str) -> Iterator[Tensor]:
    """Yield the inputs of each split: on the device, or what stands for them where they stay."""
    shape = _shape(data, inputs)

    def changed(some: Tensor) -> Tensor:
        return _at_size(_in_colours(some, data.colours), data.image_size)

    needed = sum(map(len, parts)) * math.prod(shape) * inputs.itemsize
    if not (fit := on_disk.fits(needed, device)):
        load.cache_clear()  # what is there of others may be in the way
        fit = on_disk.fits(needed, device)
    if not fit:
        memory.give_back()
    for rows in parts:
        there = OnDisk(inputs, rows, changed, shape, device)
        # It does what is asked of a split's inputs, and studies know tensors only.
        yield there.to(device) if fit else cast("Tensor", there)


def _shape(data: Data, inputs: Array) -> tuple[int, ...]:
    """Return the shape of one example."""
    size = data.image_size
    return (inputs.shape[1], size, size) if size else tuple(inputs.shape[1:])


def _source(data: Data, seed: int) -> Raw:
    source = raw(data, seed)
    if data.home or data.files():
        _check_fields(data, source)
    return _merged(source, data.classes) if data.classes else source


def _check_fields(data: Data, source: Raw) -> None:
    """Refuse what cannot be done to a source of which only now is known what it is."""
    images, classes = source.inputs.ndim == 4, source.targets.dtype == np.int64
    colour = images and source.inputs.shape[1] == 3
    for field, possible, has_no in (
        ("image_size", images, "images"),
        ("random_labels", classes, "classes"),
        ("classes", classes, "classes"),
        ("colours", colour, "colours"),
    ):
        if field in data.given() and not possible:
            raise RequestError(f"data '{data.name}' has no {has_no}: no '{field}'")


def _parts(data: Data, source: Raw, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return which examples train, validate and test."""
    total = len(source.inputs)
    generator = torch.Generator().manual_seed(stream(seed, "split"))
    sixth = max(1, total // HELD_OUT_SHARE)
    if source.groups is not None:
        return _grouped(data, torch.from_numpy(source.groups), generator)
    if source.official_test:
        pool = torch.randperm(total - source.official_test, generator=generator)
        last = torch.arange(total - source.official_test, total)
    else:
        # Synthetic examples are as good in the order they were drawn; shuffled, which of them are
        # held out would depend on how many there are.
        order = torch.arange(total) if data.drawn else torch.randperm(total, generator=generator)
        if source.stratified:
            order = _interleaved(order, torch.from_numpy(source.targets), generator)
        last, pool = order.tensor_split([data.test or sixth])
    default = OFFICIAL_VALIDATION if source.official_test else sixth
    held_out = data.validation_examples or data.validation or default
    wanted = data.train_examples or len(pool) - held_out
    if wanted < 1 or held_out + wanted > len(pool):
        raise RequestError(
            f"data '{data.name}' has {len(pool)} examples to train and validate on, "
            f"not {wanted} + {held_out}"
        )
    return pool[held_out : held_out + wanted], pool[:held_out], last


def _interleaved(order: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
    """Return an order with each class spread evenly over it, so that all its parts have equal shares.

    scikit-learn's splitters draw splits of given sizes; with an order, held-out examples do not
    depend on how many train, and fewer training examples are among the more.
    """
    labels = classes[order]
    counts = torch.bincount(labels)
    begins = torch.rand(len(counts), generator=generator, dtype=torch.float64)
    places = torch.empty(len(order), dtype=torch.float64)
    for one, count in enumerate(counts.tolist()):
        places[labels == one] = (torch.arange(count) + begins[one]) / max(1, count)
    return order[places.argsort(stable=True)]


def _grouped(
    data: Data, groups: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return splits of whole groups in a drawn order: test, then validation, then training.

    The first two get groups until they have what they should, or somewhat more; `train_examples`
    takes the first of the rest.
    """
    turns = torch.randperm(int(groups.max()) + 1, generator=generator)[groups]
    order = turns.argsort(stable=True)
    ends = torch.bincount(turns).cumsum(0)
    sixth = max(1, len(order) // HELD_OUT_SHARE)

    def whole(begin: int, wanted: int) -> int:
        after = ends[ends >= begin + wanted]
        return int(after[0]) if len(after) else len(order)

    first = whole(0, data.test or sixth)
    second = whole(first, data.validation_examples or data.validation or sixth)
    left = len(order) - second
    if second == first or left < (data.train_examples or 1):
        raise RequestError(
            f"data '{data.name}' has {len(ends)} groups, too few or too large: with whole ones to "
            f"test and to validate on, {left} examples are left, not {data.train_examples or 1}"
        )
    train = order[second : second + (data.train_examples or left)]
    return train, order[first:second], order[:first]


def _merged(source: Raw, classes: int) -> Raw:
    """Return the source with class c turned into c modulo `classes`."""
    if classes > source.outputs:
        raise RequestError(f"there are {source.outputs} classes to merge, not {classes}")
    digest = f"{source.digest} modulo {classes}"
    return source._replace(
        targets=source.targets % classes, outputs=classes, digest=digest, names=()
    )


def standardise(features: Tensor, fit: Tensor) -> Tensor:
    """Return a table's features at mean 0 and variance 1 over some of its rows.

    Columns of 0 and 1 stay as they are, a missing number becomes the mean, and what is constant
    over those rows becomes 0 everywhere: nothing can be learned of it.

    Args:
        features: `(n, features)`, NaN where a number is missing; in float64 numbers of any size are
            told apart that lie close together.
        fit: the rows that decide, which should be training rows and no others.
    """
    seen = features[fit]
    there = ~seen.isnan()
    mean = seen.nansum(0) / there.sum(0).clamp(min=1)
    deviation = ((seen - mean).nan_to_num() ** 2).sum(0).div(there.sum(0).clamp(min=1)).sqrt()
    indicator = ((seen == 0) | (seen == 1)).all(0)
    scaled = torch.where(indicator, features, (features - mean) / deviation)
    # A column of equal numbers has a deviation of rounding alone: 1e-6 of its mean and below.
    rounding = 1e-6 if features.dtype is torch.float32 else 1e-14
    constant = deviation <= rounding * mean.abs()
    return scaled.nan_to_num(nan=0.0).masked_fill(constant, 0.0)


def _in_colours(images: Tensor, colours: str) -> Tensor:
    """Return images whose three channels are all the luminance (ITU-R BT.601) or all the red."""
    if colours == "all":
        return images
    weights = torch.tensor(CHANNEL_WEIGHTS[colours])[:, None, None]
    kept = (images * weights).sum(1, keepdim=True).round_()
    return kept.expand(images.shape).to(images.dtype)


def _at_size(images: Tensor, size: int | None) -> Tensor:
    """Return images as high and wide as asked for.

    They are resized on the CPU, whatever the device, since a GPU rounds otherwise: bit for bit as
    by torchvision's `Resize`, whose import costs a second.
    """
    if size is None:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def _randomised(labels: Tensor, classes: int, share: float, seed: int) -> Tensor:
    """Return `labels` with a share of them, rounded to whole examples, drawn anew.

    A larger share redraws the same examples and more: each example's place in the queue and its
    new class come from the seed's `labels` stream, whatever the share.
    """
    generator = torch.Generator().manual_seed(stream(seed, "labels"))
    drawn = torch.randint(classes, labels.shape, generator=generator)
    queue = torch.randperm(len(labels), generator=generator)
    replaced = queue[: round(share * len(labels))]
    labels = labels.clone()
    labels[replaced] = drawn[replaced]
    return labels

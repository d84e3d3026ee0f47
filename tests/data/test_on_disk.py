"""Data that stay on the disk train to the bits that they train to in memory."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite import Budget, Data, Loss, Model, Optimizer, Recipe, source
from suite.data import load, on_disk, sources
from suite.data.augmentation import shifted_tests
from suite.data.on_disk import OnDisk, Stream, ahead
from suite.execution.work import check
from suite.training import train
from suite.training.checkpoint import Checkpoint
from suite.training.stack import train_together
from suite.vocabulary.record import Outcome, Status

N = 90


@source
def squares() -> Any:
    images = np.random.default_rng(0).integers(0, 256, (N, 3, 6, 6))
    return images.astype(np.uint8), np.arange(N) % 4


@source
def points() -> Any:
    features = np.random.default_rng(0).standard_normal((N, 5))
    return features, features[:, :1] * 2 + features[:, 1:2]


RECIPE = Recipe(data=squares(), model=Model(widths=(8,)), batch_size=7, budget=Budget(epochs=3))
CHANGES: dict[str, dict[str, Any]] = {
    "images": {},
    "values": {"data": points(), "loss": Loss("mse")},
    "a whole epoch in a batch": {"batch_size": 1000},
    "augmented": {"augmentation": ("flip", "crop", "noise")},
    "mixed": {"augmentation": ("rotation", "mixup", "cutmix")},
    "in grey, resized": {"data": squares(train_examples=50, colours="grey", image_size=9)},
    "random labels": {"data": squares(random_labels=0.5)},
    "resized": {"data": Data("digits", train_examples=40, image_size=28), "model": Model("lenet")},
    "a table": {"data": Data("synthetic_linear", train_examples=50), "loss": Loss("mse")},
    "normalised": {"model": Model(widths=(8,), norm="batch", dropout=0.3)},
    "parts": {"gradient_accumulation": 3},
    "early stopping": {"budget": Budget(epochs=20, patience=1), "optimizer": Optimizer(lr=0.5)},
    "within an epoch": {"budget": Budget(epochs=None, steps=13, evaluations=2)},
    "shifted": {"shifts": ("blur", "noise")},
}


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    def forget() -> None:
        load.cache_clear()
        shifted_tests.cache_clear()
        sources.forget()

    yield forget
    forget()


@pytest.fixture
def either(
    forget: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], Any]], tuple[Any, Any]]:
    """Call a function with data that fit in memory, and with data that do not."""

    def call(function: Callable[[], Any]) -> tuple[Any, Any]:
        found = []
        for fits in (True, False):
            forget()
            monkeypatch.setattr(on_disk, "fits", lambda *_: fits)
            found.append(function())
        return found[0], found[1]

    monkeypatch.setattr(on_disk, "PART", 2000)
    return call


@pytest.fixture
def disk(forget: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no data fit in memory."""
    forget()
    monkeypatch.setattr(on_disk, "fits", lambda *_: False)
    monkeypatch.setattr(on_disk, "PART", 2000)


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_bits_do_not_depend_on_where_data_are(either: Any, changes: dict[str, Any]) -> None:
    recipe = dataclasses.replace(RECIPE, **changes)
    inputs = []

    def trained() -> Outcome:
        inputs.append(type(load(recipe.data, 1).train.inputs))
        return train(recipe, 1)

    there, here = either(trained)
    assert inputs == [torch.Tensor, OnDisk]
    assert there == here
    assert there.status is Status.FINISHED


@pytest.mark.parametrize("name", ["images", "values", "augmented", "normalised"])
def test_stacked_bits_do_not_depend_on_where_data_are(either: Any, name: str) -> None:
    changes = CHANGES[name]
    cells = [
        dataclasses.replace(RECIPE, **changes, optimizer=Optimizer(lr=lr)) for lr in (0.1, 0.2)
    ]
    there, here = either(lambda: train_together(cells, [0, 1]))
    assert there == here


class KilledError(Exception):
    pass


class Killing(Checkpoint):
    """Is killed when it was written for the second time."""

    written = 0

    def keep(self, *arguments: Any, **named: Any) -> None:
        super().keep(*arguments, **named)
        self.written += 1
        if self.written == 2:
            raise KilledError


def test_a_killed_trial_goes_on_to_the_same_bits(
    either: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.training.loop.Run.look_every", 5)
    recipe = dataclasses.replace(RECIPE, augmentation=("noise",))

    def resumed() -> Outcome:
        with pytest.raises(KilledError):
            train(recipe, 1, checkpoint=Killing(tmp_path / "kept", 0.0))
        return train(recipe, 1, checkpoint=Checkpoint(tmp_path / "kept", 1e9))

    whole = train(recipe, 1)
    assert either(resumed) == (whole, whole)


def test_a_split_on_the_disk_is_indexed_and_gathered_as_one_in_memory_is(either: Any) -> None:
    there, here = either(lambda: load(squares(), 1).train.inputs)
    assert (here.shape, here.ndim, here.dtype, len(here), here.nbytes) == (
        there.shape, there.ndim, there.dtype, len(there), there.nbytes
    )  # fmt: skip
    for index in (
        slice(5),
        slice(3, None, 2),
        torch.tensor([4, 4, 0]),
        torch.arange(len(there)) > 9,
    ):
        assert torch.equal(here[index].cpu(), there[index])
        assert len(here[index]) == len(there[index])
    for mine, other in zip(here.split(8), there.split(8), strict=True):
        assert torch.equal(mine, other)


def test_threads_end_with_training_however_it_ends(
    disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = threading.active_count()
    assert train(dataclasses.replace(RECIPE, optimizer=Optimizer(lr=1e30)), 0).status is (
        Status.DIVERGED
    )
    assert threading.active_count() == before

    def broken(self: OnDisk, places: range) -> torch.Tensor:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(OnDisk, "_gathered", broken)
    with pytest.raises(OSError, match="Input/output error"):
        train(RECIPE, 0)
    assert threading.active_count() == before


def test_no_more_is_worked_out_ahead_than_is_said() -> None:
    begun = itertools.count()
    found = ahead(lambda one: (next(begun), one)[1], range(1000), threads=4, depth=5)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    found.close()  # type: ignore[attr-defined]
    assert next(begun) <= 3 + 5


def test_a_trial_on_the_disk_needs_less_memory(
    either: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = either(lambda: check(dataclasses.replace(RECIPE, data=Data("digits")), "cpu"))
    data = sources.raw(Data("digits"), 0).inputs.nbytes
    assert there - here > 2 * data


def test_a_stream_is_saved_as_numpy_saves_an_array(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(4, 3, 2)
    stream = Stream(array.shape, np.float64, lambda: on_disk.parts(array.transpose(0, 1, 2)))
    np.save(tmp_path / "whole.npy", array)
    stream.save(tmp_path / "parts.npy")
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert np.array_equal(stream.mapped(), array)
    assert np.array_equal(stream.whole(), array)

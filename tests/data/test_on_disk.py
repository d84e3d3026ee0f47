"""Data that stay on the disk train to the bits that they train to in memory."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from suite import Budget, Data, Loss, Model, Optimizer, Recipe, source
from suite.data import image_folder, images, load, on_disk, sources
from suite.data.augmentation import shifted_tests
from suite.data.on_disk import OnDisk, Stream, ahead
from suite.execution.work import check
from suite.ground.errors import RequestError
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
        slice(0),
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


# --- Readers ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    return tmp_path


def saved(dtype: Any, order: Any = "C") -> dict[str, Any]:
    """Save arrays as a folder of .npy and as .npz, and return them."""
    rng = np.random.default_rng(0)
    inputs = np.asarray(rng.integers(0, 200, (N, 3, 4)), dtype=dtype, order=order)
    arrays = {"inputs": inputs, "targets": np.arange(N) % 3, "who": np.arange(N) // 5}
    Path("folder").mkdir()
    for name, array in arrays.items():
        np.save(f"folder/{name}.npy", array)
    np.savez("plain.npz", **arrays)
    np.savez_compressed("packed.npz", **arrays)
    return arrays


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", "f4", "f8", ">f4", "i2"])
@pytest.mark.parametrize("path", ["folder", "plain.npz", "packed.npz"])
def test_arrays_too_large_for_memory_stay_on_the_disk(
    folder: Path, either: Any, path: str, dtype: str, order: str
) -> None:
    saved(dtype, order)

    def read() -> Any:
        raw = sources.raw(Data("arrays", path=path, group="who"), 0)
        examples = load(Data("arrays", path=path, group="who"), 0)
        return raw, examples.digest, [split.inputs.cpu() for split in examples[:3]]

    (there, digest, splits), (here, same, others) = either(read)
    assert on_disk.is_mapped(here.inputs) and not on_disk.is_mapped(there.inputs)
    assert not here.inputs.flags.writeable
    assert here.inputs.dtype == there.inputs.dtype
    assert (here.digest, same) == (there.digest, digest)
    assert all(map(torch.equal, splits, others))


def test_an_npz_is_unpacked_into_the_cache_once(folder: Path, disk: None) -> None:
    saved("u1")
    data = Data("arrays", path="packed.npz")
    first = sources.raw(data, 0)
    (inputs,) = Path(".cache").rglob("inputs.npy")
    written = inputs.stat().st_mtime_ns
    sources.forget()
    assert sources.raw(data, 0).digest == first.digest
    assert inputs.stat().st_mtime_ns == written
    inputs.write_bytes(inputs.read_bytes()[:-9])  # damaged
    sources.forget()
    assert sources.raw(data, 0).digest == first.digest


def test_what_is_no_number_is_found_on_the_disk_too(folder: Path, disk: None) -> None:
    values = np.ones((5000, 2))
    values[4321, 1] = np.nan
    Path("folder").mkdir()
    np.save("folder/inputs.npy", values)
    np.save("folder/targets.npy", np.arange(5000) % 3)
    with pytest.raises(RequestError, match="inputs that are no numbers, first in row 4321"):
        sources.raw(Data("arrays", path="folder"), 0)


def test_no_room_on_the_disk_either_is_one_line(
    folder: Path, disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    saved("f8")
    monkeypatch.setattr(Stream, "write", full)
    with pytest.raises(RequestError, match="do not fit in memory, and not in .*No space left"):
        sources.raw(Data("arrays", path="folder"), 0)


@source
def mapped(*, file: Path = Path("x.npy")) -> Any:
    """Photographs as others keep them, channels last."""
    images = np.memmap(file, np.uint8, "r", shape=(N, 4, 4, 3)).transpose(0, 3, 1, 2)
    return images, np.arange(N) % 3


def test_a_map_of_ones_own_stays_one(folder: Path, either: Any) -> None:
    np.random.default_rng(0).integers(0, 256, (N, 4, 4, 3), np.uint8).tofile("x.npy")
    recipe = dataclasses.replace(RECIPE, data=mapped())
    there, here = either(lambda: (sources.raw(mapped(), 0), train(recipe, 0)))
    assert there[1] == here[1]
    assert there[0].digest == here[0].digest
    assert here[0].inputs.base is not None and on_disk.is_mapped(here[0].inputs)


def photos(n: int) -> None:
    for i in range(n):
        file = Path(f"photos/{'ab'[i % 2]}/{i}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((5, 5, 3), i, np.uint8)).save(file)


def test_images_are_decoded_onto_the_disk(folder: Path, either: Any) -> None:
    photos(40)

    def read() -> Any:
        shutil.rmtree(".cache", ignore_errors=True)
        return sources.raw(Data("image_folder", path="photos", size=6), 0)

    there, here = either(read)
    assert here.digest == there.digest
    assert np.array_equal(here.inputs, there.inputs)
    assert on_disk.is_mapped(here.inputs)
    assert [one.name for one in Path(".cache/thumbrules").iterdir() if one.is_dir()]
    assert not list(Path(".cache").rglob("tmp*"))


def test_images_are_read_where_nothing_can_be_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(40)
    kept = image_folder("photos", size=6)
    shutil.rmtree(".cache")
    Path(".cache").write_text("no folder")
    assert image_folder("photos", size=6).digest == kept.digest


def test_processes_that_start_together_decode_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(40)
    decoded = []
    decode = images._decode
    monkeypatch.setattr(images, "_decode", lambda *given: decoded.append(1) or decode(*given))
    with ThreadPoolExecutor(4) as together:  # a lock of files keeps threads apart as well
        found = list(together.map(lambda _: image_folder("photos", size=6).digest, range(4)))
    assert len(set(found)) == 1
    assert len(decoded) == 40


# --- Memory ----------------------------------------------------------------------------------

LIMITED = """
import resource, sys
import psutil, torch
from suite import Budget, Data, Model, Recipe
from suite.data import load
from suite.training import train

torch.set_num_threads(1)
small = Recipe(data=Data("digits"), model=Model(widths=(8,)), batch_size=256, budget=Budget(epochs=1))
train(small, 0)  # what libraries take comes with their first use
load.cache_clear()
if left := int(sys.argv[2]):
    limit = psutil.Process().memory_info().data + left
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
data = Data("arrays", path=sys.argv[1])
outcome = train(Recipe(**vars(small) | {"data": data}), 0)
print(type(load(data, 0).train.inputs).__name__, outcome)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of data are Linux's")
def test_data_four_times_as_large_as_memory_train_to_the_same_bits(tmp_path: Path) -> None:
    size, n = 256 << 20, (256 << 20) // 3072
    rng = np.random.default_rng(0)
    np.save(tmp_path / "inputs.npy", rng.integers(0, 256, (n, 3, 32, 32), np.uint8))
    np.save(tmp_path / "targets.npy", rng.integers(0, 10, n))

    def run(left: int) -> tuple[str, str]:
        command = [sys.executable, "-c", LIMITED, str(tmp_path), str(left)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        where, _, outcome = done.stdout.partition(" ")
        return where, outcome

    there, here = run(0), run(size // 4)
    assert (there[0], here[0]) == ("Tensor", "OnDisk")
    assert there[1] == here[1]

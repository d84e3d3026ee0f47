"""Sources give the bytes they name or say how to get them; splits are disjoint and fixed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite import Data
from suite.data import Examples, load, outline, sources, splits
from suite.data.origin import origin
from suite.data.sources import Raw
from suite.ground.cache import cache_folder
from suite.ground.errors import RequestError

Array = np.ndarray[Any, Any]


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder, and nothing remembered in memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("THUMBRULES_DATA", raising=False)
    forget()
    yield cache_folder()
    forget()


def forget() -> None:
    sources.forget()
    load.cache_clear()


def refusal(data: Data) -> str:
    with pytest.raises(RequestError) as caught:
        load(data, 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def numbered(total: int, official_test: int) -> Raw:
    """A source whose example i is the number i."""
    numbers = np.arange(total, dtype=np.float32)[:, None]
    return Raw(numbers, numbers, 1, official_test, "digest")


def split_numbers(data: Data, seed: int, *, total: int, official_test: int = 0) -> Examples:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "raw", lambda data, seed: numbered(total, official_test))
        return load.__wrapped__(data, seed)


def members(examples: Examples) -> list[set[float]]:
    return [set(split.inputs.flatten().tolist()) for split in examples[:3]]


@given(
    train=st.none() | st.integers(1, 1077),
    validation=st.none() | st.integers(1, 360),
    seed=st.integers(0, 1000),
)
def test_splits_are_disjoint_and_of_the_sizes_asked_for(
    train: int | None, validation: int | None, seed: int
) -> None:
    data = Data("digits", train_examples=train, validation_examples=validation)
    examples = split_numbers(data, seed, total=1797)
    held_out = validation or 360
    sizes = [train or 1437 - held_out, held_out, 360]
    assert [len(split) for split in examples[:3]] == sizes
    assert len(set.union(*members(examples))) == sum(sizes)
    assert torch.equal(examples.train.inputs, examples.train.targets)


@given(train=st.integers(1, 5000), seed=st.integers(0, 1000))
def test_a_sources_own_test_split_is_kept_whole_and_apart(train: int, seed: int) -> None:
    data = Data("fashion_mnist", train_examples=train, validation_examples=100)
    examples = split_numbers(data, seed, total=6100, official_test=1000)
    assert torch.equal(examples.test.inputs[:, 0], torch.arange(5100.0, 6100.0))
    assert max(members(examples)[0] | members(examples)[1]) < 5100


@pytest.mark.parametrize("name", ["digits", "mnist5k", "synthetic_linear"])
def test_a_seed_fixes_the_splits_and_another_moves_them(name: str) -> None:
    data = Data(name)  # type: ignore[arg-type]
    first, again, other = (load.__wrapped__(data, seed) for seed in (3, 3, 4))
    for one, same, moved in zip(first[:3], again[:3], other[:3], strict=True):
        assert torch.equal(one.inputs, same.inputs)
        assert torch.equal(one.targets, same.targets)
        assert not torch.equal(one.inputs, moved.inputs)
    assert first.digest == again.digest != other.digest


@pytest.mark.parametrize("name", ["digits", "mnist5k", "synthetic_linear"])
def test_held_out_examples_do_not_depend_on_how_many_train(name: str) -> None:
    few = load(Data(name, train_examples=50), 0)  # type: ignore[arg-type]
    many = load(Data(name, train_examples=900), 0)  # type: ignore[arg-type]
    assert torch.equal(few.validation.inputs, many.validation.inputs)
    assert torch.equal(few.test.inputs, many.test.inputs)
    assert torch.equal(few.test.targets, many.test.targets)
    assert torch.equal(few.train.inputs, many.train.inputs[:50])
    assert few.digest != many.digest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            Data("digits", train_examples=1078),
            "data 'digits' has 1437 examples to train and validate on, not 1078 + 360",
        ),
        (
            Data("digits", validation_examples=1437),
            "data 'digits' has 1437 examples to train and validate on, not 0 + 1437",
        ),
        (
            Data("mnist5k", train_examples=2000, validation_examples=1001),
            "data 'mnist5k' has 3000 examples to train and validate on, not 2000 + 1001",
        ),
    ],
)
def test_more_examples_than_there_are_is_refused(data: Data, message: str) -> None:
    assert refusal(data) == message


@pytest.mark.parametrize(
    ("name", "shape", "total"), [("digits", (1, 8, 8), 1797), ("mnist5k", (1, 28, 28), 5000)]
)
def test_images_are_bytes_and_targets_classes(
    name: str, shape: tuple[int, ...], total: int
) -> None:
    examples = load(Data(name), 0)  # type: ignore[arg-type]
    assert (examples.shape, examples.outputs) == (shape, 10)
    assert sum(len(split) for split in examples[:3]) == total
    inputs, targets = examples.train
    assert (inputs.dtype, targets.dtype) == (torch.uint8, torch.int64)
    assert inputs.max() > 200, "pixels use the range of a byte"
    assert sorted(set(targets.tolist())) == list(range(10))


def test_least_squares_recovers_the_line_behind_synthetic_data() -> None:
    examples = load(Data("synthetic_linear", train_examples=5000), 0)
    inputs = torch.cat([examples.train.inputs, torch.ones(5000, 1)], 1).double()
    found = torch.linalg.lstsq(inputs, examples.train.targets.double()).solution.flatten()
    # The standard error of a coefficient is 0.01 / sqrt(5000) = 0.00014.
    assert found.tolist() == pytest.approx([2.0, -3.4, 4.2], abs=0.001)
    residual = examples.train.targets - (inputs @ found[:, None]).float()
    assert float(residual.std()) == pytest.approx(0.01, rel=0.05)


def test_noise_is_added_to_the_same_line() -> None:
    exact = load(Data("synthetic_linear", noise=0.0), 0)
    noisy = load(Data("synthetic_linear", noise=0.5), 0)
    assert torch.equal(exact.train.inputs, noisy.train.inputs)
    assert float((noisy.train.targets - exact.train.targets).std()) == pytest.approx(0.5, rel=0.1)


def a_decoder(inputs: Array, targets: Array) -> Callable[[], tuple[Array, Array]]:
    return lambda: (inputs, targets)


def test_the_digest_changes_with_one_byte_of_the_source(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = load(Data("digits"), 0).digest
    inputs, targets = sources.digits()
    inputs[1000, 0, 3, 3] ^= 1
    monkeypatch.setattr(sources, "digits", a_decoder(inputs, targets))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    forget()
    assert load(Data("digits"), 0).digest != before


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def leave(content: bytes) -> Callable[[Path], None]:
    """Return what replaces a file by that content."""

    def damage(file: Path) -> None:
        file.write_bytes(content)

    return damage


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a flipped byte": ("inputs.npy", flip_a_byte),
    "a flipped label": ("targets.npy", flip_a_byte),
    "truncated": ("inputs.npy", cut),
    "emptied": ("inputs.npy", leave(b"")),
    "emptied labels": ("targets.npy", leave(b"")),
    "not an array": ("inputs.npy", leave(b"hello")),
    "missing": ("targets.npy", Path.unlink),
    "another digest": ("sha256", leave(b"0" * 64)),
    "an undecodable digest": ("sha256", leave(b"\xff")),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_cache_is_decoded_anew(
    fresh: Path, name: str, damage: Callable[[Path], None]
) -> None:
    digest = load(Data("digits"), 0).digest
    whole = (fresh / "digits" / name).read_bytes()
    damage(fresh / "digits" / name)
    forget()
    assert load(Data("digits"), 0).digest == digest
    assert (fresh / "digits" / name).read_bytes() == whole


def test_a_whole_cache_is_not_decoded_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = load(Data("digits"), 0).digest

    def decode() -> tuple[Array, Array]:
        raise AssertionError("decoded although the cache was whole")

    monkeypatch.setattr(sources, "digits", decode)
    forget()
    assert load(Data("digits"), 0).digest == digest


def test_a_cache_that_cannot_be_written_is_no_fault(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(load(Data("digits"), 0).train) == 1077


def test_two_loads_cannot_change_each_others_examples(fresh: Path) -> None:
    digest = sources.raw(Data("digits"), 0).digest
    load(Data("digits"), 0).train.inputs.zero_()
    forget()
    assert sources.raw(Data("digits"), 0).digest == digest
    assert load(Data("digits"), 0).train.inputs.max() > 0


def pack_fashion_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Put four small files, taken for the published ones, into a folder."""
    folder.mkdir(parents=True)
    published = {}
    for name in sources.FASHION_MNIST:
        content = name.encode() * 100
        published[name] = hashlib.sha256(content).hexdigest()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(sources, "FASHION_MNIST", published)
    monkeypatch.setenv("THUMBRULES_DATA", str(folder))
    return [folder / f"{name}.gz" for name in published]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "other content": lambda _: gzip.compress(b"something else"),
    "truncated": lambda content: content[:-9],
    "no gzip at all": lambda _: b"<html>404</html>",
    "emptied": lambda _: b"",
    "a flipped byte": lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:],
}


@pytest.mark.parametrize("which", [0, 3])
@pytest.mark.parametrize("break_", BROKEN.values(), ids=BROKEN)
def test_a_damaged_archive_is_named(
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    break_: Callable[[bytes], bytes],
    which: int,
) -> None:
    file = pack_fashion_mnist(tmp_path / "mine", monkeypatch)[which]
    file.write_bytes(break_(file.read_bytes()))
    assert refusal(Data("fashion_mnist")) == (
        f"{file} is damaged: unpacked, its SHA-256 is not the published one"
    )


def no_network(*args: object, **kwargs: object) -> None:
    raise URLError("Name or service not known")


@pytest.mark.parametrize(
    ("name", "module", "hint"),
    [
        ("fashion_mnist", "mnist", "install Debian's dataset-fashion-mnist"),
        ("cifar10", "cifar", "connect to the internet"),
    ],
)
def test_a_source_that_cannot_be_had_says_how_to_get_it(
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    module: str,
    hint: str,
) -> None:
    monkeypatch.setattr(sources, "DEBIAN_FASHION_MNIST", tmp_path / "nowhere")
    monkeypatch.setattr(f"torchvision.datasets.{module}.download_and_extract_archive", no_network)
    line = refusal(Data(name))  # type: ignore[arg-type]
    assert line.startswith(f"data '{name}' cannot be had (")
    assert hint in line
    assert "THUMBRULES_DATA" in line


@pytest.mark.skipif(
    not sources.DEBIAN_FASHION_MNIST.is_dir(),
    reason=f"Debian's dataset-fashion-mnist is not installed in {sources.DEBIAN_FASHION_MNIST}",
)
def test_debians_fashion_mnist_is_the_published_one(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", no_network)
    examples = load(Data("fashion_mnist"), 0)
    sizes = [len(split) for split in examples[:3]]
    assert (sizes, examples.shape, examples.outputs) == ([55_000, 5_000, 10_000], (1, 28, 28), 10)
    targets = torch.cat([split.targets for split in examples[:3]])
    assert torch.bincount(targets).tolist() == [7000] * 10
    assert torch.bincount(examples.test.targets).tolist() == [1000] * 10
    # The mean that is used the world over to standardise its training pixels.
    train = torch.cat([examples.train.inputs, examples.validation.inputs])
    assert float(train.float().mean()) / 255 == pytest.approx(0.2860, abs=1e-4)


@pytest.mark.parametrize(
    "data",
    [
        Data("mnist5k"),
        Data("mnist5k", image_size=12, train_examples=50),
        Data("digits", classes=2, validation_examples=7),
        Data("synthetic_linear"),
        Data("xor", train_examples=40),
        Data("boston"),
    ],
    ids=str,
)
def test_the_outline_of_splits_is_that_of_the_splits(data: Data) -> None:
    examples, told = load(data, 3), outline(data, 3)
    assert tuple(map(len, examples[:3])) == told[:3]
    assert (examples.shape, examples.outputs) == (told.shape, told.outputs)


def test_a_record_says_where_examples_are_from() -> None:
    assert origin(Data("digits")).startswith("scikit-learn ")
    assert "torchvision" in origin(Data("cifar10"))
    assert origin(Data("xor")) == "drawn from the seed"

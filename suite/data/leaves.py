"""Leaves of 176 species: Kaggle's classify-leaves by path, and generated ones in its layout.

The layout is that of the course's second competition: a folder with `train.csv` (image,label),
`test.csv` (image) and the images that they name, 224×224 JPEGs in colour.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suite.ground.errors import RequestError

FOLDER = "classify-leaves"
SPECIES = 176
DEFAULT_PIXELS = 32
CHUNK = 256  # images rendered together: few enough for the processor's cache
HARMONICS = np.arange(1, 7)

Array = np.ndarray[Any, Any]


class Listed(NamedTuple):
    """What train.csv says.

    Attributes:
        files: the images, in order.
        labels: int64 `(n,)`, places in `names`.
        names: of the species, sorted, so that the same file always gives the same classes.
    """

    files: list[Path]
    labels: Array
    names: tuple[str, ...]


def labelled(folder: Path) -> Listed:
    """Read train.csv.

    Raises:
        RequestError: if it is missing or not as Kaggle's, or an image has no label.
    """
    path = folder / "train.csv"
    rows = _rows(path, ["image", "label"])
    for line, row in enumerate(rows, start=2):
        if not row[1]:
            raise RequestError(f"{path}, line {line}: '{row[0]}' has no label")
    names = tuple(sorted({label for _, label in rows}))
    place = {name: i for i, name in enumerate(names)}
    labels = np.array([place[label] for _, label in rows], dtype=np.int64)
    return Listed([folder / image for image, _ in rows], labels, names)


def unlabelled(folder: Path) -> list[str]:
    """Return the images that test.csv names, as it names them; RequestError as in `labelled`."""
    return [image for (image,) in _rows(folder / "test.csv", ["image"])]


def decode(files: list[Path], pixels: int) -> Array:
    """Return uint8 `(n, 3, pixels, pixels)`.

    Raises:
        RequestError: if an image is missing or unreadable; the line names it.
    """
    images = np.empty((len(files), 3, pixels, pixels), dtype=np.uint8)
    for i, file in enumerate(files):
        images[i] = _decode(file, pixels)
    return images


def stamp(listed: Listed) -> str:
    """Return a digest that changes with train.csv's content and with any image's size or time."""
    sha = hashlib.sha256(repr((listed.labels.tolist(), listed.names)).encode())
    for file in listed.files:
        status = file.stat() if file.exists() else None
        sha.update(f"{file}{status and (status.st_size, status.st_mtime_ns)}".encode())
    return sha.hexdigest()


def write_submission(path: Path, images: list[str], labels: list[str]) -> None:
    """Write a file that Kaggle takes: image,label."""
    _write(path, [("image", "label"), *zip(images, labels, strict=True)])


def _rows(path: Path, header: list[str]) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first, *rows = list(csv.reader(file)) or [[]]
    except FileNotFoundError:
        raise RequestError(
            f"{path} is missing: put Kaggle's classify-leaves in the folder {FOLDER} of "
            "THUMBRULES_DATA"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} cannot be read: {error}") from None
    if first != header:
        wanted, found = ",".join(header), ",".join(first)
        raise RequestError(f"{path} must begin with '{wanted}', not '{found}'")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header) or not row[0]:
            raise RequestError(f"{path}, line {line}: '{','.join(row)}' is not {','.join(header)}")
    if not rows:
        raise RequestError(f"{path} names no image")
    return rows


def _decode(file: Path, pixels: int) -> Array:
    from PIL import Image

    try:
        with Image.open(file) as image:
            small = image.convert("RGB").resize((pixels, pixels), Image.Resampling.BILINEAR)
    except FileNotFoundError:
        raise RequestError(f"{file} is missing, though the table names it") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise RequestError(f"{file} cannot be read as an image") from None
    decoded: Array = np.asarray(small).transpose(2, 0, 1)
    return decoded


def generated(n: int, pixels: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw leaf-like shapes, and no real leaf: species i mod 176 in uint8 `(n, 3, pixels, pixels)`.

    A species is a closed curve, its radius a Fourier series of the angle, and a green. An image
    shows it turned, moved, scaled, lit from somewhere, and with noise. More images of a generator
    are the same ones and then some.
    """
    species = _Species(
        amplitudes=rng.standard_normal((SPECIES, len(HARMONICS))) * 0.22 / np.sqrt(HARMONICS),
        phases=rng.uniform(0, 2 * np.pi, (SPECIES, len(HARMONICS))),
        greens=np.array([0.3, 0.5, 0.2]) + rng.uniform(-0.15, 0.15, (SPECIES, 3)),
    )
    labels = np.arange(n) % SPECIES
    chunks = np.split(labels, range(CHUNK, n, CHUNK))
    return np.concatenate([_render(species, chunk, pixels, rng) for chunk in chunks]), labels


class _Species(NamedTuple):
    amplitudes: Array
    phases: Array
    greens: Array


def _render(species: _Species, labels: Array, pixels: int, rng: np.random.Generator) -> Array:
    drawn = rng.standard_normal((len(labels), 7 + 3 * pixels**2), dtype=np.float32)
    turn, scale, right, down, light, slope, towards = drawn[:, :7].T[:, :, None, None]
    axis = (np.arange(pixels, dtype=np.float32) * 2 + 1) / pixels - 1
    x = (axis[None, None, :] - 0.08 * right) / np.exp(0.1 * scale)
    y = (axis[None, :, None] - 0.08 * down) / np.exp(0.1 * scale)
    angle = (np.arctan2(y, x) + 0.25 * turn)[..., None]
    waves = np.cos(angle * HARMONICS + species.phases[labels][:, None, None])
    radius = 0.6 * (1 + (waves * species.amplitudes[labels][:, None, None]).sum(-1))
    # A blade of one inside, nothing outside, an edge about a pixel wide.
    blade = np.clip((radius - np.hypot(x, y)) * pixels / 2 + 0.5, 0, 1)[:, None]
    green = species.greens[labels][:, :, None, None]
    lit = np.exp(0.15 * light + 0.1 * slope * (x * np.cos(towards) + y * np.sin(towards)))[:, None]
    noise = 0.04 * drawn[:, 7:].reshape(-1, 3, pixels, pixels)
    image = (blade * green + (1 - blade) * 0.85) * lit + noise
    clipped: Array = np.clip(255 * image, 0, 255).astype(np.uint8)
    return clipped


def _write(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)

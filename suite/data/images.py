"""A folder of images, one folder a class, in any format that Pillow reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from suite.data.on_disk import Stream, ahead
from suite.data.sources import LEAST, Raw, kept
from suite.ground import contents
from suite.ground.errors import RequestError, first_line
from suite.ground.identity import digest
from suite.ground.processes import cores

Array = np.ndarray[Any, Any]
Colour = Literal["grey", "rgb"]
T = TypeVar("T")
GREY = ("1", "L", "LA", "La")  # Pillow's modes with one channel of at most 8 bits
DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
CHANNELS: dict[Colour, int] = {"grey": 1, "rgb": 3}
UNDER_WAY = 8  # images a thread, so that none waits for what comes before
SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
JUNK = {"thumbs.db", "desktop.ini"}  # that systems put beside images
SILENT_FOR = 3.0  # seconds, before progress is shown


def image_folder(
    path: str | Path | None, *, size: int, colour: Colour | None = None, stratify: bool = False
) -> Raw:
    """Return images from a folder of folders, each of which is a class: uint8 `(n, c, size, size)`.

    All are resized to `size` × `size` pixels, bilinearly and with antialiasing, their proportions
    not kept, after they are turned as their EXIF says. Of several frames the first counts;
    transparency is dropped. Files in folders within a class belong to it; hidden files, and those
    beside the classes, are left out. What is decoded is kept in the cache folder for as long as no
    file changes.

    Args:
        colour: one channel or three. None is what all images have.
        stratify: each split has the same shares of the classes.

    Raises:
        RequestError: if the folder is not there, a class has no image, there are fewer than two
            classes or than three images, one cannot be read, or grey and colour are mixed; the line
            names the folder or file.
    """
    who = "image_folder"
    if path is None:
        raise RequestError(f"{who} needs the path of a folder, such as path='photos'")
    if type(size) is not int or size < 1:
        raise RequestError(f"{who}: size must be a whole number, at least 1, not {size!r}")
    if colour not in (None, *CHANNELS):
        raise RequestError(f"{who}: colour must be 'grey' or 'rgb', not {colour!r}")
    folder = Path(path)
    names, files, labels = _listed(folder, who)
    read = digest([contents.digest_of(folder, who), size, colour])
    inputs, targets, whole = kept(
        f"image_folder-{read}", lambda: (_decoded(files, size, colour), labels)
    )
    return Raw(inputs, targets, len(names), 0, whole, names, stratified=stratify)


def _listed(folder: Path, who: str) -> tuple[tuple[str, ...], list[Path], Array]:
    """Return the classes, sorted, all images, and the class of each, int64 `(n,)`."""
    found = contents.files_of(folder, who)
    if not folder.is_dir():
        raise RequestError(f"{who} reads {folder}, which is a file, not a folder of classes")
    classes = sorted(
        one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")
    )
    if len(classes) < 2:
        what = f"only '{classes[0]}'" if classes else "none"
        raise RequestError(f"{folder} needs a folder for each class, at least 2, and has {what}")
    if {name.lower() for name in classes} <= SPLITS:
        raise RequestError(
            f"{folder} has folders {', '.join(classes)}, which are no classes: name one of them, such "
            f"as path='{folder / classes[-1]}'; splits are drawn from it"
        )
    for name in classes:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise RequestError(f"{folder} has a folder whose name is no text, {name!r}") from None
    below = [file.relative_to(folder).parts for file in found]
    pairs = [
        (file, parts[0])
        for file, parts in zip(found, below, strict=True)
        if len(parts) > 1 and file.name.lower() not in JUNK
    ]
    names = {name for _, name in pairs}
    if empty := [name for name in classes if name not in names]:
        raise RequestError(f"{folder / empty[0]} has no images")
    if len(pairs) < LEAST:
        raise RequestError(f"{folder} has {len(pairs)} images, too few for three splits")
    place = {name: i for i, name in enumerate(classes)}
    labels = np.array([place[name] for _, name in pairs], dtype=np.int64)
    return tuple(classes), [file for file, _ in pairs], labels


def _decoded(files: list[Path], size: int, colour: Colour | None) -> Stream:
    """Decode in threads, since Pillow lets others run meanwhile."""
    shared = colour or _common(files, list(_in_threads(_colour_of, files)))

    def images() -> Iterator[Array]:
        decode = _in_threads(lambda file: _decode(file, size, shared)[None], files)
        return _shown(decode, len(files))

    return Stream((len(files), CHANNELS[shared], size, size), np.uint8, images)


def _in_threads(function: Callable[[Path], T], files: list[Path]) -> Iterator[T]:
    return ahead(function, files, threads=cores(), depth=UNDER_WAY * cores())


def _common(files: list[Path], colours: list[Colour]) -> Colour:
    """Return the colour that all have."""
    if len(set(colours)) > 1:
        grey, rgb = (files[colours.index(one)] for one in CHANNELS)
        raise RequestError(
            f"{grey} is grey and {rgb} in colour: colour='grey' or colour='rgb' makes all the same"
        )
    return colours[0]


def _colour_of(file: Path) -> Colour:
    """Return what an image is by its header alone; a palette is colour."""
    return "grey" if _opened(file, lambda image: image.mode) in GREY else "rgb"


def _decode(file: Path, size: int, colour: Colour) -> Array:
    from PIL import Image, ImageOps

    def small(image: Any) -> Array:
        turned = ImageOps.exif_transpose(image).convert("L" if colour == "grey" else "RGB")
        resized = turned.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(resized).reshape(size, size, -1).transpose(2, 0, 1)

    found: Array = _opened(file, small)
    return found


def _opened(file: Path, use: Any) -> Any:
    """Return what is made of an open image.

    Raises:
        RequestError: if it is none, is damaged, or has more than 8 bits a channel.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            deep = image.mode in DEEP
            found = None if deep else use(image)
    except UnidentifiedImageError:
        raise RequestError(f"{file} cannot be read as an image") from None
    except Exception as error:  # Pillow's formats fail in many ways
        raise RequestError(f"{file} cannot be read as an image: {first_line(error)}") from None
    if deep:
        raise RequestError(f"{file} has more than 8 bits a channel: save it with 8")
    return found


def _shown(items: Iterable[T], total: int) -> Iterator[T]:
    """Yield items, with progress on stderr where they take more than a few seconds."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    progress = Progress(
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.is_terminal,
    )
    task, began = progress.add_task("decoding images", total=total), time.monotonic()
    try:
        for done, item in enumerate(items):
            if not progress.live.is_started and time.monotonic() - began > SILENT_FOR:
                progress.start()
            progress.update(task, completed=done)
            yield item
    finally:
        progress.stop()

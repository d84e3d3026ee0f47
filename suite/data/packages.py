"""Data sets that scikit-learn and torchvision have, by their names there."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

import numpy as np

from suite.data.sources import Raw, checked, kept, obtaining, torchvision_root
from suite.ground.errors import RequestError, first_line, nearest

Array = np.ndarray[Any, Any]


def scikit_learn(*, set: str) -> Raw:  # noqa: A002 - the field's name
    """Return a data set of scikit-learn's `load_` and `fetch_` functions.

    Raises:
        RequestError: if there is none of that name, it is no table of numbers, or it cannot be had.
    """
    from sklearn import datasets

    found = {}
    for name in datasets.__all__:
        kind, _, short = name.partition("_")
        if kind in ("load", "fetch") and _takes(getattr(datasets, name), "return_X_y"):
            found[short] = getattr(datasets, name)
    if set not in found:
        raise RequestError(f"scikit-learn has no table '{set}' {nearest(set, found)}")
    with obtaining(f"'{set}' of scikit-learn", "put it where SCIKIT_LEARN_DATA says"):
        try:
            bunch = found[set]()
        except (TypeError, ValueError) as error:
            more = f"scikit-learn's {set} needs more than a name ({first_line(error)})"
            raise RequestError(f"{more}: write a source for it (@source)") from None
    inputs, targets = bunch.data, bunch.target
    who = f"scikit-learn's {set}"
    if not isinstance(inputs, np.ndarray) or inputs.ndim != 2:
        raise RequestError(f"{who} is no table of numbers (n, features)")
    raw = checked(who, (inputs, targets), missing=True)
    names = tuple(map(str, getattr(bunch, "target_names", ())))
    known = targets.dtype.kind in "iu" and len(names) == raw.outputs
    values = targets.astype(np.float64).reshape(raw.targets.shape)
    return raw._replace(
        inputs=inputs.astype(np.float64),
        targets=raw.targets if raw.targets.dtype == np.int64 else values,
        names=names if known else raw.names,
        table=True,
    )


def torchvision(*, set: str, size: int | None) -> Raw:  # noqa: A002 - the field's name
    """Return a data set of images and classes of torchvision, its test split last.

    Raises:
        RequestError: if there is none of that name, it has no images and classes, its images are of
            several sizes, or it cannot be had.
    """
    from torchvision import datasets

    made = {name: getattr(datasets, name) for name in datasets.__all__}
    found = {name: one for name, one in made.items() if _takes(one, "root")}
    if set not in found:
        raise RequestError(f"torchvision has no images '{set}' {nearest(set, found)}")
    with obtaining(f"'{set}' of torchvision"):
        try:
            halves = [_opened(found[set], half) for half in _halves(found[set])]
        except (TypeError, ValueError) as error:
            more = f"torchvision's {set} needs more than a name ({first_line(error)})"
            raise RequestError(f"{more}: write a source for it (@source)") from None
    name = f"torchvision-{set}-{size}"
    inputs, targets, digest = kept(name, lambda: _decoded(set, halves, size))
    classes = tuple(map(str, getattr(halves[0], "classes", ())))
    outputs = int(targets.max()) + 1
    test = len(halves[1]) if len(halves) > 1 else 0
    return Raw(inputs, targets, outputs, test, digest, classes if len(classes) == outputs else ())


def _takes(function: Any, name: str) -> bool:
    return name in inspect.signature(function).parameters


def _halves(made: Any) -> list[dict[str, Any]]:
    """Return the arguments that ask for the training split and, where there is one, for the test split."""
    if _takes(made, "train"):
        return [{"train": True}, {"train": False}]
    if _takes(made, "split"):
        return [{"split": "train"}, {"split": "test"}]
    return [{}]


def _opened(made: Any, half: dict[str, Any]) -> Any:
    with contextlib.suppress(RuntimeError, OSError):
        return made(torchvision_root(), download=False, **half)
    return made(torchvision_root(), download=True, **half)


def _decoded(name: str, halves: list[Any], size: int | None) -> tuple[Array, Array]:
    from PIL import Image

    images, labels = [], []
    for half in halves:
        for image, label in (half[i] for i in range(len(half))):
            if not isinstance(image, Image.Image) or not isinstance(label, int | np.integer):
                raise RequestError(f"torchvision's {name} has no images with one class each")
            small = image.convert("L" if image.mode == "L" else "RGB")
            if size is not None:
                small = small.resize((size, size), Image.Resampling.BILINEAR)
            images.append(np.asarray(small).reshape(small.height, small.width, -1))
            labels.append(int(label))
    if len({image.shape for image in images}) > 1:
        raise RequestError(f"torchvision's {name} has images of several sizes: size=64 makes one")
    return np.stack(images).transpose(0, 3, 1, 2).copy(), np.array(labels, np.int64)

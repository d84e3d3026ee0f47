"""A study of data of one's own: what they are, which networks suit them, and the text of its file."""

from __future__ import annotations

import os
import re
import textwrap
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from suite.commands.new import filled, title_of
from suite.ground.errors import RequestError, nearest
from suite.vocabulary import discovery
from suite.vocabulary.components import Component
from suite.vocabulary.data import Data
from suite.vocabulary.model import Model

READERS = {
    ".csv": "table",
    ".parquet": "table",
    ".pq": "table",
    ".npz": "arrays",
    ".txt": "sequences",
}
PIXELS = 32  # a side: four times the pixels take four times as long
LARGE = 64  # a side above which images are made that small
LONG = 256  # positions: attention takes four times as long for twice as many
LEAST_PIXELS = {"lenet": 12, "resnet": 8}
MOST_EPOCHS = 100


class Suited(NamedTuple):
    """What suits one kind of data, so that all trials take minutes on a laptop.

    Attributes:
        networks: the simplest first; of numbers, one linear layer comes before them.
        rates: of learning, for Adam.
        seen: training examples that a trial sees, counting repeats, at most about so many.
        most: training examples.
    """

    networks: Mapping[str, Model]
    rates: tuple[float, ...]
    seen: int
    most: int


SUITED = {
    "images": Suited(
        {
            "mlp": Model("mlp", widths=(128,)),
            "lenet": Model("lenet"),
            "resnet": Model("resnet", depth=8, channels=8, norm="batch"),
        },
        rates=(0.0003, 0.001, 0.003, 0.01, 0.03),
        seen=20_000,
        most=4_000,
    ),
    "features": Suited(
        {
            "mlp": Model("mlp", widths=(64,)),
            "deep": Model("mlp", widths=(128, 128), dropout=0.2),
        },
        rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
        seen=200_000,
        most=20_000,
    ),
    "sequences": Suited(
        {"lstm": Model("lstm"), "transformer": Model("transformer", dropout=0.1)},
        rates=(0.001, 0.003, 0.01),
        seen=50_000,
        most=10_000,
    ),
}


class Seen(NamedTuple):
    """What reading the data once told: their kind, their sizes, and what is asked of them."""

    kind: str
    asked: str
    shape: tuple[int, ...]
    train: int
    left_out: int
    words: str


def data_of(place: str, target: str | None, fields: Mapping[str, Any]) -> Data:
    """Return the source that reads a folder, a file or, by name, what is built in.

    Raises:
        RequestError: if there is no such thing, or the source has no such field.
    """
    source = _source_of(place)
    given = dict(fields) if source == place else {"path": place, **fields}
    if target is not None and source != "table":
        raise RequestError(f"--target names a column of a table, and {place} is none")
    if target is not None:
        given["target"] = target
    if source == "image_folder":
        given.setdefault("size", PIXELS)
    return Data(source, **given)


def _source_of(place: str) -> str:
    try:
        return _found(Path(place), place)
    except OSError as error:
        raise RequestError(f"{place} cannot be read: {error.strerror}") from None


def _found(path: Path, place: str) -> str:
    if path.is_dir():
        return "arrays" if any(path.glob("*.npy")) else "image_folder"
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix not in READERS:
            close = nearest(suffix, READERS)
            raise RequestError(f"{place} is no file that can be read by its ending {close}")
        return READERS[suffix]
    built_in = [name for name, one in Data.known.items() if "path" not in one.defaults()]
    if place not in built_in:
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        choices = [
            *built_in,
            *(str(one) for one in beside if not one.name.startswith(".") and str(one) != place),
        ]
        close = nearest(place, choices)
        if "did you mean" not in close:  # a folder may have many files
            close = nearest(place, built_in)
        raise RequestError(f"there is no file, folder or built-in source '{place}' {close}")
    return place


def name_of(place: str) -> str:
    """Return a study's name like that of a file: `My data (1).csv` is `my_data_1`."""
    letters = unicodedata.normalize("NFKD", Path(os.path.realpath(place)).stem).encode(
        "ascii", "ignore"
    )
    name = re.sub("[^a-z0-9]+", "_", letters.decode().lower()).strip("_")[:50].rstrip("_")
    return name if discovery.is_name(name) else f"data_{name}".rstrip("_")


def proposed(data: Data, name: str) -> tuple[str, str]:
    """Read the data; return the text of a study's file, and what they are in words.

    Raises:
        RequestError: if they cannot be read.
    """
    data, seen = _look(data)
    suited = SUITED[seen.kind]
    networks = {
        one: network
        for one, network in suited.networks.items()
        if min(seen.shape[1:], default=0) >= LEAST_PIXELS.get(one, 0)
    }
    if seen.kind != "sequences":
        linear = "linear" if seen.asked == "values" else "softmax"
        networks = {linear: Model(linear), **networks}
    baseline, *others = networks
    epochs = max(5, min(MOST_EPOCHS, suited.seen // seen.train))
    text = filled(
        "try_template.txt",
        name=name,
        title=title_of(name),
        words=f"\n{' ' * 12}".join(textwrap.wrap(_quoted(seen.words), 86)),
        fewer=_FEWER.format(seen.left_out) * bool(seen.left_out),
        data=_code(data),
        loss='        loss="mse",\n' * (seen.asked == "values"),
        epochs=epochs,
        patience=max(3, epochs // 10),
        networks="\n".join(f'                "{one}": {_code(networks[one])},' for one in networks),
        rates=_literal(suited.rates),
        baseline=baseline,
        others=_literal(tuple(others)),
        **_ASKED[seen.asked],
    )
    return text, seen.words


_FEWER = "        # {:,} examples are left out, for speed.\n"
_ASKED = {
    "classes": {
        "metric": "accuracy",
        "direction": "higher",
        "matters": "matters=0.01,  # a point: the smallest difference that you would act on",
        "says": "is more accurate",
    },
    "values": {
        "metric": "loss",
        "direction": "lower",
        "matters": 'matters=1.05,\n            scale="ratio",  # 5 %: the smallest difference that you would act on',
        "says": "has a smaller error",
    },
    "symbols": {
        "metric": "bits_per_symbol",
        "direction": "lower",
        "matters": "matters=0.05,  # bits: the smallest difference that you would act on",
        "says": "tells symbols better",
    },
}


def _look(data: Data) -> tuple[Data, Seen]:
    """Return the data, with limits where they are large, and what they are."""
    from suite.data import outline
    from suite.data.described import described
    from suite.data.sources import raw

    found = raw(data, 0)
    asked = "values" if found.targets.dtype.kind == "f" else "classes"
    kind = "images" if found.inputs.ndim == 4 else "features"
    if found.symbols:
        kind, asked = "sequences", "symbols" if found.targets.ndim == 2 else "classes"
    changes: dict[str, Any] = {}
    if data.name == "arrays" and (asked == "values" or found.inputs.dtype.kind == "f"):
        changes["standardise"] = True
    if data.name == "sequences" and found.inputs.shape[1] > LONG:
        changes["length"] = LONG
    if kind == "images" and "size" not in data.defaults() and max(found.inputs.shape[2:]) > LARGE:
        changes["image_size"] = PIXELS
    whole = outline(data, 0)
    most = SUITED[kind].most
    if whole.train > most and data.train_examples is None:
        changes["train_examples"] = most
        if data.validation_examples is None and whole.validation > most // 4:
            changes["validation_examples"] = most // 4
    data = data.changed({**changes, **data.given()})
    train, validation, test, shape, *_ = outline(data, 0)
    left_out = len(found.inputs) - train - validation - test
    return data, Seen(kind, asked, shape, train, left_out, described(data, 0))


def _quoted(words: str) -> str:
    """Return words as they can stand in a docstring."""
    return words.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _code(component: Component) -> str:
    """Return a component as a study's file has it."""
    fields = "".join(f", {name}={_literal(value)}" for name, value in component.given().items())
    return f"{component.kind.label}({_literal(component.name)}{fields})"


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(_literal, value))}{comma})"
    text = repr(str(value) if isinstance(value, Path) else value)
    plain = text[0] == "'" and '"' not in text
    return f'"{text[1:-1]}"' if plain else text

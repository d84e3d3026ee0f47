"""Pictures on a page: strips of small images, with words for what they show."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from suite.evidence.arms import at_levels
from suite.evidence.results import Results
from suite.evidence.table import finished
from suite.ground.errors import RequestError
from suite.language.catalogue import gettext, translate
from suite.language.words import level_words
from suite.reproduce.pictures import Strip, strips
from suite.vocabulary.metrics import METRICS
from suite.vocabulary.record import Record
from suite.vocabulary.views import View

# What a reader sees, by what the images are of.
NOTES: Mapping[str, Callable[[], str]] = {
    "training images": lambda: gettext(
        "The first images of the training split at seed {seed}, each drawn once as training sees it."
    ),
    "test images": lambda: gettext("The first images of the test split at seed {seed}."),
    "first weights": lambda: gettext(
        "What the first units weigh each pixel with, in the trial that validation prefers at seed "
        "{seed} ({trial}), trained again to the same bits: mid grey is no weight, lighter counts "
        "for, darker against; each unit is scaled to its largest."
    ),
    "feature maps": lambda: gettext(
        "A test image, and what the first channels answer to it layer by layer, in the trial that "
        "validation prefers at seed {seed} ({trial}), trained again to the same bits; each is "
        "scaled to its largest. Where an answer may be negative, mid grey is none."
    ),
    "mistakes": lambda: gettext(
        "The first test images that the trial which validation prefers at seed {seed} ({trial}) "
        "gets wrong, trained again to the same bits: the class, and what it was taken for."
    ),
}


@dataclass(frozen=True)
class Gallery:
    """The pictures of a view; none, and the reason, where they cannot be made on this machine."""

    view: View
    strips: tuple[Strip, ...]
    trial: Record | None
    reason: str

    @property
    def rows(self) -> tuple[PictureRow, ...]:
        """The strips as a page shows them."""
        return tuple(map(_row, self.strips))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the pictures are, or why there are none."""
        if self.trial is None:
            return ()
        if self.reason:
            return (gettext("Not shown: {reason}.").format(reason=translate(self.reason)),)
        note = NOTES[self.view.of]()
        return (note.format(seed=self.trial.seed, trial=self.trial.id),)


@dataclass(frozen=True)
class PictureRow:
    """A strip on its page: `(data address, words below)` of each picture, and what all show."""

    label: str
    pictures: tuple[tuple[str, str], ...]
    size: tuple[int, int]
    alt: str


def gallery(results: Results, view: View) -> Gallery:
    """Make the pictures of a view; data are loaded, and a network trained again, where needed."""
    records = _records(results, view)
    if not records:
        return Gallery(view, (), None, "")
    try:
        made = strips(view.of, records)  # type: ignore[arg-type]  # checked by the view
    except RequestError as error:
        return Gallery(view, (), records[0], error.args[0])
    return Gallery(view, tuple(made), records[0], "")


def _records(results: Results, view: View) -> list[Record]:
    """Return the finished trials of the first seed that a view shows, the preferred ones first."""
    rows = results.table
    rows = finished(rows[rows["part"] == view.part])
    rows = at_levels(rows, view.where)
    rows = rows[rows["seed"] == rows["seed"].min()]
    if view.of != "training images":
        select = results.study.select
        rows = rows.reindex(columns=[*rows.columns, *{select}.difference(rows.columns)])
        rows = rows.sort_values(select, ascending=METRICS[select].better == "lower", kind="stable")
    by_id = {record.id: record for record in results.records if record.part == view.part}
    return [by_id[trial] for trial in rows["id"]]


def _row(strip: Strip) -> PictureRow:
    label = level_words(strip.label)
    count, height, width = strip.pictures.shape[:3]
    words = strip.words or ("",) * count
    alt = gettext("{label}: {n} images of {width} × {height} pixels").format(
        label=label or gettext("one row"), n=count, width=width, height=height
    )
    heard = [alt, *filter(None, words)]
    pictures = zip(map(_address, strip.pictures), words, strict=True)
    return PictureRow(label, tuple(pictures), (width, height), ", ".join(heard))


def _address(pixels: NDArray[np.uint8]) -> str:
    """Return one image `(height, width, channels)` as a `data:` address."""
    array = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

"""Figures: each kind of view, and each claim's evidence, as inline SVG with words beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.figures import boundary, curves, difference, effect_map, forest, heat, lines
from reports.figures.canvas import NARROW, SMALL, WIDE, Drawing, Picture, drawing
from reports.figures.labels import view_labels
from reports.figures.palette import CATEGORIES, colours
from reports.figures.shown import Shown, shown
from suite.evidence import Finding
from suite.evidence.results import Results
from suite.language.catalogue import gettext
from suite.vocabulary.claims import Boundary, Counted, Identity
from suite.vocabulary.views import View

if TYPE_CHECKING:
    from reports.figures.images import Gallery, PictureRow

KINDS = {"lines": lines, "heat": heat, "matrix": heat, "curves": curves, "effect": effect_map}


@dataclass(frozen=True)
class Sketch:
    """A view's data and its drawing, before it is put into words; None where nothing was measured."""

    data: Shown
    drawing: Drawing | None

    @property
    def view(self) -> View:
        return self.data.view


@dataclass(frozen=True)
class Plate:
    """A view as it is printed: a picture or rows of images (neither where nothing was measured)."""

    view: View
    caption: str
    picture: Picture | None
    notes: tuple[str, ...]
    rows: tuple[PictureRow, ...] = ()


def sketch(results: Results, view: View, name: str) -> Sketch | Gallery:
    """Draw a view of the results; `name` must be unique on its page."""
    if view.kind == "images":
        from reports.figures.images import gallery

        return gallery(results, view)
    data = shown(results, view)
    if data.points.empty:
        return Sketch(data, None)
    kind = KINDS[view.kind]
    drawn = drawing(
        name,
        (WIDE, NARROW),
        lambda size: kind.draw(data, size),
        colours(data.colour.levels),
        lambda: [*view_labels(data), *(effect_map.texts(data) if kind is effect_map else ())],
        lambda: kind.alt(data),
        lambda: kind.hints(data) if kind is not effect_map else {},
    )
    return Sketch(data, drawn)


def plate(drawn: Sketch | Gallery) -> Plate:
    """Return a sketch or pictures with their words."""
    caption = gettext(drawn.view.caption)
    if not isinstance(drawn, Sketch):
        return Plate(drawn.view, caption, None, drawn.notes, drawn.rows)
    data = drawn.data
    if drawn.drawing is None:
        lost = data.lost_words
        ends = gettext("Of this part, {trials}.").format(trials=lost) if lost else ""
        return Plate(data.view, caption, None, tuple(filter(None, (*data.notes, ends))))
    notes = tuple(filter(None, (*data.notes, *_notes(data))))
    return Plate(data.view, caption, drawn.drawing.picture(), notes)


def evidence(finding: Finding, name: str) -> Drawing | None:
    """Draw a finding's paired seeds; None where there are none, or nothing to compare."""
    if not _is_drawn(finding):
        return None
    kind = boundary if isinstance(finding.claim, Boundary) else difference
    return drawing(
        name,
        (SMALL,),
        lambda size: kind.draw(finding, size),
        CATEGORIES[:2],
        lambda: kind.texts(finding),
        lambda: kind.alt(finding),
        lambda: difference.hints(finding) if kind is difference else {},
    )


def forest_of(finding: Finding, name: str) -> Drawing | None:
    """Draw a claim's effects over contexts; None where there are none to lay beside each other."""
    if not forest.is_drawn(finding):
        return None
    return drawing(
        name,
        (SMALL,),
        lambda size: forest.draw(finding, size),
        CATEGORIES[:2],
        lambda: forest.texts(finding),
        lambda: forest.alt(finding),
    )


def evidence_is_cut(finding: Finding) -> bool:
    """Whether the interval of a finding's figure reaches beyond its frame."""
    kind = boundary if isinstance(finding.claim, Boundary) else difference
    return _is_drawn(finding) and kind.is_cut(finding)


def _is_drawn(finding: Finding) -> bool:
    if isinstance(finding.claim, Boundary):
        return boundary.is_drawn(finding)
    measured = np.isfinite(finding.seeds.to_numpy(float)).all(axis=1)
    return bool(measured.any()) and not isinstance(finding.claim, Counted | Identity)


def _notes(data: Shown) -> tuple[str, ...]:
    if data.view.kind == "effect":
        return effect_map.notes(data)
    if data.view.kind in ("heat", "matrix"):
        return (heat.heat_note(data),)
    module = lines if data.view.kind == "lines" else curves
    lost = lines.cross_note(data) if data.view.kind == "lines" else curves.lost_note(data)
    cut = gettext(
        "Intervals that leave the frame are cut at its edge; the table gives them in full."
    )
    return (lost, cut if module.is_cut(data) else "")

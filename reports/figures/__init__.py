"""Figures: each kind of view, and each claim's evidence, as inline SVG with words beside it."""

from __future__ import annotations

from dataclasses import dataclass

from reports.figures import curves, difference, heat, lines
from reports.figures.canvas import NARROW, SMALL, WIDE, Picture, picture
from reports.figures.palette import CATEGORIES, colours
from reports.shown import Shown, shown
from suite.claims import Counted, Identity
from suite.evidence import Finding
from suite.evidence.results import Results
from suite.views import View

CUT = "Intervals that leave the frame are cut at its edge; the table gives them in full."


@dataclass(frozen=True)
class Plate:
    """A view as it is printed: a picture (None where nothing was measured) and notes to it."""

    view: View
    picture: Picture | None
    notes: tuple[str, ...]


def plate(results: Results, view: View, name: str) -> Plate:
    """Draw a view of the results; `name` must be unique on its page."""
    data = shown(results, view)
    if data.points.empty:
        ends = f"Of this part, {data.lost_words}." if data.lost_words else ""
        return Plate(view, None, tuple(filter(None, (*data.notes, ends))))
    kind = {"lines": lines, "heat": heat, "matrix": heat, "curves": curves}[view.kind]
    pairs = colours(data.colour.levels)
    drawn = picture(name, (WIDE, NARROW), lambda size: kind.draw(data, size), pairs, kind.alt(data))
    return Plate(view, drawn, tuple(filter(None, (*data.notes, *_notes(data)))))


def evidence(finding: Finding, name: str) -> Picture | None:
    """Draw a finding's paired seeds; None where there are none, or nothing to compare."""
    if not _is_drawn(finding):
        return None
    return picture(
        name, (SMALL,), lambda size: difference.draw(finding, size), CATEGORIES[:2],
        difference.alt(finding),
    )  # fmt: skip


def evidence_is_cut(finding: Finding) -> bool:
    """Whether the interval of a finding's figure reaches beyond its frame."""
    return _is_drawn(finding) and difference.is_cut(finding)


def _is_drawn(finding: Finding) -> bool:
    return finding.n > 0 and not isinstance(finding.claim, Counted | Identity)


def _notes(data: Shown) -> tuple[str, ...]:
    if data.view.kind in ("heat", "matrix"):
        return (heat.heat_note(data),)
    module = lines if data.view.kind == "lines" else curves
    lost = lines.cross_note(data) if data.view.kind == "lines" else curves.lost_note(data)
    return (lost, CUT if module.is_cut(data) else "")

"""How far the effects of two result sets lie apart, each in units of what matters to its claim."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.canvas import BAND, SOFT, SURFACE, Size, canvas, stand_in
from suite.evidence.comparison import MOVES, ClaimChange
from suite.language.catalogue import gettext
from suite.language.quantities import MINUS
from suite.language.words import claims_words
from suite.vocabulary.claims import Counted, Identity

FRAME = 4.0  # times what matters; what lies beyond is drawn at the edge


def is_drawn(change: ClaimChange) -> bool:
    """Whether a claim has a difference to draw, and a size that matters to measure it by."""
    no_margin = isinstance(change.claim, Counted | Identity)
    return not (no_margin or change.equal) and math.isfinite(change.estimate)


def draw(changes: Sequence[ClaimChange], size: Size) -> Figure:
    """Draw each claim's difference with its interval, from the most negative up."""
    places = sorted(map(_in_margins, changes))
    height = 90 + min(420, max(60, 11 * len(places)))
    with canvas(size, height) as figure:
        axes = figure.subplots()
        axes.axvspan(-MOVES, MOVES, color=BAND, linewidth=0, zorder=0)
        axes.axvline(0, color=SOFT, linewidth=1.0)
        for row, (place, low, high, moved) in enumerate(places):
            ink = stand_in(1 if moved else 0)
            ends = [_framed(low), _framed(high)]
            axes.plot(ends, [row, row], color=ink, linewidth=1.2, alpha=0.75)
            axes.plot(
                [_framed(place)], [row], "D" if moved else "o", color=ink, markersize=5.5,
                markeredgecolor=SURFACE, markeredgewidth=0.7,
            )  # fmt: skip
        reach = max(1.0, *(abs(_framed(end)) for place in places for end in place[:3]))
        axes.set_xlim(-1.05 * reach, 1.05 * reach)
        axes.set_ylim(-1, len(places))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(_signed)
        axes.set_xlabel(_label())
    return figure


def alt(changes: Sequence[ClaimChange]) -> str:
    """Say in words what the figure shows."""
    moved = sum(change.moved for change in changes)
    inside = sum(abs(_in_margins(change)[0]) < MOVES for change in changes)
    pattern = gettext(
        "Differences between the two sets in the effects of {claims}: {inside} lie within half of "
        "what matters, {moved} moved."
    )
    claims = claims_words(len(changes))
    return pattern.format(claims=claims, inside=f"{inside:,}", moved=f"{moved:,}")


def texts() -> list[str]:
    """Return every text of the figure but its numbers."""
    return [_label()]


def is_cut(changes: Sequence[ClaimChange]) -> bool:
    """Whether anything lies beyond the frame."""
    return any(abs(end) > FRAME for change in changes for end in _in_margins(change)[:3])


def _label() -> str:
    return gettext("B less A, in units of what matters to the claim")


def _in_margins(change: ClaimChange) -> tuple[float, float, float, bool]:
    claim = change.claim
    assert not isinstance(claim, Counted | Identity)
    undone = math.log if claim.by_ratio else float
    place, *interval = (undone(end) / claim.margin for end in (change.estimate, *change.interval))
    low, high = (end if math.isfinite(end) else place for end in interval)
    return place, low, high, change.moved


def _signed(value: float, _: object) -> str:
    return f"{value:+g}".replace("-", MINUS) if abs(value) > 1e-9 else "0"


def _framed(value: float) -> float:
    return max(-FRAME, min(FRAME, value))

"""A claim as written and in each context, one row each: its effect, with the interval."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.canvas import BAND, SOFT, SURFACE, Size, canvas, stand_in
from reports.figures.difference import on_scale, scale_title, ticks
from suite.evidence import Finding
from suite.evidence.contexts import AS_WRITTEN
from suite.language.catalogue import gettext
from suite.language.contexts import across_words, context_words
from suite.language.effects import effect_words, matters_words, place_words
from suite.language.words import VERDICTS, axis_words, sentences
from suite.vocabulary.claims import Boundary, Claim, Identity, Rate, Tested, Within

ROW = 34  # CSS pixels
LONGEST = 18  # letters in a line of a row's label
REACH = 3.0  # spans of estimates and band that an interval may reach beyond these


def places(finding: Finding) -> Mapping[str, Finding]:
    """Return the findings by context, the study as written first."""
    return {AS_WRITTEN: finding, **finding.contexts}


def is_drawn(finding: Finding) -> bool:
    """Whether there are two effects at least to lay beside each other."""
    kinds = isinstance(finding.claim, Identity | Within)
    found = [one for one in places(finding).values() if math.isfinite(_at(one))]
    return bool(finding.contexts) and not kinds and len(found) > 1


def draw(finding: Finding, size: Size) -> Figure:
    """Draw the findings of a claim that asks for contexts."""
    rows = places(finding)
    lines = sum(max(1, label.count("\n") + 1) for label in _labels(finding))
    with canvas(size, 62 + ROW * len(rows) + 10 * (lines - len(rows))) as figure:
        axes = figure.subplots()
        _ground(axes, finding.claim)
        low, high = _limits(finding)
        for row, (name, one) in enumerate(rows.items()):
            broken = finding.across is not None and finding.across.breaks == name
            _row(axes, one, row, broken, (low, high))
        axes.set_xlim(low, high)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), _labels(finding), fontsize=9.5)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=9.5)
        axes.spines["left"].set_visible(False)
        _scale(axes, finding.claim, low, high)
        axes.set_xlabel(_title(finding.claim), fontsize=9.5)
    return figure


def _ground(axes: Axes, claim: Claim) -> None:
    """Draw what the rows are held against: zero and its margin, a share, a claimed range."""
    if isinstance(claim, Rate):
        axes.axvline(100 * claim.than, color=SOFT, linewidth=1.0)
    elif isinstance(claim, Boundary):
        axes.axvspan(_place(claim, claim.low), _place(claim, claim.high), color=BAND, linewidth=0)
    else:
        assert not isinstance(claim, Identity | Within)
        margin = on_scale(claim, claim.margin)
        axes.axvspan(-margin, margin, color=BAND, linewidth=0, zorder=0)
        axes.axvline(0, color=SOFT, linewidth=1.0)


def _row(axes: Axes, finding: Finding, row: int, broken: bool, limits: tuple[float, float]) -> None:
    at = _at(finding)
    if not math.isfinite(at):
        return
    ink = stand_in(1 if broken else 0)
    low, high = (max(limits[0], min(limits[1], end)) for end in _ends(finding))
    if low <= high:
        axes.plot([low, high], [row, row], color=ink, linewidth=2.2, solid_capstyle="butt")
    axes.plot(
        [max(limits[0], min(limits[1], at))], [row], "D" if broken else "o", color=ink,
        markersize=7.5, markeredgecolor=SURFACE, markeredgewidth=1, zorder=3,
    )  # fmt: skip


def _at(finding: Finding) -> float:
    return _position(finding.claim, finding.estimate)


def _ends(finding: Finding) -> tuple[float, float]:
    low, high = finding.interval
    if math.isnan(low) or math.isnan(high):
        return _at(finding), _at(finding)
    return _position(finding.claim, low), _position(finding.claim, high)


def _position(claim: Claim, value: float) -> float:
    """Return where an estimate lies on the scale that is drawn."""
    if isinstance(claim, Rate):
        return 100 * value
    if isinstance(claim, Boundary):
        return _place(claim, value)
    if claim.by_ratio:
        return on_scale(claim, math.log(value)) if value > 0 else -math.inf
    return on_scale(claim, value)


def _place(claim: Boundary, level: float) -> float:
    """Return a level's place: its logarithm where the claimed range is above 0."""
    if claim.low <= 0:
        return level
    return math.log2(level) if level > 0 else -math.inf


def _limits(finding: Finding) -> tuple[float, float]:
    claim = finding.claim
    if isinstance(claim, Rate):
        return -4.0, 104.0
    held = [0.0]
    if isinstance(claim, Boundary):
        held = [_place(claim, claim.low), _place(claim, claim.high)]
    elif isinstance(claim, Tested):
        held = [-on_scale(claim, claim.margin), on_scale(claim, claim.margin)]
    ats = [_at(one) for one in places(finding).values() if math.isfinite(_at(one))]
    low, high = min(*held, *ats), max(*held, *ats)
    span = (high - low) or 1.0
    ends = [end for one in places(finding).values() for end in _ends(one) if math.isfinite(end)]
    low = max(low - REACH * span, min(low, *ends))
    high = min(high + REACH * span, max(high, *ends))
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _scale(axes: Axes, claim: Claim, low: float, high: float) -> None:
    if isinstance(claim, Rate):
        axes.set_xticks([0, 50, 100])
    elif isinstance(claim, Boundary):
        if claim.low > 0:
            every = max(1, math.ceil((high - low) / 6))
            marks = range(math.ceil(low), math.floor(high) + 1, every)
            axes.set_xticks(list(marks), [place_words(2.0**mark) for mark in marks])
    else:
        axes.set_xticks(*ticks(claim, low, high))


def _title(claim: Claim) -> str:
    if isinstance(claim, Rate):
        return gettext("share of seeds (%)")
    return axis_words(claim.over) if isinstance(claim, Boundary) else scale_title(claim)


def _labels(finding: Finding) -> list[str]:
    return [textwrap.fill(context_words(name), LONGEST) for name in places(finding)]


def texts(finding: Finding) -> list[str]:
    """Return every text of the figure but its numbers."""
    return [_title(finding.claim), *_labels(finding)]


def alt(finding: Finding) -> str:
    """Say in words what the figure shows."""
    rows = [
        gettext("{context}: {verdict}, {effect}").format(
            context=context_words(name), verdict=VERDICTS[one.verdict](), effect=effect_words(one)
        )
        for name, one in places(finding).items()
    ]
    margin = gettext("the band of what is too small to matter ends at {size}")
    sized = margin.format(size=matters_words(finding.claim))
    size = sized if isinstance(finding.claim, Tested) else ""
    return sentences([*rows, size, across_words(finding)])

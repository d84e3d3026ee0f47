"""A boundary's evidence: the effect along an axis with its interval, and where it may cross."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from reports.figures.canvas import (
    BAND,
    INK,
    SOFT,
    SURFACE,
    Size,
    canvas,
    name_values,
    soft_grid,
    stand_in,
)
from reports.figures.difference import on_scale, scale_title, ticks
from reports.figures.scales import Frame, frame, set_y
from reports.figures.summary import Mean, mean_of
from suite.evidence import Finding
from suite.evidence.boundaries import profile
from suite.evidence.profiles import Profile
from suite.language.catalogue import gettext
from suite.language.effects import (
    compared_words,
    effect_words,
    matters_words,
    range_words,
)
from suite.language.words import (
    axis_words,
    level_words,
    metric_words,
    seeds_words,
    sentences,
)
from suite.vocabulary.claims import Boundary

STEPS = 24  # places between two levels at which the interval is drawn


def is_drawn(finding: Finding) -> bool:
    """Whether there is an effect at two levels at least."""
    return (
        finding.n > 0
        and len(finding.arms) > 2
        and bool(np.isfinite(_profile(finding).effects).all())
    )


def draw(finding: Finding, size: Size) -> Figure:
    """Draw a finding that has a seed with every arm."""
    claim, found = _claim(finding), _profile(finding)
    with canvas(size, size.height + 40) as figure:
        axes = figure.subplots()
        margin = on_scale(claim, claim.margin)
        axes.axhspan(-margin, margin, color=BAND, linewidth=0, zorder=0)
        axes.axhline(0, color=SOFT, linewidth=1.0)
        for row in found.effects:
            shown = [on_scale(claim, float(value)) for value in row]
            axes.plot(found.levels, shown, color=SOFT, linewidth=0.9, alpha=0.45, zorder=2)
        _band(axes, finding, found)
        _set_x(axes, found)
        set_y(axes, _frame(finding))
        axes.set_yticks(*ticks(claim, *axes.get_ylim()))
        _pieces(axes, finding, found)
        soft_grid(axes)
        axes.tick_params(labelsize=9.5)
        axes.set_xlabel(axis_words(claim.over), fontsize=9.5)
        name_values(axes, _label(finding), size)
    return figure


def _set_x(axes: Axes, found: Profile) -> None:
    """Scale x as the effect is interpolated, whatever the levels, and write them below it."""
    low, high = found.levels[0], found.levels[-1]
    if found.log:
        axes.set_xscale("log")
        pad = (high / low) ** 0.06
        axes.set_xlim(low / pad, high * pad)
    else:
        axes.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(found.levels, [level_words(level) for level in found.levels])


def _band(axes: Axes, finding: Finding, found: Profile) -> None:
    first, last = found.ends
    between = np.linspace(first, last, STEPS * (len(found.levels) - 1) + 1)
    own = [found.place(level) for level in found.levels]
    places = sorted({*map(float, between), *own})
    means = [_mean(finding, found, place) for place in places]
    at = [found.level(place) for place in places]
    ink = stand_in(1)
    if math.isfinite(means[0].low):
        lows, highs = [one.low for one in means], [one.high for one in means]
        axes.fill_between(at, lows, highs, color=ink, alpha=0.18, linewidth=0, zorder=3)
    axes.plot(at, [one.mean for one in means], color=ink, linewidth=1.8, zorder=4)
    marked = [_mean(finding, found, place).mean for place in own]
    axes.plot(
        found.levels, marked, "D", color=ink, markersize=6, markeredgecolor=SURFACE,
        markeredgewidth=0.8, zorder=5,
    )  # fmt: skip


def _pieces(axes: Axes, finding: Finding, found: Profile) -> None:
    """Draw, along the foot, the claimed range and above it where the boundary may lie."""
    claim = _claim(finding)
    base = axes.get_xaxis_transform()
    axes.plot(
        [claim.low, claim.high], [0.03, 0.03], color=SOFT, linewidth=5, alpha=0.5,
        solid_capstyle="butt", transform=base, zorder=3,
    )  # fmt: skip
    left, right = axes.get_xlim()
    low, high = finding.interval
    if low < high:
        ends = [max(low, left), min(high, right)]
        axes.plot(
            ends, [0.08, 0.08], color=INK, linewidth=2.4, solid_capstyle="butt", transform=base,
            zorder=6,
        )  # fmt: skip
    if math.isfinite(finding.estimate):
        axes.plot(
            [finding.estimate], [0.08], "o", color=INK, markersize=5.5, transform=base, zorder=7
        )


def _mean(finding: Finding, found: Profile, place: float) -> Mean:
    claim = _claim(finding)
    return mean_of(on_scale(claim, float(value)) for value in found.at(place))


def _frame(finding: Finding) -> Frame:
    claim, found = _claim(finding), _profile(finding)
    points = [on_scale(claim, float(value)) for value in found.effects.ravel()]
    means = [_mean(finding, found, found.place(level)) for level in found.levels]
    margin = on_scale(claim, claim.margin)
    framed = frame(
        [*points, -margin, margin], [end for one in means for end in (one.low, one.high)], False
    )
    room = 0.14 * (framed.top - framed.bottom)  # for what stands along the foot
    return Frame(framed.bottom - room, framed.top, framed.log, framed.cuts)


def _claim(finding: Finding) -> Boundary:
    assert isinstance(finding.claim, Boundary)
    return finding.claim


def _profile(finding: Finding) -> Profile:
    return profile(_claim(finding), finding.arms, finding.seeds)


def _label(finding: Finding) -> str:
    words, scale = metric_words(finding.claim.of), scale_title(finding.claim)
    return gettext("{metric}: {scale}").format(metric=words, scale=scale)


def is_cut(finding: Finding) -> bool:
    """Whether an interval of the effect reaches beyond the frame."""
    return _frame(finding).cuts


def texts(finding: Finding) -> list[str]:
    """Return every text of the figure but its numbers."""
    levels = [level_words(level) for level in _profile(finding).levels]
    return [_label(finding), axis_words(_claim(finding).over), *levels]


def alt(finding: Finding) -> str:
    """Say in words what the figure shows."""
    claim = _claim(finding)
    values = gettext("effect on {metric} of {seeds}, {arms}").format(
        metric=metric_words(claim.of), seeds=seeds_words(finding.n), arms=compared_words(claim)
    )
    margin = gettext("the band of what is too small to matter ends at {size}")
    claimed = gettext("claimed: {range}").format(range=range_words(claim))
    sizes = margin.format(size=matters_words(claim))
    return sentences((values, effect_words(finding), sizes, claimed))

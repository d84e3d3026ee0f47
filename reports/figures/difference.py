"""A claim's evidence: both arms by seed, and the differences against what is too small to matter.

The layout is that of Gardner and Altman (1986): raw values left, their difference right.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.canvas import BAND, SOFT, SURFACE, Size, canvas, soft_grid, stand_in
from reports.figures.scales import Frame, frame, log_y, set_y
from suite.evidence import Finding
from suite.evidence.arms import ArmValues
from suite.language.catalogue import gettext
from suite.language.effects import compared_words, effect_words, matters_words
from suite.language.quantities import MINUS, axis_label, scaled
from suite.language.words import (
    axis_words,
    level_words,
    listed,
    metric_words,
    seeds_words,
    sentences,
)
from suite.vocabulary.claims import (
    Boundary,
    Claim,
    Counted,
    Identity,
    Ordering,
    Slope,
    Tested,
    Trend,
    claimed_slope,
    place,
)
from suite.vocabulary.metrics import METRICS

TITLE = 27  # characters above the left half before they run into the right one
OCTAVES = 2.5  # beyond this span ratios are marked by powers of two
MOST_OCTAVES = 1000  # beyond these a ratio is no number


def draw(finding: Finding, size: Size) -> Figure:
    """Draw a finding that has at least one paired seed."""
    with canvas(size) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _arms(left, finding)
        _differences(right, finding)
    return figure


def alt(finding: Finding) -> str:
    """Say in words what the figure shows."""
    claim = finding.claim
    values = gettext("{metric} of {seeds}, {arms}").format(
        metric=metric_words(claim.of), seeds=seeds_words(finding.n), arms=compared_words(claim)
    )
    margin = gettext("the band of what is too small to matter ends at {size}")
    return sentences((values, effect_words(finding), margin.format(size=matters_words(claim))))


def texts(finding: Finding) -> list[str]:
    """Return every text of the figure but its numbers."""
    names, title = labels(finding)
    seeds, mean = _columns()
    metric = axis_label(finding.claim.of)
    return [*names, title, seeds, mean, metric, scale_title(_tested(finding))]


def _columns() -> tuple[str, str]:
    return gettext("seeds"), gettext("mean,\n95 %")


def is_cut(finding: Finding) -> bool:
    """Whether the interval reaches beyond the frame."""
    return _frame(finding).cuts


def _arms(axes: Axes, finding: Finding) -> None:
    metric = finding.claim.of
    arms = _in_order(finding)
    seeds = finding.seeds[list(arms)].to_numpy(float)
    seeds = seeds[np.isfinite(seeds).all(axis=1)]  # "never" has no place on an axis
    values = np.vectorize(lambda value: scaled(metric, value))(seeds)
    places = range(len(arms))
    lines = [list(zip(places, row, strict=True)) for row in values]
    axes.add_collection(LineCollection(lines, colors=SOFT, linewidths=1.0, alpha=0.6, zorder=2))
    axes.plot(
        np.tile(places, len(values)), values.ravel(), "o", color=stand_in(0), markersize=6,
        markeredgecolor=SURFACE, markeredgewidth=0.8,
    )  # fmt: skip
    if claimed_slope(finding.claim) is not None and len(seeds):
        axes.plot(places, _line(finding.claim, list(arms.values()), seeds), "--", color=stand_in(1))
    flat = list(values.ravel())
    framed = frame(flat, [], log_y(metric, flat))
    set_y(axes, framed)
    if not framed.log:
        axes.yaxis.set_major_locator(round_ticks())
    axes.set_xlim(-0.45, len(arms) - 0.55)
    names, title = labels(finding)
    axes.set_xticks(places, names, fontsize=9.5 if len(arms) <= 2 else 7.5)
    axes.set_xlabel(title, fontsize=9.5)
    axes.set_title(textwrap.fill(axis_label(metric), TITLE), fontsize=9.5)
    axes.tick_params(axis="y", labelsize=9.5)
    soft_grid(axes)


def _line(claim: Claim, arms: Sequence[ArmValues], seeds: np.ndarray) -> list[float]:
    """Return the values that the claimed slope would have, through the mean of what was measured."""
    assert isinstance(claim, Trend | Slope)
    slope = claimed_slope(claim) or 0.0
    x = np.array([place(claim.per, arm.levels[claim.over]) for arm in arms])
    if claim.by_ratio and (seeds > 0).all():
        line = np.exp(np.log(seeds).mean() + np.log(slope) * (x - x.mean()))
    else:
        line = seeds.mean() + slope * (x - x.mean())
    return [scaled(claim.of, float(value)) for value in line]


def _in_order(finding: Finding) -> Mapping[str, ArmValues]:
    """Return the arms as they are drawn: what is compared with first, levels in their order."""
    return {name: finding.arms[name] for name in sorted(finding.arms, key=_against_first)}


def _against_first(name: str) -> int:
    return {"against": 0, "arm": 1, "against without": 2, "arm without": 3}.get(name, 4)


def labels(finding: Finding) -> tuple[list[str], str]:
    """Return a label for each arm, of what tells it apart, and one for the whole axis."""
    claim = finding.claim
    if isinstance(claim, Trend | Slope | Ordering):
        levels = [level_words(arm.levels[claim.over]) for arm in finding.arms.values()]
        return levels, axis_words(claim.over)
    told = [_told(arm) for arm in _in_order(finding).values()]
    paths = list(dict.fromkeys(path for arm in told for path in arm))
    apart = [path for path in paths if len({arm.get(path) for arm in told}) > 1] or paths
    if len(told) > 2:  # no room for the axes' names below each
        levels = ["\n".join(arm.get(path, "") for path in apart) for arm in told]
        return levels, listed(map(axis_words, apart))
    return ["\n".join(f"{axis_words(p)}\n{arm[p]}" for p in apart if p in arm) for arm in told], ""


def _told(arm: ArmValues) -> Mapping[str, str]:
    named = {path: textwrap.fill(level_words(v), 16) for path, v in arm.levels.items()}
    return named | {path: gettext("tuned") for path in arm.chosen.columns if path not in named}


def _tested(finding: Finding) -> Tested:
    """Return the claim of a finding that has a contrast to draw."""
    assert not isinstance(finding.claim, Counted | Identity | Boundary)
    return finding.claim


def _differences(axes: Axes, finding: Finding) -> None:
    claim = _tested(finding)
    margin = on_scale(claim, claim.margin)
    axes.axhspan(-margin, margin, color=BAND, linewidth=0, zorder=0)
    axes.axhline(0, color=SOFT, linewidth=1.0)
    points = _points(finding)
    spread = np.linspace(-0.16, 0.16, len(points)) if len(points) > 1 else np.zeros(len(points))
    axes.plot(spread - 0.3, points, "o", color=stand_in(0), markersize=4.6, alpha=0.6, mew=0)
    low, high = _bounds(finding)
    ink = stand_in(1)
    if math.isfinite(low):
        axes.plot([0.35, 0.35], [low, high], color=ink, linewidth=2.2, solid_capstyle="butt")
    if len(points) == len(finding.contrast):
        mean = float(np.mean(points))
        axes.plot(
            [0.35],
            [mean],
            "D",
            color=ink,
            markersize=7.5,
            markeredgecolor=SURFACE,
            markeredgewidth=1,
        )
    set_y(axes, _frame(finding))
    axes.set_xlim(-0.8, 0.8)
    axes.set_xticks([-0.3, 0.35], _columns(), fontsize=9.5)
    axes.tick_params(axis="y", labelsize=9.5)
    axes.set_title(scale_title(claim), fontsize=9.5)
    axes.set_yticks(*ticks(claim, *axes.get_ylim()))


def _frame(finding: Finding) -> Frame:
    """Return what frames the differences: the points, the band and, as far as it fits, the interval."""
    margin = on_scale(_tested(finding), _tested(finding).margin)
    return frame([*_points(finding), -margin, margin], _bounds(finding), log=False)


def _points(finding: Finding) -> Sequence[float]:
    """Return the seeds' contrasts, of those that have one: a ratio of what is not positive is none."""
    found = finding.contrast[np.isfinite(finding.contrast)]
    return [on_scale(_tested(finding), float(value)) for value in found]


def _bounds(finding: Finding) -> tuple[float, float]:
    claim = _tested(finding)
    low, high = finding.interval
    if claim.by_ratio:
        low, high = (math.log(bound) if bound > 0 else math.nan for bound in (low, high))
    bounds = on_scale(claim, low), on_scale(claim, high)
    return bounds if all(map(math.isfinite, bounds)) else (math.nan, math.nan)


def on_scale(claim: Claim, value: float) -> float:
    """Return a difference on the scale that is drawn: points, or base-2 logarithms of a ratio."""
    if isinstance(claim, Ordering):
        return value
    return value / math.log(2) if claim.by_ratio else scaled(claim.of, value)


def ticks(claim: Claim, low: float, high: float) -> tuple[list[float], list[str]]:
    """Return where ticks stand and what they say: signed differences, or round ratios."""
    if not claim.by_ratio:
        values = round_ticks().tick_values(low, high)
        inside = [float(value) for value in values if low <= value <= high]
        return inside, [_signed(value) for value in inside]
    large = max(abs(low), abs(high)) > MOST_OCTAVES
    if high - low > OCTAVES or large:
        every = max(1, math.ceil((high - low) / 6))
        octaves = range(math.ceil(low / every) * every, math.floor(high) + 1, every)
        written = [f"×2^{place}" if large else f"×{2.0**place:.4g}" for place in octaves]
        return [float(place) for place in octaves], written
    values = round_ticks().tick_values(2.0**low, 2.0**high)
    ratios = [float(value) for value in values if 2.0**low <= value <= 2.0**high]
    return [math.log2(ratio) for ratio in ratios], [f"×{ratio:.4g}" for ratio in ratios]


def round_ticks() -> MaxNLocator:
    """Return what finds round ticks."""
    return MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=3)


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", MINUS) if abs(value) > 1e-12 else "0"


def scale_title(claim: Claim) -> str:
    """Return what is drawn: a difference in its unit, a ratio, a slope or a rank correlation."""
    if isinstance(claim, Ordering):
        return gettext("rank correlation")
    if claimed_slope(claim) is not None:
        return gettext("factor ÷ claimed") if claim.by_ratio else gettext("slope − claimed")
    slope = isinstance(claim, Trend)
    if claim.by_ratio:
        return gettext("factor") if slope else gettext("ratio")
    unit = METRICS[claim.of].unit
    if unit == "percent":
        return gettext("slope (points)") if slope else gettext("difference (points)")
    if unit == "nats":
        return gettext("slope (nats)") if slope else gettext("difference (nats)")
    if unit == "seconds":
        return gettext("slope (s)") if slope else gettext("difference (s)")
    return gettext("slope") if slope else gettext("difference")

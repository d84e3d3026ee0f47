"""A metric over an axis: every seed a point, means joined, 95 % t intervals, losses on top."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from reports.figures.canvas import (
    INK,
    SOFT,
    SURFACE,
    Size,
    canvas,
    name_values,
    point,
    soft_grid,
    stand_in,
)
from reports.figures.labels import named, point_words
from reports.figures.legend import add_legend, legend_growth
from reports.figures.palette import DASHES, MARKERS
from reports.figures.scales import Frame, frame, log_y, places, set_x, set_y
from reports.figures.shown import Shown
from reports.figures.summary import Mean
from suite.language.catalogue import gettext
from suite.language.quantities import axis_label, measured, scaled
from suite.language.words import (
    axis_words,
    level_words,
    listed,
    metric_words,
    sentences,
    trials_words,
)
from suite.vocabulary.views import Law

LONGEST = 24  # characters in a line of a law's name
ROW = 11  # CSS pixels between crosses that are stacked


def is_cut(shown: Shown) -> bool:
    """Whether an interval reaches beyond the frame."""
    return _frame(shown).cuts


def draw(shown: Shown, size: Size) -> Figure:
    """Draw the figure at a size."""
    stacks = _stacks(shown)
    tallest = max((len(stack) for stack in stacks.values()), default=0)
    with canvas(size, size.height + ROW * tallest + legend_growth(shown.colour, size)) as figure:
        axes = figure.subplots()
        where, _ = places(shown.x)
        for colour in range(len(shown.colour.levels)):
            _line(axes, shown, colour, where)
        set_x(axes, shown.x)
        set_y(axes, _frame(shown))
        _laws(axes, shown, where)
        _crosses(figure, axes, stacks, where)
        soft_grid(axes)
        axes.set_xlabel(axis_words(shown.x.path))
        name_values(axes, axis_label(shown.view.of), size, ROW * tallest)
        add_legend(figure, shown.colour, size)
    return figure


def alt(shown: Shown) -> str:
    """Say in words what the figure shows."""
    metric, axis = metric_words(shown.view.of), axis_words(shown.x.path)
    parts = [gettext("{metric} over {axis}, mean of seeds").format(metric=metric, axis=axis)]
    for colour, level in enumerate(shown.colour.levels):
        line = shown.means[colour]
        said = _extremes(shown, line) if line else gettext("no finished trial")
        parts.append(named(shown, level, said))
    laws = listed(map(gettext, shown.view.laws))
    compared = gettext("dashed, to compare: {laws}").format(laws=laws) if laws else ""
    return sentences([*parts, compared, shown.lost_words])


def hints(shown: Shown) -> dict[str, str]:
    """Return what each point shows, by the names that `draw` gives them."""
    metric = shown.view.of
    said = {}
    for colour, level in enumerate(shown.colour.levels):
        for x, mean in shown.means[colour].items():
            value = measured(metric, mean.mean, mean.low, mean.high)
            at = f"{axis_words(shown.x.path)} {level_words(shown.x.levels[x])}"
            said[f"{colour}.{x}"] = named(shown, level, point_words(at, value, mean.n))
    return said


def _extremes(shown: Shown, line: Mapping[int, Mean]) -> str:
    metric, axis = shown.view.of, axis_words(shown.x.path)
    low, high = min(line, key=lambda x: line[x].mean), max(line, key=lambda x: line[x].mean)

    def at(x: int) -> str:
        value = measured(metric, line[x].mean, line[x].low, line[x].high)
        level = level_words(shown.x.levels[x])
        return gettext("{value} at {axis} {level}").format(value=value, axis=axis, level=level)

    if low == high:
        return at(low)
    return gettext("lowest {low}, highest {high}").format(low=at(low), high=at(high))


def _frame(shown: Shown) -> Frame:
    metric = shown.view.of
    values = [scaled(metric, value) for value in shown.points["value"]]
    bounds = [
        scaled(metric, bound)
        for line in shown.means
        for mean in line.values()
        for bound in (mean.low, mean.high)
    ]
    return frame(values, bounds, log_y(metric, values))


def _line(axes: Axes, shown: Shown, colour: int, where: list[float]) -> None:
    metric, ink = shown.view.of, stand_in(colour)
    line, points = shown.means[colour], shown.line(colour)
    axes.plot(
        [where[int(x)] for x in points["x"]],
        [scaled(metric, value) for value in points["value"]],
        "o",
        markersize=3.4,
        color=ink,
        alpha=0.38,
        markeredgewidth=0,
        gid=f"series-{colour}__0",
    )
    xs = [where[x] for x in line]
    ys = [scaled(metric, mean.mean) for mean in line.values()]
    lows = [scaled(metric, mean.low) for mean in line.values()]
    highs = [scaled(metric, mean.high) for mean in line.values()]
    axes.vlines(xs, lows, highs, colors=ink, linewidth=1.3, alpha=0.75, gid=f"series-{colour}__1")
    axes.plot(
        xs,
        ys,
        color=ink,
        linestyle=DASHES[colour % len(DASHES)],
        marker=MARKERS[colour % len(MARKERS)],
        markersize=8,
        markeredgecolor=SURFACE,
        markeredgewidth=0.8,
        gid=f"series-{colour}__2",
    )
    for x, height in zip(line, ys, strict=True):
        point(axes, where[x], height, f"{colour}.{x}")


def _laws(axes: Axes, shown: Shown, where: list[float]) -> None:
    """Draw each law dashed, as far as the frame goes, with its name below its first line's middle."""
    low, high = axes.get_ylim()
    for name, law in shown.view.laws.items():
        for i, line in enumerate(_law_lines(shown, law)):
            values = [scaled(shown.view.of, value) for value in line]
            axes.plot(where, values, "--", color=SOFT, linewidth=1.2, zorder=1)
            inside = [x for x, value in enumerate(values) if low <= value <= high]
            if inside and i == 0:
                x = inside[len(inside) // 2]
                said = axes.annotate(
                    textwrap.fill(gettext(name), LONGEST),
                    (where[x], values[x]),
                    (5, -5),
                    textcoords="offset points",
                    va="top",
                    fontsize=9.5,
                    bbox={"facecolor": SURFACE, "edgecolor": "none", "pad": 0.5},
                )
                said.set_in_layout(False)  # or a long one would take the axes' room


def _law_lines(shown: Shown, law: Law) -> Iterator[list[float]]:
    """Yield a law's values by level: once, or through the first mean of each line."""
    levels, factors = shown.x.levels, [law.factor]
    if law.factor is None:
        firsts = (next(iter(line.items())) for line in shown.means if line)
        factors = [mean.mean / levels[x] ** law.exponent for x, mean in firsts]
    for factor in factors:
        yield [factor * level**law.exponent for level in levels]


def _stacks(shown: Shown) -> dict[int, Counter[int]]:
    """Return how many trials did not finish, by position along x, then by colour."""
    stacks: dict[int, Counter[int]] = {}
    for x, colour, count in shown.lost[["x", "colour", "count"]].itertuples(index=False):
        stacks.setdefault(int(x), Counter())[int(colour)] += int(count)
    return stacks


def _crosses(
    figure: Figure, axes: Axes, stacks: Mapping[int, Counter[int]], where: list[float]
) -> None:
    """Mark trials that did not finish above the top edge, with how many they were."""
    base = axes.get_xaxis_transform()
    for x, stack in stacks.items():
        for row, (colour, count) in enumerate(sorted(stack.items())):
            height = 7 + ROW * row
            spot = offset_copy(base, figure, x=-5, y=height, units="points")
            axes.plot(
                [where[x]], [1], "x", color=stand_in(colour), markersize=5.5, markeredgewidth=1.7,
                transform=spot, clip_on=False,
            )  # fmt: skip
            label = offset_copy(base, figure, x=1, y=height, units="points")
            axes.text(
                where[x], 1, str(count), transform=label, fontsize=9.5, va="center", color=INK
            )


def cross_note(shown: Shown) -> str:
    """Explain the crosses, if there are any."""
    if not shown.lost_words:
        return ""
    total = int(shown.lost["count"].sum())
    pattern = gettext("Crosses above the frame count the {n} that did not finish: {trials}.")
    if shown.view.tuned:
        pattern = gettext(
            "Crosses above the frame count the {n} that did not finish, at every level tried: "
            "{trials}."
        )
    return pattern.format(n=trials_words(total), trials=shown.lost_words)

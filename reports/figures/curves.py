"""A metric over epochs: mean over seeds with a 95 % t band, one line a level."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.canvas import (
    SURFACE,
    Size,
    canvas,
    name_values,
    point,
    soft_grid,
    stand_in,
)
from reports.figures.labels import epochs, named, point_words
from reports.figures.legend import add_legend, legend_growth
from reports.figures.palette import DASHES, MARKERS
from reports.figures.scales import Frame, frame, log_y, set_y
from reports.figures.shown import Shown
from reports.figures.summary import mean_of
from suite.language.catalogue import gettext
from suite.language.quantities import axis_label, measured, scaled
from suite.language.words import metric_words, sentences


def band(shown: Shown, colour: int) -> pd.DataFrame:
    """Return a line's epochs with mean, low and high over seeds."""
    rows = []
    for epoch, values in shown.line(colour).groupby("x")["value"]:
        mean = mean_of(values)
        rows.append((epoch, mean.mean, mean.low, mean.high, mean.n))
    return pd.DataFrame(rows, columns=["epoch", "mean", "low", "high", "n"], dtype=float)


def is_cut(shown: Shown) -> bool:
    """Whether a band reaches beyond the frame."""
    return _frame(shown).cuts


def draw(shown: Shown, size: Size) -> Figure:
    """Draw the figure at a size."""
    with canvas(size, size.height + legend_growth(shown.colour, size)) as figure:
        axes = figure.subplots()
        for colour in range(len(shown.colour.levels)):
            _line(axes, shown, colour)
        set_y(axes, _frame(shown))
        measured_at = sorted(set(shown.points["x"]))
        if len(measured_at) > 1:
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        else:  # around one evaluation, ticks of a locator would be thousandths of an epoch
            axes.set_xticks(measured_at, [f"{epoch:g}" for epoch in measured_at])
        soft_grid(axes)
        axes.set_xlabel(epochs())
        name_values(axes, axis_label(shown.view.of), size)
        add_legend(figure, shown.colour, size)
    return figure


def alt(shown: Shown) -> str:
    """Say in words what the figure shows."""
    metric = metric_words(shown.view.of)
    parts = [gettext("{metric} over epochs, mean of seeds").format(metric=metric)]
    for colour, level in enumerate(shown.colour.levels):
        line = band(shown, colour)
        said = _ends(shown.view.of, line) if len(line) else gettext("no finished trial")
        parts.append(named(shown, level, said))
    if shown.lost_words:
        parts.append(gettext("{trials}, not drawn").format(trials=shown.lost_words))
    return sentences(parts)


def lost_note(shown: Shown) -> str:
    """Say which trials are not drawn, if any."""
    if not shown.lost_words:
        return ""
    return gettext("Not drawn: {trials}.").format(trials=shown.lost_words)


def _ends(metric: str, line: pd.DataFrame) -> str:
    last = line.iloc[-1]
    value, epoch = measured(metric, last["mean"], last["low"], last["high"]), f"{last['epoch']:g}"
    if len(line) == 1:
        return gettext("{value} at epoch {epoch}").format(value=value, epoch=epoch)
    first = line.iloc[0]
    pattern = gettext("from {start} at epoch {first} to {value} at epoch {epoch}")
    start = measured(metric, first["mean"])
    return pattern.format(start=start, first=f"{first['epoch']:g}", value=value, epoch=epoch)


def _frame(shown: Shown) -> Frame:
    metric = shown.view.of
    lines = pd.concat([band(shown, colour) for colour in range(len(shown.colour.levels))])
    values = [scaled(metric, value) for value in shown.points["value"]]
    bounds = [scaled(metric, bound) for bound in (*lines["low"], *lines["high"])]
    return frame(values, bounds, log_y(metric, values))


def _line(axes: Axes, shown: Shown, colour: int) -> None:
    metric, ink, line = shown.view.of, stand_in(colour), band(shown, colour)
    if not len(line):
        return
    epochs = line["epoch"].to_numpy(float)
    mean, low, high = (
        [scaled(metric, value) for value in line[name]] for name in ("mean", "low", "high")
    )
    if len(line) == 1:
        # One evaluation is a point; a band of no width would not be seen.
        axes.plot([epochs[0]] * 2, [low[0], high[0]], color=ink, linewidth=1.3, alpha=0.75)
    elif not any(math.isnan(value) for value in (*low, *high)):
        axes.fill_between(
            epochs, low, high, color=ink, alpha=0.14, linewidth=0, gid=f"series-{colour}__0"
        )
    axes.plot(
        epochs,
        mean,
        color=ink,
        linestyle=DASHES[colour % len(DASHES)],
        marker=MARKERS[colour % len(MARKERS)],
        markersize=7,
        markeredgecolor=SURFACE,
        markeredgewidth=0.8,
        markevery=_every(line),
        gid=f"series-{colour}__1",
    )
    for i in range(0, len(epochs), _every(line)):
        point(axes, epochs[i], mean[i], f"{colour}.{i}")


def _every(line: pd.DataFrame) -> int:
    """Return at every which evaluation a line has a marker."""
    return max(1, len(line) // 10)


def hints(shown: Shown) -> dict[str, str]:
    """Return what each marker shows, by the names that `draw` gives them."""
    said = {}
    for colour, level in enumerate(shown.colour.levels):
        line = band(shown, colour)
        for i in range(0, len(line), _every(line)):
            at = line.iloc[i]
            value = measured(shown.view.of, at["mean"], at["low"], at["high"])
            place = gettext("epoch {epoch}").format(epoch=f"{at['epoch']:g}")
            said[f"{colour}.{i}"] = named(shown, level, point_words(place, value, int(at["n"])))
    return said

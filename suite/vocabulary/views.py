"""Figures as data: what a page shows, in the words of the grid. Drawing them is the report's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Any, Literal, get_args

from suite.ground.errors import RequestError, nearest
from suite.ground.fields import number, vocabulary
from suite.vocabulary.metrics import check_metric

Pictured = Literal["training images", "test images", "first weights", "feature maps", "mistakes"]


@vocabulary
class Law:
    """A power law, drawn dashed in a figure to compare with what was measured.

    Attributes:
        exponent: 1 for what grows as x does, 0.5 for its square root, 0 for what stays.
        factor: the value at x = 1, as a record has the metric; None leads it through the first mean
            of each line.
    """

    exponent: float = number(1.0, low=-10.0, high=10.0)  # beyond, what is drawn would be no number
    factor: float | None = None


@vocabulary
class View:
    """One figure.

    Attributes:
        kind: `lines` draws a metric over an axis of the grid, `heat` two axes at once,
            `curves` a metric over epochs, `matrix` several metrics over an axis, `effect` a
            difference over two axes with the line where it is zero; `images` shows pictures instead.
        of: the metric, or what the pictures are of.
        x: the axis along the figure's x; for `curves` always the epoch.
        colour: the axis told apart by colour, or, for `heat` and `effect`, along y.
        tuned: keep, for each seed, only the level of the remaining axes that validation chose.
        caption: what to look for, in one sentence; `lines(…).captioned("…")` gives it too.
        part: the part of the study it shows.
        metrics: for `matrix`, the metrics along x by the words above them, all in one unit.
        where: levels of other axes; trials at any other level are left out.
        arm, against: for `effect`, the levels whose difference is shown.
        laws: for `lines` over an axis of numbers, laws to compare with, by what to call them.
    """

    kind: Literal["lines", "heat", "curves", "matrix", "effect", "images"]
    _: KW_ONLY
    of: str
    x: str = ""
    colour: str = ""
    tuned: bool = False
    caption: str = ""
    part: str = "main"
    metrics: Mapping[str, str] = dataclasses.field(default_factory=dict)
    where: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    arm: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    against: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    laws: Mapping[str, Law] = dataclasses.field(default_factory=dict)

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that it shows."""
        return () if self.kind == "images" else (self.of, *self.metrics.values())

    def captioned(self, caption: str) -> View:
        """Return the view with a caption, as `caption=` gives it one."""
        return dataclasses.replace(self, caption=caption)

    def check(self) -> None:
        if self.kind == "images" and self.of not in (known := get_args(Pictured)):
            raise RequestError(f"there are no images '{self.of}' {nearest(self.of, known)}")
        for metric in self.measured:
            check_metric(metric)
        for name, law in self.laws.items():
            if not (isinstance(name, str) and name.isprintable()):
                raise RequestError(
                    f"a law's name is what stands beside it in a figure, not {name!r}"
                )
            if not isinstance(law, Law):
                raise RequestError(f"law '{name}' must be a Law, as Law(1.0) is, not {law!r}")


def lines(of: str, *, over: str, **options: Any) -> View:
    """A metric over the levels of an axis: every seed a point, means joined, 95 % intervals."""
    return View("lines", of=of, x=over, **options)


def heat(of: str, *, x: str, y: str, **options: Any) -> View:
    """A metric over two axes: mean per cell, the best cell marked, diverged trials counted."""
    return View("heat", of=of, x=x, colour=y, **options)


def curves(of: str, *, colour: str, **options: Any) -> View:
    """A metric over epochs: mean over seeds with a 95 % interval, one line a level."""
    return View("curves", of=of, colour=colour, **options)


def matrix(metrics: Mapping[str, str], *, y: str, **options: Any) -> View:
    """Several metrics, by what to call them, over an axis: a heat map, the best of each outlined."""
    return View("matrix", of=next(iter(metrics.values())), metrics=metrics, colour=y, **options)


def effect_map(
    of: str, *, arm: Mapping[str, Any], against: Mapping[str, Any], x: str, y: str, **options: Any
) -> View:
    """How much higher a metric is in `arm` than `against` it, over two axes, and where that is zero.

    As in a claim, each seed takes the level of the remaining axes that validation chose.
    """
    return View("effect", of=of, arm=arm, against=against, x=x, colour=y, tuned=True, **options)


def images(of: Pictured, **options: Any) -> View:
    """What networks of the first seed train or are tested on, or what one makes of it.

    The network is that of the trial which validation prefers among those that the view shows; the
    data are those of the first. `where` names other ones.
    """
    return View("images", of=of, **options)

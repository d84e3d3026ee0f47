"""Claims as data: what is said, who said it, what would refute it, how large an effect matters.

A claim is fixed before the trials run. It names *arms*: levels of the grid's axes. An axis that
an arm leaves out is tuned: each seed takes the level that is best on its own validation split,
so a replicate is the whole procedure "tune, then test once".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Any, Literal

from suite.errors import RequestError
from suite.fields import vocabulary
from suite.metrics import METRICS, check_metric

Arm = Mapping[str, Any]


@vocabulary
class Comparison:
    """Two arms and a metric.

    Attributes:
        of: the metric.
        arm: levels that define the arm the claim speaks of.
        against: levels that define what it is compared with.
        matters: smallest difference worth acting on: in the metric's unit, or, on a `ratio`
            scale, as a factor above 1.
        scale: compare by difference, or by ratio of geometric means.
        says: the claim in one English sentence.
        source: the notes' own phrase.
        number: the claim's number in the list of the notes' claims, if it is one of them.
        because: why it comes out so, for a reader who is learning.
        part: the part of the study that tests it.
    """

    _: KW_ONLY
    of: str
    arm: Arm
    against: Arm
    matters: float
    scale: Literal["difference", "ratio"] = "difference"
    says: str
    source: str
    number: int | None = None
    because: str = ""
    part: str = "main"

    def check(self) -> None:
        check_metric(self.of)
        least = 1.0 if self.scale == "ratio" else 0.0
        if self.matters <= least:
            raise RequestError(f"matters must be above {least:g}: claim '{self.says}'")

    @property
    def margin(self) -> float:
        """The smallest effect that matters, on the scale that is analysed."""
        return math.log(self.matters) if self.scale == "ratio" else self.matters

    @property
    def size(self) -> str:
        """The smallest effect that matters, in words."""
        if self.scale == "ratio":
            return f"a factor of {self.matters:g}"
        metric = METRICS[self.of]
        if metric.unit == "percent":
            points = 100 * self.matters
            return f"{points:g} {'point' if points == 1 else 'points'} of {metric.words}"
        return f"{self.matters:g} in {metric.words}"


@vocabulary
class Difference(Comparison):
    """`of` is higher (or lower) in `arm` than `against` it, by at least `matters`.

    Attributes:
        direction: where the claim says `arm` lies.
    """

    _: KW_ONLY
    direction: Literal["higher", "lower"]

    @property
    def refuted_if(self) -> str:
        """What would refute the claim, in words."""
        other = "lower" if self.direction == "higher" else "higher"
        return f"it is {other}, or differs by less than {self.size}"


@vocabulary
class Equivalence(Comparison):
    """`of` differs between `arm` and `against` by less than `matters`, whichever way."""

    @property
    def refuted_if(self) -> str:
        """What would refute the claim, in words."""
        return f"they differ by more than {self.size}"


Claim = Difference | Equivalence

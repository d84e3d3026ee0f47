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
from suite.fields import number, vocabulary
from suite.metrics import check_metric

Arm = Mapping[str, Any]


@vocabulary
class Difference:
    """`of` is higher (or lower) in `arm` than `against` it, by at least `matters`.

    Attributes:
        of: the metric.
        arm: levels that define the arm the claim speaks of.
        against: levels that define what it is compared with.
        direction: where the claim says `arm` lies.
        matters: smallest difference worth acting on: in the metric's unit, or, on a `ratio`
            scale, as a factor above 1.
        scale: compare by difference, or by ratio of geometric means.
        says: the claim in one English sentence.
        source: the notes' own phrase.
        number: the claim's number in the list of the notes' claims.
        because: why it comes out so, for a reader who is learning.
        part: the part of the study that tests it.
    """

    _: KW_ONLY
    of: str
    arm: Arm
    against: Arm
    direction: Literal["higher", "lower"]
    matters: float = number(default=0.0, low=0.0)
    scale: Literal["difference", "ratio"] = "difference"
    says: str
    source: str
    number: int = number(default=0, low=0)
    because: str = ""
    part: str = "main"

    def check(self) -> None:
        check_metric(self.of)
        if self.scale == "ratio" and self.matters <= 1:
            raise RequestError(f"matters must be a factor above 1 on a ratio scale: '{self.says}'")
        if self.scale == "difference" and self.matters <= 0:
            raise RequestError(f"matters must be above 0: '{self.says}'")

    @property
    def margin(self) -> float:
        """The smallest effect that matters, on the scale that is analysed."""
        return math.log(self.matters) if self.scale == "ratio" else self.matters

    @property
    def refuted_if(self) -> str:
        """What would refute the claim, in words."""
        other = "lower" if self.direction == "higher" else "higher"
        return f"it is {other}, or differs by less than {_size(self)}"


@vocabulary
class Equivalence:
    """`of` differs between `arm` and `against` by less than `matters`, whichever way.

    Attributes are those of `Difference`, without a direction.
    """

    _: KW_ONLY
    of: str
    arm: Arm
    against: Arm
    matters: float = number(default=0.0, low=0.0)
    scale: Literal["difference", "ratio"] = "difference"
    says: str
    source: str
    number: int = number(default=0, low=0)
    because: str = ""
    part: str = "main"

    check = Difference.check
    margin = Difference.margin

    @property
    def refuted_if(self) -> str:
        """What would refute the claim, in words."""
        return f"they differ by more than {_size(self)}"


Claim = Difference | Equivalence


def _size(claim: Difference | Equivalence) -> str:
    if claim.scale == "ratio":
        return f"a factor of {claim.matters:g}"
    return f"{claim.matters:g} in {claim.of}"

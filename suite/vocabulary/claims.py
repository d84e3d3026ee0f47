"""Claims as data: what is said, who said it, what would refute it, how large an effect matters.

A claim is fixed before the trials run. It names *arms*: levels of the grid's axes. An axis that
an arm leaves out is tuned: each seed takes the level that is best on its own validation split,
so a replicate is the whole procedure "tune, then test once".
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Any, Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number, vocabulary
from suite.ground.wording import Worded, worded
from suite.vocabulary.metrics import METRICS, check_accuracy, check_metric

Arm = Mapping[str, Any]
Direction = Literal["higher", "lower"]
Step = Literal["unit", "doubling", "tenfold"]


@vocabulary
class Statement:
    """What every kind of claim has.

    Attributes:
        of: the metric; `chosen/optimizer.lr` is the level that validation chose, seed by seed, of an
            axis of numbers that no arm names.
        says: the claim in one English sentence.
        source: the phrase that is put on trial, as the notes or practitioners have it.
        cites: the publication or person that says so, in short: `Goyal et al. 2017`.
        number: the claim's number in the list of the notes' claims, if it is one of them.
        because: why it comes out so, for a reader who is learning.
        part: the part of the study that tests it.
        contexts: names of the study's contexts in which it is asked too.
    """

    _: KW_ONLY
    of: str
    says: str
    source: str
    cites: str = ""
    number: int | None = None
    because: str = ""
    part: str = "main"
    contexts: tuple[str, ...] = ()

    def check(self) -> None:
        check_metric(self.of)

    @property
    def by_ratio(self) -> bool:
        """Whether it compares by a ratio of geometric means, so that logarithms are analysed."""
        return False

    @property
    def along(self) -> str:
        """The axis over whose levels it runs, or nothing."""
        return ""


@vocabulary
class Effect(Statement):
    """A claim about the size of something, decided by t tests over seeds.

    Attributes:
        matters: smallest effect worth acting on: in the metric's unit, or, on a `ratio` scale,
            as a factor above 1.
        scale: compare by difference, or by ratio of geometric means.
    """

    _: KW_ONLY
    matters: float
    scale: Literal["difference", "ratio"] = "difference"

    def check(self) -> None:
        check_metric(self.of)
        least = 1.0 if self.by_ratio else 0.0
        if self.matters <= least:
            raise RequestError(f"matters must be above {least:g}: claim '{self.says}'")
        if not self.by_ratio:
            check_accuracy(self.of, "matters", self.matters, most=0.99)

    @property
    def by_ratio(self) -> bool:
        """Whether `scale` says so."""
        return self.scale == "ratio"

    @property
    def margin(self) -> float:
        """The smallest effect that matters, on the scale that is analysed."""
        return math.log(self.matters) if self.by_ratio else self.matters

    @property
    def size(self) -> Worded:
        """The smallest effect that matters, in words."""
        if self.by_ratio:
            return worded("a factor of {size}", size=f"{self.matters:g}")
        metric = METRICS[self.of]
        if metric.unit == "percent":
            points = f"{100 * self.matters:g}"
            if points == "1":
                return worded("1 point of {metric}", metric=metric.words)
            return worded("{size} points of {metric}", size=points, metric=metric.words)
        return worded("{size} in {metric}", size=f"{self.matters:g}", metric=metric.words)


@vocabulary
class Difference(Effect):
    """`of` is higher (or lower) in `arm` than `against` it, by at least `matters`.

    Attributes:
        arm: levels that define the arm the claim speaks of.
        against: levels that define what it is compared with.
        direction: where the claim says `arm` lies.
    """

    _: KW_ONLY
    arm: Arm
    against: Arm
    direction: Direction

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        if self.direction == "higher":
            return worded("it is lower by at least {size}", size=self.size)
        return worded("it is higher by at least {size}", size=self.size)


@vocabulary
class Equivalence(Effect):
    """`of` differs between `arm` and `against` by less than `matters`, whichever way."""

    _: KW_ONLY
    arm: Arm
    against: Arm

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        return worded("they differ by more than {size}", size=self.size)


@vocabulary
class Interaction(Effect):
    """The difference between `arm` and `against` is larger (`higher`) or smaller within a setting.

    Attributes:
        within: further levels, in which the claim says the difference moves.
        without: the levels it is compared with.
    """

    _: KW_ONLY
    arm: Arm
    against: Arm
    within: Arm
    without: Arm
    direction: Direction

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        return worded("the difference moves the other way by at least {size}", size=self.size)


@vocabulary
class Trend(Effect):
    """`of` rises (`higher`) or falls along an axis, by at least `matters` for each doubling or unit.

    Each seed has one least-squares slope; n counts slopes.

    Attributes:
        over: the axis.
        per: what `matters` is the effect of; `doubling` and `tenfold` need positive levels.
        arm: levels of the other axes that are held fixed.
        than: a slope that it is higher or lower than, by at least `matters`: in the metric's unit, or,
            on a `ratio` scale, as a factor; None for one of no change.
    """

    _: KW_ONLY
    over: str
    per: Step
    direction: Direction
    arm: Arm = dataclasses.field(default_factory=dict)
    than: float | None = None

    def check(self) -> None:
        super().check()
        _check_slope(self, self.than)

    @property
    def along(self) -> str:
        """The axis of the slope."""
        return self.over

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        if self.than is not None:
            values = {"slope": _slope_words(self, self.than), "step": self.per, "size": self.size}
            if self.direction == "higher":
                return worded(
                    "the slope per {step} is lower than {slope} by at least {size}", **values
                )
            return worded(
                "the slope per {step} is higher than {slope} by at least {size}", **values
            )
        if self.direction == "higher":
            return worded("it falls by at least {size} per {step}", size=self.size, step=self.per)
        return worded("it rises by at least {size} per {step}", size=self.size, step=self.per)


@vocabulary
class Slope(Effect):
    """`of` changes by `slope` for each doubling or unit of an axis, give or take `matters`.

    Each seed has one least-squares slope, less the claimed one (or divided by it, on a `ratio` scale);
    like an equivalence, it is supported where any departure is too small to matter.

    Attributes:
        over: the axis.
        per: what `slope` and `matters` are the effect of; `doubling` and `tenfold` need positive
            levels.
        slope: the claimed slope: in the metric's unit, or, on a `ratio` scale, as a factor.
        arm: levels of the other axes that are held fixed.
    """

    _: KW_ONLY
    over: str
    per: Step
    slope: float
    arm: Arm = dataclasses.field(default_factory=dict)

    def check(self) -> None:
        super().check()
        _check_slope(self, self.slope)

    @property
    def along(self) -> str:
        """The axis of the slope."""
        return self.over

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        return worded(
            "the slope departs from {slope} per {step} by more than {size}",
            slope=_slope_words(self, self.slope),
            step=self.per,
            size=self.size,
        )


def claimed_slope(claim: Statement) -> float | None:
    """Return the slope that a claim's is held against; None where that is one of no change."""
    if isinstance(claim, Slope):
        return claim.slope
    return claim.than if isinstance(claim, Trend) else None


def _check_slope(claim: Effect, slope: float | None) -> None:
    if claim.by_ratio and slope is not None and slope <= 0:
        raise RequestError(
            f"a slope must be above 0 where scale is ratio, not {slope:g}: claim '{claim.says}'"
        )


def _slope_words(claim: Effect, slope: float) -> str:
    return worded("a factor of {size}", size=f"{slope:.4g}") if claim.by_ratio else f"{slope:.4g}"


def place(per: Step, level: float) -> float:
    """Return where a level lies on the axis of a slope."""
    return {"unit": float, "doubling": math.log2, "tenfold": math.log10}[per](level)


@vocabulary
class Ordering(Statement):
    """`of` rises (`higher`) or falls from each level of an axis to the next.

    Each seed has one rank correlation, Kendall's tau-b, between levels and values: 1 if every pair
    of levels is in the claimed order.

    Attributes:
        over: the axis, its levels in the order of the grid.
        matters: smallest mean tau that counts as an order.
        arm: levels of the other axes that are held fixed.
    """

    _: KW_ONLY
    over: str
    direction: Direction
    matters: float = number(0.5, low=0.01, high=1.0)
    arm: Arm = dataclasses.field(default_factory=dict)
    scale: Literal["difference"] = "difference"

    @property
    def along(self) -> str:
        """The axis of the order."""
        return self.over

    @property
    def margin(self) -> float:
        """The smallest rank correlation that matters."""
        return self.matters

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        return worded(
            "the order is the other way, with a rank correlation of at least {size}",
            size=f"{self.matters:g}",
        )


@vocabulary
class Threshold(Effect):
    """`of` lies above (`higher`) or below a level in `arm`, by at least `matters`."""

    _: KW_ONLY
    arm: Arm
    level: float
    direction: Direction

    def check(self) -> None:
        super().check()
        check_accuracy(self.of, "level", self.level)

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        level = f"{self.level:g}"
        if METRICS[self.of].unit == "percent":
            level = f"{100 * self.level:g} %"
        if self.direction == "higher":
            return worded(
                "it is lower than {level} by at least {size}", level=level, size=self.size
            )
        return worded("it is higher than {level} by at least {size}", level=level, size=self.size)


@vocabulary
class Boundary(Effect):
    """Along an axis of numbers, the effect of `arm` over `against` changes from `low` to `high`.

    The effect at a place between two levels is interpolated, on the axis's logarithm where all
    levels are above 0, and so is one number a seed: a t test says whether the mean can be zero
    there. The interval is every place where it can (Fieller, 1954, has it for a ratio of means).

    Attributes:
        over: the axis.
        arm: levels that define the arm the claim speaks of.
        against: levels that define what it is compared with.
        low, high: the range of the axis in which the claim says the boundary lies.
        crosses: what lies there: the effect changes sign (`zero`), or stops, or starts, to be at
            least `matters`.
    """

    _: KW_ONLY
    over: str
    arm: Arm
    against: Arm
    low: float
    high: float
    crosses: Literal["zero", "matters"] = "zero"

    def check(self) -> None:
        super().check()
        if self.low >= self.high:
            raise RequestError(f"low must be below high: claim '{self.says}'")

    @property
    def along(self) -> str:
        """The axis on which the boundary lies."""
        return self.over

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        ends = {"low": f"{self.low:g}", "high": f"{self.high:g}"}
        if self.crosses == "zero":
            return worded("nowhere from {low} to {high} can the effect be zero", **ends)
        return worded(
            "nowhere from {low} to {high} can the effect be exactly {size}", size=self.size, **ends
        )


@vocabulary
class Rate(Statement):
    """The share of seeds that end in an event is above (`higher`) or below `than`.

    The interval is exact (Clopper and Pearson, 1934) and so is the binomial test.

    Attributes:
        arm: levels of every axis: nothing is tuned.
        event: `diverged`, `failed`, or `reached`: the metric is at least `level`.
    """

    _: KW_ONLY
    arm: Arm
    event: Literal["diverged", "failed", "reached"]
    level: float = 0.0
    than: float = number(0.5, low=0.0, high=1.0)
    direction: Direction

    def check(self) -> None:
        super().check()
        check_accuracy(self.of, "level", self.level)

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        if self.direction == "higher":
            return worded("the share of seeds is lower than {share}", share=f"{self.than:.0%}")
        return worded("the share of seeds is higher than {share}", share=f"{self.than:.0%}")


@vocabulary
class Within(Statement):
    """`of` lies inside a range that others published, in every seed of `arm`.

    A seed that does not finish lies outside. If a seed is one more draw of what was published, it
    lies outside the range of `runs` draws with probability 2/(runs + 1), and how many of several
    seeds do is beta-binomial: that is the test that can refute.

    Attributes:
        arm: levels of every axis: nothing is tuned.
        low, high: the published range, its ends inside.
        runs: how many runs it is the range of.
    """

    _: KW_ONLY
    arm: Arm = dataclasses.field(default_factory=dict)
    low: float
    high: float
    runs: int = number(2, low=2)

    def check(self) -> None:
        check_metric(self.of)
        if self.low >= self.high:
            raise RequestError(f"low must be below high: claim '{self.says}'")
        check_accuracy(self.of, "high", self.high)

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        return worded(
            "more seeds lie outside [{low}, {high}] than luck explains",
            low=f"{self.low:g}",
            high=f"{self.high:g}",
        )


@vocabulary
class Identity(Statement):
    """`of` is zero but for rounding, in every trial of `arm`: true by algebra, or not at all.

    Attributes:
        tolerance: largest absolute value that rounding can explain.
        arm: levels; axes that are left out are all included.
    """

    _: KW_ONLY
    tolerance: float = number(1e-6, low=0.0)
    arm: Arm = dataclasses.field(default_factory=dict)

    @property
    def refuted_if(self) -> Worded:
        """What would refute the claim, in words."""
        return worded("any trial deviates by more than {size}", size=f"{self.tolerance:g}")


Directional = Difference | Interaction | Trend | Ordering | Threshold
Alike = Equivalence | Slope
Tested = Directional | Alike
Counted = Rate | Within
Claim = Tested | Counted | Identity | Boundary

KINDS = ("effects", "equivalences", "identities", "shares")  # counted apart


def kind_of(claim: Claim) -> str:
    """Return among which of `KINDS` a claim counts."""
    if isinstance(claim, Identity):
        return "identities"
    if isinstance(claim, Alike):
        return "equivalences"
    return "shares" if isinstance(claim, Counted) else "effects"


def arms(claim: Claim, levels: tuple[Any, ...] = ()) -> dict[str, Arm]:
    """Return the arms of a claim by name; `levels` are those of the axis it runs over, if any."""
    if isinstance(claim, Trend | Slope | Ordering):
        return {str(level): {**claim.arm, claim.over: level} for level in levels}
    if isinstance(claim, Boundary):
        return {
            f"{name} at {level}": {**getattr(claim, name), claim.over: level}
            for name in ("arm", "against")
            for level in levels
        }
    if isinstance(claim, Interaction):
        return {
            "arm": {**claim.arm, **claim.within},
            "against": {**claim.against, **claim.within},
            "arm without": {**claim.arm, **claim.without},
            "against without": {**claim.against, **claim.without},
        }
    if isinstance(claim, Difference | Equivalence):
        return {"arm": claim.arm, "against": claim.against}
    return {"arm": claim.arm}

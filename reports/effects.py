"""Effects in words: how large, which way, how sure, and on which side of what matters."""

from __future__ import annotations

import math

from reports.quantities import NBSP, NOT_MEASURED, bracketed, decimals, scaled, written
from reports.words import arm_words, axis_words, counted, level_words, listed
from suite.claims import (
    Claim,
    Difference,
    Equivalence,
    Identity,
    Interaction,
    Ordering,
    Rate,
    Tested,
    Threshold,
    Trend,
    Within,
)
from suite.evidence import Finding
from suite.evidence.arms import ArmValues
from suite.metrics import METRICS

EVENTS = {"diverged": "diverged", "failed": "failed", "reached": "reached the level"}
PER = {"unit": "unit", "doubling": "doubling", "tenfold": "tenfold step"}
DIFFERENCE_UNITS = {"percent": "point", "nats": "nat", "seconds": "second"}


def compared(claim: Claim) -> str:
    """Return what is compared: `batch size 1 against batch size 16`."""
    match claim:
        case Difference() | Equivalence():
            return f"{arm_words(claim.arm)} against {arm_words(claim.against)}"
        case Interaction():
            return (
                f"{arm_words(claim.arm)} against {arm_words(claim.against)}, "
                f"with {arm_words(claim.within)} less with {arm_words(claim.without)}"
            )
        case Trend() | Ordering():
            fixed = f", {arm_words(claim.arm)}" if claim.arm else ""
            return f"over {axis_words(claim.over)}{fixed}"
    return arm_words(claim.arm) or "all trials"


def effect_words(finding: Finding) -> str:
    """Return an effect with its interval: `test accuracy 0.4 points lower [−0.2, 1.0], n = 5`."""
    low, high = finding.interval
    return f"{size_words(finding.claim, finding.estimate, low, high)}, n{NBSP}={NBSP}{finding.n}"


def size_words(claim: Claim, estimate: float, low: float = math.nan, high: float = math.nan) -> str:
    """Return an effect's size in words, its interval counted in the direction that is named."""
    words = METRICS[claim.of].words
    if math.isnan(estimate):
        return f"{words}: {NOT_MEASURED}"
    match claim:
        case Rate():
            share = 100 * estimate
            interval = bracketed(100 * low, 100 * high, 0)
            return f"{EVENTS[claim.event]} in {written(share, 0)} % of seeds {interval}".rstrip()
        case Within():
            ends = bracketed(100 * low, 100 * high, 0)
            inside = f"inside in {written(100 * estimate, 0)} % of seeds {ends}".rstrip()
            return f"{words}, published {_range(claim)}: {inside}"
        case Identity():
            return f"{words} deviates by at most {estimate:.2g}"
        case Ordering():
            digits = decimals((high - low) / 2, estimate)
            tau = f"{written(estimate, digits)} {bracketed(low, high, digits)}".rstrip()
            return f"{words}: rank correlation {tau}"
        case Trend():
            return f"{_amount(claim, estimate, low, high)} per {PER[claim.per]}"
        case Interaction() if claim.scale == "difference":
            return f"difference in {_amount(claim, estimate, low, high)}"
        case Threshold() if claim.scale == "difference":
            return f"{_amount(claim, estimate, low, high)} than {_level(claim)}"
    return _amount(claim, estimate, low, high)


def _amount(claim: Tested, estimate: float, low: float, high: float) -> str:
    words = METRICS[claim.of].words
    if claim.scale == "ratio":
        digits = decimals((high - low) / 2, estimate)
        interval = bracketed(low, high, digits)
        return f"{words}: {written(estimate, digits)} times {interval}".rstrip()
    estimate, low, high = (scaled(claim.of, value) for value in (estimate, low, high))
    way = "higher"
    if estimate < 0:
        estimate, low, high, way = -estimate, -high, -low, "lower"
    digits = decimals((high - low) / 2, estimate)
    text = f"{words} {written(estimate, digits)} {_unit(claim)} {way}"
    return f"{' '.join(text.split())} {bracketed(low, high, digits)}".rstrip()


def _level(claim: Threshold) -> str:
    unit = " %" if METRICS[claim.of].unit == "percent" else ""
    return f"{scaled(claim.of, claim.level):g}{unit}"


def _range(claim: Within) -> str:
    unit = " %" if METRICS[claim.of].unit == "percent" else ""
    low, high = scaled(claim.of, claim.low), scaled(claim.of, claim.high)
    return f"{low:g} to {high:g}{unit} in {claim.runs} runs"


def matters_words(claim: Claim) -> str:
    """Return the smallest effect that matters: `1 point of test accuracy`."""
    words = METRICS[claim.of].words
    match claim:
        case Rate():
            return f"a share on the claimed side of {claim.than:.0%}"
        case Within():
            return f"to lie outside {_range(claim)}"
        case Identity():
            return f"a deviation above {claim.tolerance:g}"
        case Ordering():
            return f"a rank correlation of {claim.matters:g}"
    per = f" per {PER[claim.per]}" if isinstance(claim, Trend) else ""
    if claim.scale == "ratio":
        return f"a factor of {claim.matters:g} in {words}{per}"
    size = scaled(claim.of, claim.matters)
    unit = _unit(claim, plural=size != 1)
    return (f"{size:g} {unit} of {words}" if unit else f"{size:g} in {words}") + per


def _unit(claim: Claim, *, plural: bool = True) -> str:
    unit = DIFFERENCE_UNITS.get(METRICS[claim.of].unit, "")
    return f"{unit}s" if unit and plural else unit


def side(claim: Tested, estimate: float) -> int:
    """Return where an estimate lies: below the margin (−1), within it (0) or above it (1)."""
    effect = math.log(estimate) if claim.scale == "ratio" else estimate
    return 0 if abs(effect) < claim.margin else int(math.copysign(1, effect))


def shared_words(finding: Finding) -> str:
    """Return what the effect would be at the levels best for the other arm, if that is known."""
    claim = finding.claim
    if finding.shared is None or not isinstance(claim, Difference | Equivalence):
        return ""
    levels = {k: v for k, v in finding.against.best.items() if k in finding.arm.best}
    shared = listed(f"{axis_words(path)} {level_words(level)}" for path, level in levels.items())
    same = side(claim, finding.shared) == side(claim, finding.estimate)
    where = "the same side" if same else "another side"
    return (
        f"With {shared} in both arms, the best for {arm_words(claim.against)}, the effect would "
        f"be: {size_words(claim, finding.shared)}. That is on {where} of what matters"
        + ("." if same else ", so the answer hangs on tuning each arm.")
    )


def _level_words(level: object) -> str:
    """Return a level's words; in a column a level of None has become NaN."""
    missing = isinstance(level, float) and math.isnan(level)
    return level_words(None if missing else level)


def tuned_words(name: str, arm: ArmValues) -> list[str]:
    """Return, for each axis that was tuned in an arm, the levels its seeds chose."""
    said = []
    for path in arm.chosen.columns:
        counts = arm.chosen[path].value_counts(sort=False, dropna=False)
        total = int(counts.sum())
        levels = listed(
            f"{_level_words(level)} ({count} of {counted(total, 'seed')})"
            for level, count in counts.items()
        )
        said.append(f"{name}: {axis_words(path)} {levels}")
    return said

"""Effects in words: how large, which way, how sure, and on which side of what matters."""

from __future__ import annotations

import math

from reports.quantities import NBSP, NOT_MEASURED, bracketed, decimals, scaled, written
from reports.words import arm_words, axis_words, counted, level_words, listed
from suite.claims import Claim
from suite.evidence import Finding
from suite.evidence.arms import ArmValues
from suite.metrics import METRICS

DIFFERENCE_UNITS = {"percent": "point", "nats": "nat", "seconds": "second"}


def compared(claim: Claim) -> str:
    """Return the two arms: `batch size 1 against batch size 16`."""
    return f"{arm_words(claim.arm)} against {arm_words(claim.against)}"


def effect_words(finding: Finding) -> str:
    """Return an effect with its interval: `test accuracy 0.4 points lower [−0.2, 1.0], n = 5`."""
    low, high = finding.interval
    return f"{size_words(finding.claim, finding.estimate, low, high)}, n{NBSP}={NBSP}{finding.n}"


def size_words(claim: Claim, estimate: float, low: float = math.nan, high: float = math.nan) -> str:
    """Return an effect's size in words, its interval counted in the direction that is named."""
    words = METRICS[claim.of].words
    if math.isnan(estimate):
        return f"{words}: {NOT_MEASURED}"
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


def matters_words(claim: Claim) -> str:
    """Return the smallest effect that matters: `1 point of test accuracy`."""
    words = METRICS[claim.of].words
    if claim.scale == "ratio":
        return f"a factor of {claim.matters:g} in {words}"
    size = scaled(claim.of, claim.matters)
    unit = _unit(claim, plural=size != 1)
    return f"{size:g} {unit} of {words}" if unit else f"{size:g} in {words}"


def _unit(claim: Claim, *, plural: bool = True) -> str:
    unit = DIFFERENCE_UNITS.get(METRICS[claim.of].unit, "")
    return f"{unit}s" if unit and plural else unit


def side(claim: Claim, estimate: float) -> int:
    """Return where an estimate lies: below the margin (−1), within it (0) or above it (1)."""
    effect = math.log(estimate) if claim.scale == "ratio" else estimate
    return 0 if abs(effect) < claim.margin else int(math.copysign(1, effect))


def shared_words(finding: Finding) -> str:
    """Return what the effect would be at the levels best for the other arm, if that is known."""
    if finding.shared is None or not math.isfinite(finding.shared):
        return ""
    claim = finding.claim
    levels = {k: v for k, v in finding.against.best.items() if k in finding.arm.best}
    shared = listed(f"{axis_words(path)} {level_words(level)}" for path, level in levels.items())
    same = side(claim, finding.shared) == side(claim, finding.estimate)
    where = "the same side" if same else "another side"
    return (
        f"With {shared} in both arms, the best for {arm_words(claim.against)}, the effect would "
        f"be: {size_words(claim, finding.shared)}. That is on {where} of what matters"
        + ("." if same else ", so the answer hangs on tuning each arm.")
    )


def tuned_words(name: str, arm: ArmValues) -> list[str]:
    """Return, for each axis that was tuned in an arm, the levels its seeds chose."""
    said = []
    for path in arm.chosen.columns:
        counts = arm.chosen[path].value_counts(sort=False)
        total = int(counts.sum())
        levels = listed(
            f"{level_words(level)} ({count} of {counted(total, 'seed')})"
            for level, count in counts.items()
        )
        said.append(f"{name}: {axis_words(path)} {levels}")
    return said

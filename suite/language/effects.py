"""Effects in words: how large, which way, how sure, and on which side of what matters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from suite.evidence import Finding
from suite.evidence.arms import ArmValues
from suite.evidence.significance import to_logarithm
from suite.language.catalogue import gettext, ngettext
from suite.language.quantities import MINUS, NBSP, bracketed, decimal, decimals, scaled
from suite.language.words import arm_words, axis_words, comma, level_words, listed, metric_words
from suite.vocabulary.claims import (
    Boundary,
    Claim,
    Difference,
    Equivalence,
    Identity,
    Interaction,
    Ordering,
    Rate,
    Slope,
    Tested,
    Threshold,
    Trend,
    Within,
    claimed_slope,
)
from suite.vocabulary.metrics import METRICS

AMOUNTS: Mapping[tuple[str, str], Callable[[int], str]] = {
    ("percent", "higher"): lambda n: ngettext(
        "{metric} {size} point higher {interval}",
        "{metric} {size} points higher {interval}",
        n,
    ),
    ("percent", "lower"): lambda n: ngettext(
        "{metric} {size} point lower {interval}",
        "{metric} {size} points lower {interval}",
        n,
    ),
    ("nats", "higher"): lambda n: ngettext(
        "{metric} {size} nat higher {interval}",
        "{metric} {size} nats higher {interval}",
        n,
    ),
    ("nats", "lower"): lambda n: ngettext(
        "{metric} {size} nat lower {interval}",
        "{metric} {size} nats lower {interval}",
        n,
    ),
    ("seconds", "higher"): lambda n: ngettext(
        "{metric} {size} second higher {interval}",
        "{metric} {size} seconds higher {interval}",
        n,
    ),
    ("seconds", "lower"): lambda n: ngettext(
        "{metric} {size} second lower {interval}",
        "{metric} {size} seconds lower {interval}",
        n,
    ),
    ("", "higher"): lambda _: gettext("{metric} {size} higher {interval}"),
    ("", "lower"): lambda _: gettext("{metric} {size} lower {interval}"),
}
EVENTS: Mapping[str, Callable[[], str]] = {
    "diverged": lambda: gettext("diverged in {share} % of seeds {interval}"),
    "failed": lambda: gettext("failed in {share} % of seeds {interval}"),
    "reached": lambda: gettext("reached the level in {share} % of seeds {interval}"),
}
SLOPES: Mapping[str, Callable[[], str]] = {
    "unit": lambda: gettext("{amount} per unit"),
    "doubling": lambda: gettext("{amount} per doubling"),
    "tenfold": lambda: gettext("{amount} per tenfold step"),
}


def compared_words(claim: Claim) -> str:
    """Return what is compared: `batch size 1 against batch size 16`."""
    match claim:
        case Difference() | Equivalence():
            arm, against = arm_words(claim.arm), arm_words(claim.against)
            return gettext("{arm} against {against}").format(arm=arm, against=against)
        case Boundary():
            pattern = gettext("{arm} against {against}, over {axis}")
            arm, against = arm_words(claim.arm), arm_words(claim.against)
            return pattern.format(arm=arm, against=against, axis=axis_words(claim.over))
        case Interaction():
            pattern = gettext("{arm} against {against}, with {within} less with {without}")
            names = ("arm", "against", "within", "without")
            return pattern.format(**{name: arm_words(getattr(claim, name)) for name in names})
        case Trend() | Slope() | Ordering():
            axis = axis_words(claim.over)
            over = gettext("over {axis}").format(axis=axis)
            return comma([over, arm_words(claim.arm)] if claim.arm else [over])
    return arm_words(claim.arm) or gettext("all trials")


def effect_words(finding: Finding) -> str:
    """Return an effect with its interval: `test accuracy 0.4 points lower [−0.2, 1.0], n = 5`."""
    low, high = finding.interval
    if isinstance(finding.claim, Boundary) and finding.n > 1 and math.isnan(finding.estimate):
        size = _nowhere(finding.claim)
    else:
        size = size_words(finding.claim, finding.estimate, low, high)
    return comma((size, n_words(finding)))


def short_words(finding: Finding) -> str:
    """Return an effect as one number for a list: `+0.4 points`, `× 1.3`, `τ −1`."""
    claim, estimate = finding.claim, finding.estimate
    if math.isnan(estimate):
        return "–"
    match claim:
        case Rate() | Within():
            return f"{decimal(100 * estimate, 0)}{NBSP}%"
        case Boundary():
            return place_words(estimate)
        case Identity():
            return f"{estimate:.1g}".replace("-", MINUS)
    low, high = finding.interval
    if claim.by_ratio:
        return f"×{NBSP}{decimal(estimate, decimals((high - low) / 2, estimate))}"
    estimate, low, high = (scaled(claim.of, one) for one in (estimate, low, high))
    size = decimal(estimate, decimals((high - low) / 2, estimate))
    if isinstance(claim, Ordering):
        return f"τ{NBSP}{decimal(finding.estimate, 2)}"
    size = f"+{size}" if estimate > 0 else size
    points = METRICS[claim.of].unit == "percent"
    return gettext("{size} points").format(size=size) if points else size


def n_words(finding: Finding) -> str:
    """Return how many seeds were paired, and of how many where that is not all: `n = 11 of 40`."""
    n = f"n{NBSP}={NBSP}{finding.n}"
    return (
        n if finding.n == finding.asked else gettext("{n} of {all}").format(n=n, all=finding.asked)
    )


def size_words(claim: Claim, estimate: float, low: float = math.nan, high: float = math.nan) -> str:
    """Return an effect's size in words, its interval counted in the direction that is named."""
    words = metric_words(claim.of)
    if math.isnan(estimate):
        return gettext("{metric}: not measured").format(metric=words)
    match claim:
        case Rate():
            return _share(EVENTS[claim.event](), estimate, low, high)
        case Within():
            pattern = gettext(
                "{metric}, published {range}: inside in {share} % of seeds {interval}"
            )
            pattern = pattern.replace("{metric}", words).replace("{range}", _range(claim))
            return _share(pattern, estimate, low, high)
        case Boundary():
            return _turn(claim, estimate, low, high)
        case Identity():
            pattern = gettext("{metric} deviates by at most {size}")
            return pattern.format(metric=words, size=f"{estimate:.2g}")
        case Ordering():
            digits = decimals((high - low) / 2, estimate)
            tau, interval = decimal(estimate, digits), bracketed(low, high, digits)
            pattern = gettext("{metric}: rank correlation {tau} {interval}")
            return pattern.format(metric=words, tau=tau, interval=interval).rstrip()
        case Trend() | Slope():
            return _slope(claim, estimate, low, high)
        case Interaction() if not claim.by_ratio:
            amount = _amount(claim, estimate, low, high)
            return gettext("difference in {amount}").format(amount=amount)
        case Threshold() if not claim.by_ratio:
            amount = _amount(claim, estimate, low, high)
            return gettext("{amount} than {level}").format(amount=amount, level=_level(claim))
    return _amount(claim, estimate, low, high)


def _slope(claim: Trend | Slope, estimate: float, low: float, high: float) -> str:
    """Return a slope in words, and what it is held against; the estimate is its departure from that."""
    against = claimed_slope(claim)
    if against is None:
        return SLOPES[claim.per]().format(amount=_amount(claim, estimate, low, high))
    ends = (one * against if claim.by_ratio else one + against for one in (estimate, low, high))
    slope = SLOPES[claim.per]().format(amount=_amount(claim, *ends))
    pattern = gettext("{slope}, {claimed} being claimed")
    if isinstance(claim, Trend):
        pattern = gettext("{slope}, held against {claimed}")
    shown = against if claim.by_ratio else scaled(claim.of, against)
    return pattern.format(slope=slope, claimed=f"{shown:.4g}".replace("-", MINUS))


def _turn(claim: Boundary, place: float, low: float, high: float) -> str:
    pattern = gettext("{metric}: the effect changes sign at {axis} {place} {interval}")
    if claim.crosses == "matters":
        pattern = gettext(
            "{metric}: the effect begins or ceases to matter at {axis} {place} {interval}"
        )
    interval = "" if math.isnan(low) else f"[{place_words(low)},{NBSP}{place_words(high)}]"
    return pattern.format(
        metric=metric_words(claim.of),
        axis=axis_words(claim.over),
        place=place_words(place),
        interval=interval,
    ).rstrip()


def _nowhere(claim: Boundary) -> str:
    pattern = gettext("{metric}: the mean effect changes sign nowhere along {axis}")
    if claim.crosses == "matters":
        pattern = gettext(
            "{metric}: the mean effect begins or ceases to matter nowhere along {axis}"
        )
    return pattern.format(metric=metric_words(claim.of), axis=axis_words(claim.over))


def place_words(place: float) -> str:
    """Return a place on an axis of numbers, in three significant digits."""
    return decimal(place, decimals(math.nan, place))


def range_words(claim: Boundary) -> str:
    """Return the range in which a claim says the boundary lies: `batch size 16 to 64`."""
    pattern = gettext("{axis} {low} to {high}")
    low, high = (level_words(float(end)).replace("-", MINUS) for end in (claim.low, claim.high))
    return pattern.format(axis=axis_words(claim.over), low=low, high=high)


def _share(pattern: str, share: float, low: float, high: float) -> str:
    interval = bracketed(100 * low, 100 * high, 0)
    return pattern.format(share=decimal(100 * share, 0), interval=interval).rstrip()


def _amount(claim: Tested, estimate: float, low: float, high: float) -> str:
    words = metric_words(claim.of)
    if claim.by_ratio:
        digits = decimals((high - low) / 2, estimate)
        size, interval = decimal(estimate, digits), bracketed(low, high, digits)
        pattern = gettext("{metric}: {size} times {interval}")
        return pattern.format(metric=words, size=size, interval=interval).rstrip()
    estimate, low, high = (scaled(claim.of, value) for value in (estimate, low, high))
    way = "higher"
    if estimate < 0:
        estimate, low, high, way = -estimate, -high, -low, "lower"
    digits = decimals((high - low) / 2, estimate)
    size, interval = decimal(estimate, digits), bracketed(low, high, digits)
    unit = METRICS[claim.of].unit
    pattern = AMOUNTS[unit if (unit, way) in AMOUNTS else "", way](1 if size == "1" else 2)
    return pattern.format(metric=words, size=size, interval=interval).rstrip()


def _level(claim: Threshold) -> str:
    unit = " %" if METRICS[claim.of].unit == "percent" else ""
    return f"{scaled(claim.of, claim.level):g}{unit}".replace("-", MINUS)


def _range(claim: Within) -> str:
    unit = " %" if METRICS[claim.of].unit == "percent" else ""
    low, high = scaled(claim.of, claim.low), scaled(claim.of, claim.high)
    pattern = gettext("{low} to {high}{unit} in {runs} runs")
    return pattern.format(low=f"{low:g}", high=f"{high:g}", unit=unit, runs=claim.runs)


def matters_words(claim: Claim) -> str:
    """Return the smallest effect that matters: `1 point of test accuracy`."""
    match claim:
        case Rate():
            share = f"{claim.than:.0%}"
            return gettext("a share on the claimed side of {share}").format(share=share)
        case Within():
            return gettext("to lie outside {range}").format(range=_range(claim))
        case Identity():
            return gettext("a deviation above {size}").format(size=f"{claim.tolerance:g}")
        case Ordering():
            return gettext("a rank correlation of {size}").format(size=f"{claim.matters:g}")
        case Trend() | Slope():
            return SLOPES[claim.per]().format(amount=_least(claim))
    return _least(claim)


def _least(claim: Tested | Boundary) -> str:
    words, unit = metric_words(claim.of), METRICS[claim.of].unit
    size = scaled(claim.of, claim.matters)
    if claim.by_ratio:
        pattern = gettext("a factor of {size} in {metric}")
        size = claim.matters
    elif unit == "percent":
        pattern = ngettext("{size} point of {metric}", "{size} points of {metric}", _number(size))
    elif unit == "nats":
        pattern = ngettext("{size} nat of {metric}", "{size} nats of {metric}", _number(size))
    elif unit == "seconds":
        pattern = ngettext("{size} second of {metric}", "{size} seconds of {metric}", _number(size))
    else:
        pattern = gettext("{size} in {metric}")
    return pattern.format(size=f"{size:g}", metric=words)


def _number(size: float) -> int:
    """Return 1 where a noun stands in the singular."""
    return 1 if size == 1 else 2


def side(claim: Tested, estimate: float) -> int:
    """Return where an estimate lies: below the margin (−1), within it (0) or above it (1)."""
    effect = to_logarithm(estimate) if claim.by_ratio else estimate
    return 0 if abs(effect) < claim.margin else int(math.copysign(1, effect))


def shared_words(finding: Finding) -> str:
    """Return what the effect would be at the levels best for the other arm, if that is known."""
    claim = finding.claim
    if finding.shared is None or not isinstance(claim, Difference | Equivalence):
        return ""
    levels = {k: v for k, v in finding.against.best.items() if k in finding.arm.best}
    shared = listed(f"{axis_words(path)} {level_words(level)}" for path, level in levels.items())
    same = side(claim, finding.shared) == side(claim, finding.estimate)
    pattern = gettext(
        "With {levels} in both arms, the best for {arm}, the effect would be: {effect}. "
        "That is on another side of what matters, so the answer hangs on tuning each arm."
    )
    if same:
        pattern = gettext(
            "With {levels} in both arms, the best for {arm}, the effect would be: {effect}. "
            "That is on the same side of what matters."
        )
    effect = size_words(claim, finding.shared)
    return pattern.format(levels=shared, arm=arm_words(claim.against), effect=effect)


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
        pattern = ngettext("{level} ({n} of {all} seed)", "{level} ({n} of {all} seeds)", total)
        levels = listed(
            pattern.format(level=_level_words(level), n=count, all=total)
            for level, count in counts.items()
        )
        said.append(
            gettext("{arm}: {axis} {levels}").format(arm=name, axis=axis_words(path), levels=levels)
        )
    return said

"""The difference between two result sets in words."""

from __future__ import annotations

import math

from reports.environment import Difference, differences
from reports.quantities import MINUS, NBSP, bracketed, decimals, p_words, scaled, written
from reports.words import listed
from suite.claims import Claim, Counted, Identity, Ordering
from suite.evidence.comparison import ClaimChange, Comparison
from suite.evidence.sameness import Trials
from suite.metrics import METRICS
from suite.wording import counted

UNITS = {"percent": "points", "nats": "nats", "seconds": "seconds"}


def change_words(change: ClaimChange) -> str:
    """Return how B's effect differs from A's: `+0.4 points [−0.2, 1.0], n = 5 pairs, q = 0.31`."""
    if change.equal:
        return "equal in every seed"
    if not math.isfinite(change.estimate):
        return "not comparable"
    size = size_of_change(change.claim, change.estimate, *change.interval)
    return ", ".join(filter(None, (size, n_words(change), q_words(change))))


def n_words(change: ClaimChange) -> str:
    """Return how many seeds a comparison rests on."""
    words = counted(change.n, "pair" if change.paired else "unpaired seed")
    return words.replace(" ", NBSP)


def q_words(change: ClaimChange) -> str:
    """Return the p value after correction; empty where nothing was tested."""
    if math.isnan(change.adjusted_p):
        return ""
    q = p_words(change.adjusted_p)
    return f"q {q}" if q.startswith("<") else f"q = {q}"


def size_of_change(claim: Claim, estimate: float, low: float, high: float) -> str:
    """Return the effect in B less that in A with its interval, or on a ratio scale their ratio."""
    if isinstance(claim, Identity):
        return f"{_signed(estimate, f'{abs(estimate):.2g}')} in the largest deviation"
    if getattr(claim, "scale", "") == "ratio":
        digits = decimals((high - low) / 2, estimate)
        return f"×{written(estimate, digits)} {bracketed(low, high, digits)}".rstrip()
    unit = _unit(claim)
    if isinstance(claim, Counted):
        estimate, low, high = (100 * value for value in (estimate, low, high))
    elif not isinstance(claim, Ordering):
        estimate, low, high = (scaled(claim.of, value) for value in (estimate, low, high))
    digits = decimals((high - low) / 2, estimate) if estimate else 0
    text = f"{_signed(estimate, written(abs(estimate), digits))} {unit}".rstrip()
    return f"{text} {bracketed(low, high, digits)}".rstrip()


def _unit(claim: Claim) -> str:
    if isinstance(claim, Counted):
        return "points of the share of seeds"
    if isinstance(claim, Ordering):
        return "in the rank correlation"
    return UNITS.get(METRICS[claim.of].unit, "")


def _signed(value: float, text: str) -> str:
    if value == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def trials_words(trials: Trials) -> str:
    """Say how many trials are equal: `All 8,465 trials that both have are equal bit for bit.`."""
    if not trials.shared:
        return "No trial is in both sets."
    shared = counted(trials.shared, "trial")
    words = f"All {shared} that both have are equal bit for bit"
    if trials.differing:
        equal = f"{trials.equal:,} are" if trials.equal else "none is"
        words = f"Of {shared} that both have, {equal} equal bit for bit"
    if trials.timed:
        words += f"; {trials.timed:,} of the others ran alone to be timed"
    if trials.other_data:
        words += f"; {trials.other_data:,} saw other data or another split"
    sides = {"A": trials.only_a, "B": trials.only_b}
    alone = [f"{counted(count, 'trial')} in {side} only" for side, count in sides.items() if count]
    return f"{words}; {listed(alone)}." if alone else f"{words}."


def environment_differences(comparison: Comparison) -> list[Difference]:
    """Return in what the sets' records say they ran in different places."""
    return differences(
        (record for study in comparison.studies for record in study.a.records),
        (record for study in comparison.studies for record in study.b.records),
    )

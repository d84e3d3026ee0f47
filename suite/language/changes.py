"""The difference between two result sets in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from suite.evidence.comparison import ClaimChange, Comparison
from suite.evidence.trials import Trials
from suite.language.catalogue import gettext, ngettext
from suite.language.provenance import Discrepancy, differences
from suite.language.quantities import MINUS, NBSP, bracketed, decimal, decimals, p_words, scaled
from suite.language.words import clauses, comma, sentence, trials_words
from suite.vocabulary.claims import Boundary, Claim, Counted, Identity, Ordering
from suite.vocabulary.metrics import METRICS

SIZES: Mapping[str, Callable[[], str]] = {
    "percent": lambda: gettext("{size} points {interval}"),
    "nats": lambda: gettext("{size} nats {interval}"),
    "seconds": lambda: gettext("{size} seconds {interval}"),
}


def change_words(change: ClaimChange) -> str:
    """Return how B's effect differs from A's: `+0.4 points [−0.2, 1.0], 5 pairs, q = 0.31`."""
    if change.equal:
        return gettext("equal in every seed")
    if not math.isfinite(change.estimate):
        return gettext("not comparable")
    size = size_of_change(change.claim, change.estimate, *change.interval)
    return comma(filter(None, (size, n_words(change), q_words(change))))


def n_words(change: ClaimChange) -> str:
    """Return how many seeds a comparison rests on."""
    pattern = ngettext("{n} unpaired seed", "{n} unpaired seeds", change.n)
    if change.paired:
        pattern = ngettext("{n} pair", "{n} pairs", change.n)
    return pattern.format(n=f"{change.n:,}").replace(" ", NBSP)


def q_words(change: ClaimChange) -> str:
    """Return the p value after correction; empty where nothing was tested."""
    if math.isnan(change.adjusted_p):
        return ""
    q = p_words(change.adjusted_p)
    return f"q {q}" if q.startswith("<") else f"q = {q}"


def size_of_change(claim: Claim, estimate: float, low: float, high: float) -> str:
    """Return the effect in B less that in A with its interval, or on a ratio scale their ratio."""
    if isinstance(claim, Identity):
        size = _signed(estimate, f"{abs(estimate):.2g}")
        return gettext("{size} in the largest deviation").format(size=size)
    if isinstance(claim, Boundary):
        pattern = gettext("{change} in the effect at the middle of the claimed range")
        return pattern.format(change=_size(claim, estimate, low, high))
    return _size(claim, estimate, low, high)


def _size(claim: Claim, estimate: float, low: float, high: float) -> str:
    if claim.by_ratio:
        digits = decimals((high - low) / 2, estimate)
        return f"×{decimal(estimate, digits)} {bracketed(low, high, digits)}".rstrip()
    if isinstance(claim, Counted):
        estimate, low, high = (100 * value for value in (estimate, low, high))
    elif not isinstance(claim, Ordering):
        estimate, low, high = (scaled(claim.of, value) for value in (estimate, low, high))
    digits = decimals((high - low) / 2, estimate) if estimate else 0
    size, interval = decimal(abs(estimate), digits), bracketed(low, high, digits)
    return _pattern(claim).format(size=_signed(estimate, size), interval=interval).rstrip()


def _pattern(claim: Claim) -> str:
    if isinstance(claim, Counted):
        return gettext("{size} points of the share of seeds {interval}")
    if isinstance(claim, Ordering):
        return gettext("{size} in the rank correlation {interval}")
    return SIZES.get(METRICS[claim.of].unit, lambda: "{size} {interval}")()


def _signed(value: float, text: str) -> str:
    if value == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def sameness_words(trials: Trials) -> str:
    """Say how many trials are equal: `All 8,465 trials that both have are equal bit for bit.`."""
    taken = gettext("{n} were taken from elsewhere and are not compared")
    said = [taken.format(n=f"{trials.taken:,}")] if trials.taken else []
    if not trials.shared:
        return sentence(clauses([gettext("No trial is in both sets"), *said]))
    said = [_equal_words(trials), *said]
    if trials.timed:
        timed = gettext("{n} of the others ran alone to be timed")
        said.append(timed.format(n=f"{trials.timed:,}"))
    if trials.other_data:
        other = gettext("{n} saw other data or another split")
        said.append(other.format(n=f"{trials.other_data:,}"))
    if trials.only_a or trials.only_b:
        said.append(_alone_words(trials))
    return sentence(clauses(said))


def _equal_words(trials: Trials) -> str:
    if not trials.differing:
        pattern = ngettext(
            "The one trial that both have is equal bit for bit",
            "All {n} trials that both have are equal bit for bit",
            trials.shared,
        )
        return pattern.format(n=f"{trials.shared:,}")
    pattern = gettext("Of {trials} that both have, none is equal bit for bit")
    if trials.equal:
        pattern = ngettext(
            "Of {trials} that both have, {n} is equal bit for bit",
            "Of {trials} that both have, {n} are equal bit for bit",
            trials.equal,
        )
    return pattern.format(trials=trials_words(trials.shared), n=f"{trials.equal:,}")


def _alone_words(trials: Trials) -> str:
    a, b = trials_words(trials.only_a), trials_words(trials.only_b)
    if trials.only_a and trials.only_b:
        return gettext("{a} in A only and {b} in B only").format(a=a, b=b)
    pattern = gettext("{trials} in {side} only")
    return pattern.format(trials=a if trials.only_a else b, side="A" if trials.only_a else "B")


def environment_differences(comparison: Comparison) -> list[Discrepancy]:
    """Return in what the sets' records say they ran in different places."""
    return differences(
        (record for study in comparison.studies for record in study.a.records),
        (record for study in comparison.studies for record in study.b.records),
    )

"""Seeds against tricks: a notebook's own results, read once more.

The rule is that seeds differ by more than most tricks gain (Bouthillier et al., 2021). It has no
trials of its own. Each rule of the notebook that compares test accuracy gives one number: whether
what it moves is less than one standard deviation over seeds of the arm it is compared with. The
share of rules of which that is so is tested against one half, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from scipy import stats

from suite.evidence.findings import Finding
from suite.evidence.reasons import Verdict
from suite.evidence.results import Results
from suite.evidence.significance import ALPHA
from suite.vocabulary.claims import Difference, Equivalence
from suite.vocabulary.study import FOLKLORE

METRIC = "test/accuracy"
SOURCE = "Seeds differ by more than most tricks gain"
CITES = "Bouthillier et al. 2021"
LEAST = 6  # rules, below which even unanimity is luck at 5 %


@dataclass(frozen=True)
class Trick:
    """A rule that compares test accuracy.

    Attributes:
        claim: the number of its claim in its study, from 0.
        spread: standard deviation over seeds of the arm that it is compared with.
    """

    study: str
    claim: int
    finding: Finding
    spread: float

    @property
    def effect(self) -> float:
        return abs(self.finding.estimate)

    @property
    def is_smaller(self) -> bool:
        """Whether it moves accuracy by less than one standard deviation over seeds."""
        return self.effect < self.spread


@dataclass(frozen=True)
class Tricks:
    """Every trick, the largest effect first, and what their share says."""

    all: tuple[Trick, ...]

    @property
    def smaller(self) -> int:
        """How many move accuracy by less than one standard deviation over seeds."""
        return sum(trick.is_smaller for trick in self.all)

    @property
    def median_effect(self) -> float:
        return median(trick.effect for trick in self.all)

    @property
    def median_spread(self) -> float:
        return median(trick.spread for trick in self.all)

    @property
    def p(self) -> float:
        """Of a share of one half, two-sided and exact."""
        return float(stats.binomtest(self.smaller, len(self.all)).pvalue)

    @property
    def interval(self) -> tuple[float, float]:
        """The share's 95 % interval (Clopper and Pearson, 1934)."""
        low, high = stats.binomtest(self.smaller, len(self.all)).proportion_ci(method="exact")
        return float(low), float(high)

    @property
    def verdict(self) -> Verdict:
        if len(self.all) < LEAST or self.p >= ALPHA:
            return Verdict.UNDECIDED
        return Verdict.SUPPORTED if 2 * self.smaller > len(self.all) else Verdict.REFUTED


def tricks(all_results: Sequence[Results]) -> Tricks | None:
    """Return the tricks of the practitioners' notebook; None if it has none with two seeds here."""
    found = sorted(_tricks(all_results), key=lambda trick: trick.effect, reverse=True)
    return Tricks(tuple(found)) if found else None


def _tricks(all_results: Sequence[Results]) -> Iterator[Trick]:
    """Yield, of each rule, the first claim that compares test accuracy."""
    seen = set()
    for results in all_results:
        if results.study.notebook != FOLKLORE:
            continue
        for i, finding in enumerate(results.findings):
            claim = finding.claim
            compares = isinstance(claim, Difference | Equivalence) and not claim.by_ratio
            if not compares or claim.of != METRIC or claim.source in seen:
                continue
            spread = float(finding.seeds["against"].std(ddof=1)) if finding.n > 1 else math.nan
            if math.isfinite(spread) and math.isfinite(finding.estimate):
                seen.add(claim.source)
                yield Trick(results.study.name, i, finding, spread)

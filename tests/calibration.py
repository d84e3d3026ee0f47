"""How often the verdict code is wrong, measured on results whose truth is known.

`python tests/calibration.py` prints the table of docs/evidence.md, from a thousand families a row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

import numpy as np

from suite.evidence.effects import decide
from suite.evidence.reasons import Verdict
from suite.evidence.significance import Test, holm, t_test
from suite.vocabulary.claims import Difference, Equivalence, Tested

FAMILY = 5  # claims that are corrected together


def claim(kind: str, margin: float) -> Tested:
    common = {"of": "test/accuracy", "arm": {}, "against": {}, "says": "", "source": ""}
    if kind == "equivalence":
        return Equivalence(matters=margin, **common)
    return Difference(matters=margin, direction="higher", **common)


@dataclass(frozen=True)
class Rates:
    """What became of many families of claims with the same truth.

    Attributes:
        per_claim: share of claims with each verdict.
        any_supported, any_no_effect: share of families with at least one such verdict.
        coverage: share of 95 % intervals that hold the true effect.
        exaggeration: mean |estimate| over |effect| among supported claims (type M error).
    """

    per_claim: dict[Verdict, float]
    any_supported: float
    any_no_effect: float
    coverage: float
    exaggeration: float


def simulate(
    *, n: int, effect: float, margin: float, kind: str = "difference", families: int, seed: int = 0
) -> Rates:
    """Draw paired differences with standard deviation 1 and put them to the verdict code."""
    rng = np.random.default_rng(seed)
    drawn = claim(kind, margin)
    verdicts, covered, sizes = [], [], []
    for _ in range(families):
        tests = [t_test(rng.normal(effect, 1.0, n), margin) for _ in range(FAMILY)]
        reached = list(judge(drawn, tests))
        verdicts.append(reached)
        covered += [test.low <= effect <= test.high for test in tests]
        pairs = zip(tests, reached, strict=True)
        sizes += [abs(test.estimate) for test, one in pairs if one is Verdict.SUPPORTED]
    flat = [one for family in verdicts for one in family]
    return Rates(
        per_claim={one: flat.count(one) / len(flat) for one in Verdict},
        any_supported=float(np.mean([Verdict.SUPPORTED in family for family in verdicts])),
        any_no_effect=float(np.mean([Verdict.NO_EFFECT in family for family in verdicts])),
        coverage=float(np.mean(covered)),
        exaggeration=float(np.mean(sizes)) / abs(effect) if sizes and effect else float("nan"),
    )


def judge(drawn: Tested, tests: list[Test]) -> Iterator[Verdict]:
    # statsmodels collects garbage at every call: 50 ms a family, and nothing to collect.
    with mock.patch("gc.collect"):
        adjusted = holm([test.p for test in tests])
        adjusted_margin = holm([test.p_margin for test in tests])
    for test, p, p_margin in zip(tests, adjusted, adjusted_margin, strict=True):
        yield decide(drawn, test, p, p_margin)[0]


def lines(families: int) -> Iterator[str]:
    yield "| n | false *supported*, no effect | false *no meaningful effect*, effect at the margin | coverage | power, effect twice the margin | exaggeration | *no meaningful effect*, no effect |"
    yield "|---|---|---|---|---|---|---|"
    for n in (5, 8, 10, 16, 20):
        null = simulate(n=n, effect=0.0, margin=1.0, families=families)
        tight = simulate(n=n, effect=0.0, margin=0.1, families=families)
        edge = simulate(n=n, effect=1.0, margin=1.0, families=families)
        real = simulate(n=n, effect=2.0, margin=1.0, families=families)
        yield (
            f"| {n} | {max(null.any_supported, tight.any_supported):.1%} of families "
            f"| {edge.any_no_effect:.1%} of families | {null.coverage:.1%} "
            f"| {real.per_claim[Verdict.SUPPORTED]:.0%} | {real.exaggeration:.2f} "
            f"| {null.per_claim[Verdict.NO_EFFECT]:.0%} |"
        )


if __name__ == "__main__":
    for line in lines(int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        print(line, flush=True)

"""The error rates that docs/evidence.md states hold: a fast look; the large one is a session."""

from __future__ import annotations

import pytest
from scipy import stats

from suite.evidence.reasons import Verdict
from tests.calibration import simulate

FAMILIES = 400


def no_more_than(share: float, limit: float, of: int = FAMILIES) -> bool:
    """Whether a share seen in a sample is compatible with a true one of at most `limit`."""
    events = round(share * of)
    return bool(stats.binomtest(events, of, limit, alternative="greater").pvalue > 0.001)


@pytest.mark.parametrize("margin", [0.1, 1.0])
def test_without_an_effect_few_families_have_a_supported_claim(margin: float) -> None:
    rates = simulate(n=5, effect=0.0, margin=margin, families=FAMILIES)
    assert no_more_than(rates.any_supported, 0.05)


def test_an_effect_at_the_margin_is_seldom_called_meaningless() -> None:
    rates = simulate(n=10, effect=1.0, margin=1.0, families=FAMILIES)
    assert no_more_than(rates.any_no_effect, 0.05)
    assert no_more_than(rates.per_claim[Verdict.REFUTED], 0.05)


def test_an_equivalence_is_seldom_supported_at_its_margin() -> None:
    rates = simulate(n=10, effect=1.0, margin=1.0, kind="equivalence", families=FAMILIES)
    assert no_more_than(rates.any_supported, 0.05)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rates = simulate(n=5, effect=0.7, margin=1.0, families=FAMILIES)
    assert 0.93 <= rates.coverage <= 0.97


def test_a_large_effect_is_found_and_its_size_hardly_exaggerated() -> None:
    rates = simulate(n=10, effect=2.0, margin=1.0, families=100)
    assert rates.per_claim[Verdict.SUPPORTED] > 0.95
    assert rates.exaggeration < 1.05

"""The error rates that docs/evidence.md states hold: a fast look; the large one is a session."""

from __future__ import annotations

import itertools
from typing import Any
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from suite import Equivalence, Ordering, Trend
from tests.calibration import (
    LOOKS,
    NOISES,
    SHARE,
    Situation,
    advised,
    along,
    differences,
    families_of,
    images,
    interactions,
    judged,
    lost,
    ranges,
    rates,
    simulate,
    step_of,
    targets,
    thresholds,
    tuned,
)

FAMILIES = 300


def no_more_than(share: float, limit: float, of: int = FAMILIES) -> bool:
    """Whether a share seen in a sample is compatible with a true one of at most `limit`."""
    events = round(share * of)
    return bool(stats.binomtest(events, of, limit, alternative="greater").pvalue > 0.001)


PLAIN: list[Situation] = [
    differences("a difference", LOOKS, effect=0.8, matters=0.7),
    differences("an equivalence", 8, effect=2.0, kind=Equivalence),
    differences("a ratio", 5, effect=0.5, matters=0.2, ratio=True),
    images("images", LOOKS, 0.002),
    interactions(LOOKS, effect=2.0, matters=0.5),
    along(Trend, 10, 5, 0.5, matters=0.4),
    along(Trend, LOOKS, 3, discrete=True, matters=0.001, says="discrete"),
    along(Ordering, 5, 3, 0.5),
    along(Ordering, LOOKS, 2, 0.5),
    thresholds(5),
]


@pytest.mark.parametrize("situation", PLAIN, ids=lambda one: one.says)
def test_what_is_measured_fast_is_what_the_findings_say(situation: Situation) -> None:
    with mock.patch("suite.evidence.findings.Forecast.seeds_needed", return_value=0):
        slow = itertools.chain(*families_of(situation, 4))
        for finding, fast in zip(slow, itertools.chain(*judged(situation, 4)), strict=True):
            assert (finding.verdict, finding.reason) == (fast.verdict, fast.reason)
            assert finding.n == fast.n
            assert finding.interval == pytest.approx(fast.interval)


@pytest.mark.parametrize("seeds", [5, LOOKS], ids=str)
@pytest.mark.parametrize("noise", ["normal", "heavy tails (t, 3 degrees of freedom)"])
def test_without_an_effect_few_families_speak_of_one(seeds: Any, noise: str) -> None:
    found = simulate(differences("", seeds, noise=NOISES[noise], matters=0.1), FAMILIES)
    assert no_more_than(found.wrong, 0.05)
    assert found.covered > 0.93


@pytest.mark.parametrize(
    "situation",
    [
        images("1 or 2 of 360 images", 5, 0.002),
        images("7 of 360 images", 10, 0.01),
        interactions(5),
        along(Trend, 5, 3, discrete=True, matters=0.001, says="a trend of accuracies"),
        thresholds(5),
    ],
    ids=lambda one: one.says,
)
def test_so_it_is_for_every_kind_of_claim(situation: Situation) -> None:
    found = simulate(situation, FAMILIES)
    assert no_more_than(found.wrong, 0.05)
    assert found.covered > 0.93


@pytest.mark.parametrize(("levels", "seeds"), [(2, 3), (2, 5), (2, LOOKS), (3, 5)], ids=str)
def test_an_order_is_not_found_where_there_is_none(levels: int, seeds: Any) -> None:
    found = simulate(along(Ordering, seeds, levels, matters=0.1), 40)
    assert no_more_than(found.wrong, 0.05, 40)


@pytest.mark.parametrize("seeds", [5, 16], ids=str)
def test_an_effect_just_below_what_matters_is_seldom_called_large_enough(seeds: Any) -> None:
    for kind in ({}, {"kind": Equivalence}):
        found = simulate(differences("", seeds, effect=0.95, **kind), FAMILIES)
        assert no_more_than(found.sized, 0.025)


def test_an_effect_as_large_as_what_matters_is_seldom_called_small() -> None:
    assert no_more_than(simulate(differences("", 10, effect=1.0), FAMILIES).wrong, 0.05)


def test_a_large_effect_is_found_and_with_looks_by_few_seeds() -> None:
    assert simulate(differences("", 10, effect=3.0), 100).decided > 0.95
    with_looks = simulate(differences("", LOOKS, effect=3.0), 100)
    assert with_looks.decided > 0.95
    assert with_looks.seeds < 12


@pytest.mark.parametrize(
    "situation", [rates(8), ranges(5), lost(8, 0.2, SHARE), targets(5, 0.2), tuned(5, 5, 5)],
    ids=lambda one: one.says,
)  # fmt: skip
def test_lost_trials_targets_never_reached_and_tuning_deceive_few(situation: Situation) -> None:
    assert no_more_than(simulate(situation, 15).wrong, 0.05, 15)


def test_advice_on_more_seeds_is_right_four_times_in_five() -> None:
    found = advised(5, 5, families=12)
    decided = [one for _, one in found]
    assert 0.65 < np.mean(decided) < 0.93


def test_steps_give_the_rank_correlation_that_was_asked_for() -> None:
    values = np.random.default_rng(0).standard_normal((2000, 3)) + step_of(0.4, 3) * np.arange(3)
    taus = [stats.kendalltau(range(3), row).statistic for row in values]
    assert np.mean(taus) == pytest.approx(0.4, abs=0.04)

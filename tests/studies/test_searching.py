"""Searches look where they say they do."""

import numpy as np
import pytest

from studies import searching as study


@pytest.mark.parametrize(("settings", "values"), [(5, [2] * 5), (2, [8, 4, 1, 1, 1])])
def test_a_grid_has_every_combination_once(settings: int, values: list[int]) -> None:
    places = study.places("grid", settings, np.random.default_rng(0))
    assert [len(np.unique(column)) for column in places.T] == values
    assert len(np.unique(places, axis=0)) == study.TRIALS


@pytest.mark.parametrize("search", ["random", "Sobol"])
def test_others_try_a_new_value_of_each_setting_every_time(search: str) -> None:
    places = study.places(search, 5, np.random.default_rng(0))
    assert [len(np.unique(column)) for column in places.T] == [study.TRIALS] * 5
    assert places.min() >= 0 and places.max() <= 1

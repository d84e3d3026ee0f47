"""The schedules of the study of rates that fall."""

from __future__ import annotations

import pytest

from studies.schedules import drops, linear
from suite import Optimizer, Recipe
from suite.training.schedules import rates


def test_a_line_falls_by_as_much_in_every_step_and_drops_come_at_a_half_and_three_quarters() -> (
    None
):
    def over_eight(schedule: object) -> list[float]:
        recipe = Recipe(optimizer=Optimizer("sgd", lr=8.0), schedule=schedule)
        return list(map(rates(recipe, total_steps=8, steps_per_epoch=3), range(8)))

    assert over_eight(linear()) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert over_eight(drops()) == pytest.approx([8, 8, 8, 8, 0.8, 0.8, 0.08, 0.08])

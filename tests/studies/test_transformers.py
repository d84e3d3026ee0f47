"""Studies of transformers: their own parts do what they say."""

from __future__ import annotations

import pytest

from studies import positions, tied_embeddings, warm_up_and_norm
from suite import Recipe
from suite.models import build
from suite.training.schedules import rates


def ramp(share: float) -> list[float]:
    recipe = Recipe(schedule=warm_up_and_norm.ramp(share=share))
    rate = rates(recipe, total_steps=10, steps_per_epoch=10)
    return [rate(step) / recipe.optimizer.lr for step in range(10)]


def test_a_ramp_rises_over_its_share_of_the_budget_and_falls_to_its_end() -> None:
    assert ramp(0.2) == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])


def test_without_a_share_a_ramp_only_falls() -> None:
    assert ramp(0.0) == pytest.approx([1 - step / 10 for step in range(10)])


def test_attention_is_a_bag_unless_masked() -> None:
    bag, masked = (positions.permuted({"sees": sees}, 0) for sees in ("all", "before"))
    assert bag[positions.MOVED] < 1e-12 < 0.01 < masked[positions.MOVED]


def test_pieces_of_two_letters_are_fewer_and_of_more_kinds() -> None:
    letters, pairs = (
        tied_embeddings.surnames_in_pieces(letters=n).function()(letters=n) for n in (1, 2)
    )
    assert pairs.inputs.shape[1] < letters.inputs.shape[1]
    assert pairs.symbols > 10 * letters.symbols


@pytest.mark.parametrize("tied", [False, True])
def test_both_arms_of_tied_embeddings_have_a_bias_and_differ_by_one_table(tied: bool) -> None:
    network = build(tied_embeddings.next_piece(tied=tied), (14,), 27, 0, 27)
    assert network.head.bias is not None
    assert (network.head.weight is network.embedding.weight) == tied

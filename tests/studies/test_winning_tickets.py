"""Masks keep the largest weights, each round some of those before, and stay on through training."""

import torch

from studies import winning_tickets as study

WHERE = ("digits", (16, 8), 10, 0)


def test_each_round_keeps_the_asked_share_of_what_was_left() -> None:
    before = study.masks(WHERE, 0.45)
    for first, second, size in zip(before, study.masks(WHERE, 0.2), (64 * 16, 16 * 8), strict=True):
        assert second.sum() == round(0.2 * size)
        assert torch.all(first[second == 1] == 1)


def test_what_is_pruned_stays_away_and_starts_differ_as_they_say() -> None:
    masks = study.masks(WHERE, 0.2)
    weights = {}
    for start in study.STARTS:
        network = study.trained(WHERE, 1e-9, masks, start).network
        weights[start] = study.hidden(network)[0].weight.detach()
        assert torch.all(weights[start][masks[0] == 0] == 0)
    own, redrawn, signs = weights.values()
    assert torch.allclose(signs.abs(), redrawn.abs(), atol=1e-6)
    assert torch.equal(signs.sign(), own.sign())
    assert not torch.equal(redrawn.sign(), own.sign())

"""Update rules and a network that studies of folklore define: each with an answer that is known."""

from __future__ import annotations

import pytest
import torch

from studies.clipping import rows
from studies.momentum import sgd_by_effective_rate
from studies.muon import muon

SHAPES = ((6, 4), (5, 6), (3, 5), (6,), (5,), (3,))  # of an MLP's weights and biases


def parameters() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in SHAPES]


def stepped(rules: list[torch.optim.Optimizer], weights: list[torch.Tensor]) -> None:
    """Take three steps with the same drawn gradients."""
    generator = torch.Generator().manual_seed(2)
    for _ in range(3):
        for one in weights:
            one.grad = torch.randn(one.shape, generator=generator)
        for rule in rules:
            rule.step()


def test_muon_is_pytorchs_for_inner_matrices_and_adamw_for_the_rest() -> None:
    own, theirs = parameters(), parameters()
    stepped([muon.function()(own, 0.1)], own)
    inner, rest = [theirs[1]], [theirs[0], *theirs[2:]]
    stepped(
        [
            torch.optim.Muon(inner, lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=0.1, weight_decay=0.0),
        ],
        theirs,
    )
    assert not torch.equal(own[1], parameters()[1])
    torch.testing.assert_close(own[1], theirs[1], rtol=0, atol=0.01)  # theirs is in bfloat16
    for one, other in zip(own[:1] + own[2:], rest, strict=True):
        torch.testing.assert_close(one, other)


def test_an_effective_rate_is_what_a_lasting_gradient_moves_in_the_end() -> None:
    (weight,) = weights = [torch.zeros(1, requires_grad=True)]
    rule = sgd_by_effective_rate.function()(weights, 0.1, momentum=0.9)
    for _ in range(200):
        before = float(weight.detach())
        weight.grad = torch.ones(1)
        rule.step()
    assert before - float(weight.detach()) == pytest.approx(0.1, rel=1e-4)


def test_a_recurrent_network_reads_rows_from_the_first_to_the_last() -> None:
    network = rows.function()((1, 3, 4), 2, width=5)
    images = torch.randn(2, 1, 3, 4)
    states, _ = network.recurrent(images[:, 0])
    torch.testing.assert_close(network(images), network.head(states[:, 2]))

"""Ensembles and random features of the second notebook, where the answer is known."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from studies import double_descent, ensembles
from suite.training.losses import loss_of


def members(network: Any, images: torch.Tensor) -> list[torch.Tensor]:
    """Return what each member says, computed from its own weights alone."""
    weights, biases = network.first.weight.split(4), network.first.bias.split(4)
    return [
        last(F.linear(images.flatten(1), weight, bias).relu())
        for last, weight, bias in zip(network.last, weights, biases, strict=True)
    ]


def test_each_member_of_an_ensemble_trains_as_if_alone() -> None:
    network = ensembles.ensemble(members=3, width=4).function()((1, 4, 4), 5, members=3, width=4)
    images, targets = torch.rand(7, 1, 4, 4), torch.arange(7) % 5
    loss = loss_of(ensembles.each_alone())
    parameters = list(network.parameters())
    together = torch.autograd.grad(loss(network(images), targets), parameters)
    alone = [F.cross_entropy(said, targets) for said in members(network, images)]
    for one, other in zip(together, torch.autograd.grad(alone, parameters), strict=True):
        torch.testing.assert_close(one, other)


def test_an_ensemble_answers_with_the_mean_of_its_members_probabilities() -> None:
    network = ensembles.ensemble(members=3, width=4).function()((1, 4, 4), 5, members=3, width=4)
    images = torch.rand(7, 1, 4, 4)
    mean = torch.stack([said.softmax(1) for said in members(network, images)]).mean(0)
    torch.testing.assert_close(network(images)[0].softmax(1), mean)


def test_as_many_random_features_as_examples_fit_every_label_unless_penalised() -> None:
    cell = {"penalty": "none", "data": "digits", "random_labels": 0.2, double_descent.SIZE: 1.5}
    fitted = (
        double_descent.features(cell | other, 0)[double_descent.FITTED]
        for other in ({}, {double_descent.SIZE: 0.1}, {"penalty": "tuned"})
    )
    all_of_them, too_few, penalised = fitted
    assert all_of_them == 0
    assert too_few > 0.1
    assert penalised > 0.1

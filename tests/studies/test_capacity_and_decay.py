"""Random labels, the ball around the weights, and the two studies that need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from studies import capacity_and_overfitting, weight_decay
from suite import Budget, Data, Model, Optimizer, Recipe
from suite.data import load
from suite.ground.errors import RequestError
from suite.ground.identity import trial_id
from suite.training import train
from suite.training.update_rules import make_rule, project


def digits(share: float, examples: int = 1000) -> torch.Tensor:
    return load(Data("digits", train_examples=examples, random_labels=share), 0).train.targets


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_redrawn_label_is_another_nine_times_in_ten(share: float) -> None:
    changed = (digits(share) != digits(0.0)).float().mean().item()
    sd = (share * 0.9 * 0.1 / 1000) ** 0.5
    assert abs(changed - 0.9 * share) < 4 * sd


def test_random_labels_are_uniform_and_know_nothing_of_the_true_ones() -> None:
    true, drawn = digits(0.0).numpy(), digits(1.0).numpy()
    counts = np.bincount(drawn, minlength=10)
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # chi squared, 9 degrees of freedom, p = 0.001
    assert abs(np.corrcoef(true == 3, drawn == 3)[0, 1]) < 0.1


def test_only_training_labels_are_random() -> None:
    true, random = (load(Data("digits", random_labels=share), 3) for share in (0.0, 1.0))
    assert torch.equal(true.train.inputs, random.train.inputs)
    for one, other in ((true.validation, random.validation), (true.test, random.test)):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)
    assert true.digest != random.digest


def test_a_larger_share_redraws_the_same_examples_and_more() -> None:
    true, some, more = digits(0.0), digits(0.3), digits(0.6)
    touched = some != true
    assert torch.equal(some[touched], more[touched])


def test_random_labels_depend_on_the_seed_alone() -> None:
    data = Data("digits", random_labels=1.0)
    first = load(data, 1).train.targets.clone()
    load.cache_clear()
    assert torch.equal(first, load(data, 1).train.targets)
    assert not torch.equal(first, load(data, 2).train.targets)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_lies_between_nothing_and_everything(share: float) -> None:
    with pytest.raises(RequestError, match="random_labels must be at (least 0|most 1)"):
        Data("digits", random_labels=share)


def test_a_regression_has_no_labels_to_draw() -> None:
    with pytest.raises(RequestError, match="does not use 'random_labels'"):
        Data("synthetic_linear", random_labels=0.5)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_only_sgd_projects(name: Any) -> None:
    with pytest.raises(RequestError, match=f"'{name}' does not use 'max_norm'"):
        Optimizer(name, max_norm=1.0)


def test_a_ball_has_a_radius() -> None:
    with pytest.raises(RequestError, match="max_norm must be at least"):
        Optimizer(max_norm=0.0)


def test_off_is_the_recipe_as_it_was() -> None:
    plain = Recipe(data=Data("digits"), optimizer=Optimizer())
    off = Recipe(data=Data("digits", random_labels=0.0), optimizer=Optimizer(max_norm=None))
    assert trial_id(plain, 0) == trial_id(off, 0)


def test_all_parameters_are_projected_together() -> None:
    parameters = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    project(parameters, 2.5)
    assert [p.tolist() for p in parameters] == [[1.5, 0.0], [[2.0]]]
    project(parameters, 2.5)
    project(parameters, 100.0)
    assert [p.tolist() for p in parameters] == [[1.5, 0.0], [[2.0]]]


def test_nothing_is_at_the_centre_of_the_ball() -> None:
    parameters = [torch.zeros(3)]
    project(parameters, 1.0)
    assert parameters[0].tolist() == [0.0, 0.0, 0.0]


vectors = arrays.arrays(
    np.float64, 6, elements=st.floats(-100, 100, allow_subnormal=False, width=32)
)


@given(vectors, vectors, st.floats(0.01, 50))
def test_a_projection_is_the_nearest_point_of_the_ball(
    where: np.ndarray[Any, Any], other: np.ndarray[Any, Any], radius: float
) -> None:
    point = torch.from_numpy(where.copy())
    parameters = [point[:2].clone(), point[2:].clone().reshape(2, 2)]
    project(parameters, radius)
    found = torch.cat([p.flatten() for p in parameters])
    assert found.norm() <= radius * (1 + 1e-12)
    rival = torch.from_numpy(other.copy())
    project([rival], radius)
    assert (point - found).norm() <= (point - rival).norm() * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_wide_ball_changes_no_bit(momentum: float) -> None:
    found = []
    for radius in (None, 1e6):
        parameters = [torch.linspace(-1, 1, 7), torch.ones(2, 3)]
        optimizer = Optimizer(lr=0.1, momentum=momentum, weight_decay=0.1, max_norm=radius)
        rule = make_rule(optimizer, parameters)
        for _ in range(5):
            rule(parameters, [p.cos() for p in parameters], 0.1)
        found.append(torch.cat([p.flatten() for p in parameters]))
    assert torch.equal(*found)


def test_training_ends_inside_the_ball() -> None:
    recipe = Recipe(
        data=Data("digits", train_examples=100),
        model=Model("mlp", widths=(16,)),
        optimizer=Optimizer(lr=0.3, max_norm=2.0),
        budget=Budget(epochs=20),
    )
    curve = train(recipe, 0).curves["weights/norm"]
    assert all(norm <= 2.0 * (1 + 1e-5) for _, norm in curve)
    assert curve[-1][1] == pytest.approx(2.0, rel=1e-4)


@given(st.integers(0, 1000), st.sampled_from([0.01, 0.1, 1.0, 10.0]))
def test_constraint_and_penalty_meet(seed: int, decay: float) -> None:
    assert weight_decay.ridge({"decay": decay}, seed)[weight_decay.DISTANCE] < 1e-6


def test_a_stronger_penalty_is_a_smaller_ball() -> None:
    radii = [weight_decay.ridge({"decay": d}, 0)[weight_decay.RADIUS] for d in weight_decay.DECAYS]
    assert radii == sorted(radii, reverse=True)


def demonstration(start: str, decay: float, seed: int = 0) -> Mapping[str, float]:
    return weight_decay.demonstration({"start": start, "decay": decay}, seed)


@pytest.mark.parametrize("decay", [0.0, 3.0])
def test_the_unseen_shrinks_by_decay_alone(decay: float) -> None:
    assert demonstration("normal", decay)[weight_decay.NULL_ERROR] < 1e-12


def test_the_book_s_numbers_shrink_the_norm_by_what_400_steps_of_decay_do() -> None:
    shrunk = demonstration("normal", 3.0)[weight_decay.SHRUNK]
    assert shrunk == pytest.approx((1 - 0.003 * 3) ** 400, rel=0.2)


def test_all_zero_weights_err_by_what_the_truth_is_worth() -> None:
    errors = [demonstration("stay_zero", 0.0, s)[weight_decay.DEMO_TEST] for s in range(40)]
    # Half of: 200 weights of 0.01, a bias of 0.05 that is left out, noise of 0.01.
    assert np.mean(errors) == pytest.approx((200 * 0.01**2 + 0.05**2 + 0.01**2) / 2, rel=0.1)


@pytest.mark.parametrize(
    ("rule", "is_the_penalty"),
    [("sgd", True), ("momentum", True), ("adam", True), ("adamw", False)],
)
def test_which_rules_decay_by_the_penalty(rule: str, is_the_penalty: bool) -> None:
    error = weight_decay.update_rules({"rule": rule}, 0)[weight_decay.RULE_ERROR]
    assert (error < 1e-9) == is_the_penalty


def test_higher_degrees_fit_no_worse() -> None:
    cells = [{"examples": 25, "degree": degree} for degree in range(20)]
    errors = [
        capacity_and_overfitting.polynomial(cell, 0)[capacity_and_overfitting.TRAIN_ERROR]
        for cell in cells
    ]
    assert errors == sorted(errors, reverse=True)


def test_as_many_features_as_examples_fit_them_all() -> None:
    for width in (capacity_and_overfitting.FEATURE_EXAMPLES, 320):
        found = capacity_and_overfitting.features({"features": width}, 0)
        assert found[capacity_and_overfitting.TRAIN_ERROR] < 1e-6

"""The probes of four studies on linear models give known answers; XOR's data."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studies import gradient_descent, linear_regression, perceptron_xor, softmax_regression
from suite import Budget, Data, Model, Optimizer, Recipe
from suite.data import load
from suite.ground.errors import RequestError
from suite.training import calibration, train

# --- Gradient descent ------------------------------------------------------------------------


@given(rate=st.floats(0.001, 1.5), seed=st.integers(0, 1000))
def test_descent_on_a_square_is_compound_interest(rate: float, seed: int) -> None:
    if abs(rate - 0.5) > 0.01:  # at a factor near zero rounding is all that is left
        assert gradient_descent.square({"rate": rate}, seed)[gradient_descent.POSITION] < 1e-10


def test_only_a_step_of_sgd_is_rate_times_gradient() -> None:
    errors = {
        rule: gradient_descent.step_length({"rule": rule}, 0)[gradient_descent.RATIO]
        for rule in gradient_descent.RULES
    }
    assert errors["sgd"] < 1e-12
    assert min(errors["momentum"], errors["adam"]) > 1


@pytest.mark.parametrize(
    ("product", "crossed", "falls"),
    [(0.99, 0.0, True), (1.01, 1.0, True), (1.99, 1.0, True), (2.05, 1.0, False)],
)
def test_one_and_two_divide_the_rates(product: float, crossed: float, falls: bool) -> None:
    found = gradient_descent.quadratic({"rate_times_curvature": product}, 0)
    assert found[gradient_descent.CROSSED] == crossed
    assert (found[gradient_descent.GROWTH] < 0) == falls
    assert (gradient_descent.STEPS in found) == falls


# --- Linear regression -----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["least_squares", *linear_regression.DESCENTS])
def test_every_method_finds_the_books_weights(method: str) -> None:
    found = linear_regression.estimated(method, 1000, 0.01, 0)
    assert found == pytest.approx(linear_regression.TRUTH, abs=0.003)


def test_without_noise_the_second_input_and_the_first_explain_all() -> None:
    found = linear_regression.correlation({"sample": "1000"}, 0)
    assert found[linear_regression.SECOND] == pytest.approx(-3.4 / math.hypot(2, 3.4), abs=0.03)
    assert found[linear_regression.LEFT] == pytest.approx(4 / (4 + 3.4**2), abs=0.05)
    assert 0 < found[linear_regression.PARTIAL] < 1e-5


# --- Softmax regression ----------------------------------------------------------------------


def test_softmax_breaks_where_single_precision_ends() -> None:
    def broken(way: str, scale: int) -> tuple[float, float]:
        found = softmax_regression.numerics({"way": way, "scale": scale}, 0)
        return found[softmax_regression.BROKEN], found[softmax_regression.BROKEN_LOSS]

    assert broken("as_written", 1) == (0, 0)
    # The largest of ten normal logits is above ln(largest float32) / 50 in 32 % of the rows.
    assert broken("as_written", 50)[0] == pytest.approx(0.32, abs=0.05)
    assert broken("less_the_largest", 1000)[0] == 0
    assert broken("less_the_largest", 1000)[1] > 0.8
    assert broken("log_sum_exp", 1000) == (0, 0)


def calibration_error(logits: torch.Tensor, targets: torch.Tensor) -> float:
    return calibration.calibration_error(logits.softmax(1), targets)


def test_calibration_error_is_the_gap_between_confidence_and_share_right() -> None:
    logits = torch.tensor([[0.8, 0.2]]).log().repeat(10, 1)
    targets = torch.tensor([0] * 6 + [1] * 4)
    assert calibration_error(logits, targets) == pytest.approx(0.2)
    assert calibration_error(logits[:5], targets[2:7]) == pytest.approx(0.0, abs=1e-6)
    # Gaps of opposite sign in different bins do not cancel: 0.2 over, then 0.1 under.
    other = torch.tensor([[0.9, 0.1]]).log().repeat(10, 1)
    both = torch.cat([logits, other]), torch.cat([targets, torch.zeros(10, dtype=torch.int64)])
    assert calibration_error(*both) == pytest.approx(0.15)


@given(n=st.integers(1, 50), classes=st.integers(2, 5), seed=st.integers(0, 100))
def test_calibration_error_is_a_fraction(n: int, classes: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    logits = 100 * torch.randn(n, classes, generator=draw)
    assert 0 <= calibration_error(logits, torch.randint(classes, (n,), generator=draw)) <= 1


# --- XOR and the perceptron ------------------------------------------------------------------


def test_xor_has_as_many_points_of_each_corner_in_every_split() -> None:
    examples = load(Data("xor", noise=0.1, train_examples=40), 0)
    for split in examples[:3]:
        signs = split.inputs.sign()
        assert ((split.inputs - signs).abs() < 0.6).all()
        assert torch.equal(split.targets, (signs.prod(1) < 0).long())
        corners = torch.unique(signs, dim=0, return_counts=True)[1]
        assert corners.tolist() == [len(split) / 4] * 4
    assert examples.outputs == 2
    with pytest.raises(RequestError, match="'xor' does not use 'image_size'"):
        Data("xor", image_size=32)


@given(seed=st.integers(0, 10_000))
def test_no_line_does_better_than_three_corners(seed: int) -> None:
    cell = {"directions": 90, "spread": 0.1}
    assert perceptron_xor.best_line(cell, seed)[perceptron_xor.BEST_LINE] == 0.75


def test_where_the_corners_melt_away_a_line_may_do_a_little_better() -> None:
    # So 75 % above is a finding and not a constant.
    found = perceptron_xor.best_line({"directions": 90, "spread": 1.0}, 0)
    assert 0.5 < found[perceptron_xor.BEST_LINE] < 0.75


@given(seed=st.integers(0, 10_000), margin=st.sampled_from([0.05, 0.1, 0.3]))
def test_the_perceptron_keeps_within_its_bound(seed: int, margin: float) -> None:
    found = perceptron_xor.perceptron({"margin": margin}, seed)
    assert found[perceptron_xor.BEYOND] == 0
    assert 1 <= found[perceptron_xor.MISTAKES] <= 2 / margin**2 * 1.1


def test_eight_units_solve_xor_and_a_line_does_not() -> None:
    def accuracy(*widths: int) -> float:
        recipe = Recipe(
            data=Data("xor", noise=0.1),
            model=Model("mlp", widths=widths),
            optimizer=Optimizer("adam", lr=0.05),
            batch_size=200,
            budget=Budget(epochs=150, evaluations=1),
        )
        return train(recipe, 0).final["test/accuracy"]

    assert accuracy(8) == 1.0
    assert accuracy() <= 0.75

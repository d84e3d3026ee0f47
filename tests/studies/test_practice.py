"""Studies of practice: their probes give known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch.nn import functional as F

from studies import float16_range, initialisation, layers, model_selection
from suite import Data
from suite.data import load
from suite.ground.errors import RequestError
from suite.training.calibration import calibration_error, probabilities
from suite.training.step import LOSSES

STUDIES = (
    "layers",
    "float16_range",
    "initialisation",
    "model_selection",
    "classification_losses",
    "device_use",
)


def test_the_formulas_count_the_networks_of_the_book() -> None:
    assert layers.linear_formula([784, 10]) == (7850, 7840)
    assert layers.linear_formula([784, 256, 10])[0] == 203_530
    parameters, work = layers.lenet_formula(28, 10)
    assert parameters == 61_706
    assert work == 117_600 + 240_000 + 48_000 + 10_080 + 840


@pytest.mark.parametrize(
    ("multiplies_by", "without", "moves"), [("weight", 0, True), ("weight.data", 2, False)]
)
def test_a_layer_that_multiplies_by_data_gets_no_gradient(
    multiplies_by: str, without: int, moves: bool
) -> None:
    found = layers.custom({"multiplies_by": multiplies_by}, 0)
    assert found[layers.WITHOUT] == without
    assert (found[layers.MOVED] > 0) is moves


def test_an_initialiser_misses_the_weights_in_a_plain_list() -> None:
    assert layers.nested({"kept_in": "ModuleList"}, 0)[layers.UNREACHED] == 0
    assert layers.nested({"kept_in": "list"}, 0)[layers.UNREACHED] == 3 * 16


def test_probes_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    layers.tied({}, 0)
    float16_range.passes({"format": "float16", "scale": 1.0}, 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_ranges_found_by_trying_are_those_torch_states(name: str) -> None:
    found = float16_range.numbers({"format": name}, 0)
    info = torch.finfo(getattr(torch, name))
    assert found[float16_range.LARGEST] + 65504 == info.max
    assert found[float16_range.REACH] + 127 == math.floor(math.log2(info.max))


@pytest.mark.parametrize(
    ("weights", "activation", "per_layer"),
    [("xavier", "relu", 0.5), ("he", "relu", 1.0), ("default", "relu", 1 / 6)],
)
def test_a_layer_changes_the_gradient_as_theory_says(
    weights: str, activation: str, per_layer: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initialisation, "accuracy", lambda *_: 0.0)
    cell = {"weights": weights, "activation": activation}
    found = [initialisation.start(cell, seed)[initialisation.BACKWARD] for seed in range(10)]
    assert sum(found) / 10 == pytest.approx(math.log10(per_layer), abs=0.05)


def test_equal_units_stay_equal_and_others_do_not() -> None:
    def apart(weights: str) -> float:
        cell = {"weights": weights, "activation": "tanh"}
        return initialisation.symmetry(cell, 0)[initialisation.UNEQUAL]

    assert apart("constant") < 1e-9
    assert apart("xavier") > 0.1


def test_the_output_layer_is_that_of_ridge_regression() -> None:
    pixels, classes, draw = model_selection._digits(0)
    train = torch.randperm(len(pixels), generator=draw)[:300]
    wanted = np.eye(10)[classes[train]] - 0.1
    ridge = Ridge(alpha=0.1, fit_intercept=False).fit(pixels[train].double(), wanted)
    expected = ridge.predict(pixels.double()).argmax(1) == classes.numpy()
    found = model_selection._right(pixels[None], classes, train, 0.1)[0].bool().numpy()
    assert (found == expected).mean() > 0.999  # ties within float32


def test_the_best_of_one_does_not_disappoint_on_average() -> None:
    found = [model_selection.reuse({"models": 1}, seed) for seed in range(3)]
    assert abs(sum(one[model_selection.DISAPPOINTMENT] for one in found)) / 3 < 0.01


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "mse"])
def test_losses_of_classes_are_least_at_the_truth_and_mean_over_examples(name: str) -> None:
    classes = torch.tensor([0, 2, 1, 2])
    outputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss = LOSSES[name]
    right = F.one_hot(classes, 3).double()
    assert loss(right, classes) < loss(1 - right, classes)
    halves = (loss(outputs[:2], classes[:2]) + loss(outputs[2:], classes[2:])) / 2
    assert float(loss(outputs, classes)) == pytest.approx(float(halves))


def test_losses_have_known_values() -> None:
    outputs, classes = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([1])
    expected = {
        "cross_entropy": math.log(2),
        "mse_one_hot": 1.0,
        "multi_margin": 1.0,
        "binary_cross_entropy": 2 * math.log(2),
        "focal": math.log(2) / 4,
        "label_smoothing": math.log(2),
    }
    for name, value in expected.items():
        assert float(LOSSES[name](outputs, classes)) == pytest.approx(value), name


def test_calibration_error_is_the_distance_between_confidence_and_accuracy() -> None:
    confident = torch.tensor([[0.9, 0.1]] * 10)
    right = torch.tensor([0] * 9 + [1])
    assert calibration_error(confident, right) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(confident, torch.zeros(10, dtype=torch.int64)) == pytest.approx(0.1)
    # Too sure and too unsure make up for each other in one bin and not across two.
    mixed = torch.tensor([[0.99, 0.01], [0.61, 0.39]])
    assert calibration_error(mixed, torch.tensor([1, 0])) == pytest.approx((0.99 + 0.39) / 2)
    assert calibration_error(torch.eye(2), torch.tensor([0, 1])) == 0.0


def test_outputs_are_probabilities_as_their_loss_reads_them() -> None:
    outputs = torch.tensor([[2.0, -1.0, 0.0]])
    assert probabilities(outputs, LOSSES["mse_one_hot"]).tolist() == [[1.0, 0.0, 0.0]]
    assert torch.equal(probabilities(outputs, LOSSES["binary_cross_entropy"]), outputs.sigmoid())
    assert torch.equal(probabilities(outputs, LOSSES["focal"]), outputs.softmax(1))


def test_merged_classes_keep_the_examples_and_the_splits() -> None:
    whole, odd = (load(Data("digits", classes=classes), 0) for classes in (None, 2))
    assert odd.outputs == 2
    assert torch.equal(odd.test.inputs, whole.test.inputs)
    assert torch.equal(odd.train.targets, whole.train.targets % 2)
    assert odd.digest != whole.digest
    with pytest.raises(RequestError, match="10 classes to merge"):
        load(Data("digits", classes=11), 0)
    with pytest.raises(RequestError, match="does not use 'classes'"):
        Data("synthetic_linear", classes=2)

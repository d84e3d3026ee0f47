"""Fields refuse what is wrong in one line and give what is right one form."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import Budget, Data, Model, Optimizer, Recipe, Schedule
from suite.ground.errors import RequestError, nearest
from suite.ground.fields import normalised, parse, replace_at

REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: Optimizer(lrr=0.1),  # type: ignore[call-arg]
        "Optimizer has no field 'lrr' (did you mean 'lr'?)",
    ),
    (
        lambda: Optimizer(zzzzzz=0.1),  # type: ignore[call-arg]
        "Optimizer has no field 'zzzzzz' (choose from name, lr, momentum, nesterov, "
        "weight_decay, decays, max_norm, betas, eps)",
    ),
    (lambda: Data("digits", noise=0.5), "Data 'digits' does not use 'noise'"),
    (
        lambda: Optimizer("sdg"),  # type: ignore[arg-type]
        "Optimizer.name cannot be 'sdg' (did you mean 'sgd'?)",
    ),
    (
        lambda: Model("perceptron"),  # type: ignore[arg-type]
        f"Model.name cannot be 'perceptron' (choose from {', '.join(Model.known)})",
    ),
    (
        lambda: Optimizer(lr="fast"),  # type: ignore[arg-type]
        "Optimizer.lr must be a number, not 'fast'",
    ),
    (lambda: Optimizer(lr=True), "Optimizer.lr must be a number, not True"),
    (lambda: Optimizer(lr=float("nan")), "Optimizer.lr must be a number, not nan"),
    (lambda: Optimizer(lr=float("inf")), "Optimizer.lr must be a number, not inf"),
    (lambda: Optimizer(lr=-0.1), "Optimizer.lr must be at least 0, not -0.1"),
    (lambda: Model(dropout=1.0), "Model.dropout must be at most 0.999, not 1.0"),
    (
        lambda: Optimizer(nesterov=1, momentum=0.9),  # type: ignore[arg-type]
        "Optimizer.nesterov must be true or false, not 1",
    ),
    (
        lambda: Optimizer(momentum=0.9, nesterov="yes"),  # type: ignore[arg-type]
        "Optimizer.nesterov must be true or false, not 'yes'",
    ),
    (
        lambda: Recipe(batch_size=2.5),  # type: ignore[arg-type]
        "Recipe.batch_size must be a whole number, not 2.5",
    ),
    (lambda: Recipe(batch_size=0), "Recipe.batch_size must be at least 1, not 0"),
    (
        lambda: Data(train_examples="all"),  # type: ignore[arg-type]
        "Data.train_examples must be a whole number, not 'all'",
    ),
    (lambda: Data(train_examples=0), "Data.train_examples must be at least 1, not 0"),
    (
        lambda: Model(widths=(8, "wide")),  # type: ignore[arg-type]
        "Model.widths must be a whole number, not 'wide'",
    ),
    (lambda: Model(widths=(8, 0)), "Model.widths must be at least 1, not (8, 0)"),
    (lambda: Optimizer(nesterov=True), "Optimizer.nesterov needs a momentum above 0"),
    (
        lambda: Optimizer("adam", betas=(0.9, 1.0)),
        "Optimizer.betas must be two numbers in [0, 1), not (0.9, 1.0)",
    ),
    (
        lambda: Optimizer("adam", betas=(0.9,)),
        "Optimizer.betas must be two numbers in [0, 1), not (0.9,)",
    ),
    (lambda: Optimizer("adam", momentum=0.9), "Optimizer 'adam' does not use 'momentum'"),
    (lambda: Optimizer("sgd", eps=1e-3), "Optimizer 'sgd' does not use 'eps'"),
    (lambda: Model("softmax", widths=(8,)), "Model 'softmax' does not use 'widths'"),
    (lambda: Model("lenet", dropout=0.5), "Model 'lenet' does not use 'dropout'"),
    (lambda: Schedule("cosine", every=3), "Schedule 'cosine' does not use 'every'"),
    (lambda: Budget(epochs=None), "Budget needs epochs, steps or examples"),
    (
        lambda: Recipe(data=Data("synthetic_linear"), model=Model("linear")),
        "data 'synthetic_linear' needs loss=mse, not cross_entropy",
    ),
    (lambda: Recipe(loss="mse"), "data 'mnist5k' needs loss=cross_entropy, not mse"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_a_wrong_value_is_refused_in_one_line(make: Callable[[], object], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize("field", ["lr", "betas"])
def test_an_array_is_refused_like_any_wrong_type(field: str) -> None:
    wrong: dict[str, Any] = {field: np.array([0.1, 0.2])}
    with pytest.raises(RequestError, match=rf"^Optimizer\.{field} must be a number, not array"):
        Optimizer("adam", **wrong)


def test_values_are_normalised_when_made() -> None:
    made = Recipe(
        batch_size=np.int64(8),  # type: ignore[arg-type]
        model=Model(widths=[8, 4.0]),  # type: ignore[arg-type]
        optimizer=Optimizer(lr=1, weight_decay=np.float64(0.25)),
    )
    assert made == Recipe(
        batch_size=8, model=Model(widths=(8, 4)), optimizer=Optimizer(lr=1.0, weight_decay=0.25)
    )
    types = [type(made.batch_size), type(made.optimizer.lr), type(made.optimizer.weight_decay)]
    assert types == [int, float, float]
    assert [type(width) for width in made.model.widths] == [int, int]


def test_one_value_for_a_tuple_field_is_a_tuple_of_one() -> None:
    assert Model(widths=32) == Model(widths=(32,))  # type: ignore[arg-type]


def test_negative_zero_is_zero() -> None:
    assert str(Optimizer(lr=-0.0).lr) == "0.0"


def test_a_recipe_cannot_be_changed_after_it_was_checked() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().batch_size = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("1e-3", 1e-3),
        ("-2", -2),
        ("true", True),
        ("False", False),
        ("none", None),
        ("None", None),
        ("(64, 32)", (64, 32)),
        ("64,32", (64, 32)),
        ("[64]", [64]),
        ("sgd", "sgd"),
        ("sgd, adam", ("sgd", "adam")),
        ("'64'", "64"),
        ("__import__('os')", "__import__('os')"),
        ("{[]: 1}", "{[]: 1}"),
    ],
)
def test_a_word_of_the_command_line_is_read_as_a_literal_where_it_is_one(
    text: str, value: object
) -> None:
    assert parse(text) == value
    assert type(parse(text)) is type(value)


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))
def test_a_printed_value_is_read_back(value: object) -> None:
    if value in (float("inf"), float("-inf")):
        assert parse(repr(value)) == repr(value)
    else:
        assert parse(repr(value)) == value


@pytest.mark.parametrize("order", [1, -1])
def test_fields_that_need_each_other_are_replaced_at_once(order: int) -> None:
    changes = {"optimizer.nesterov": True, "optimizer.momentum": 0.9}
    changed = replace_at(Recipe(), dict(list(changes.items())[::order]))
    assert changed == Recipe(optimizer=Optimizer(momentum=0.9, nesterov=True))


def test_replacing_changes_the_named_fields_and_no_other() -> None:
    before = Recipe(model=Model(widths=(8,)), batch_size=3)
    after = replace_at(before, {"batch_size": 5, "budget.epochs": 2, "optimizer.lr": 1})
    assert after == Recipe(
        model=Model(widths=(8,)),
        batch_size=5,
        budget=Budget(epochs=2),
        optimizer=Optimizer(lr=1.0),
    )
    assert before == Recipe(model=Model(widths=(8,)), batch_size=3)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("optimizer.lrr", 1, "Optimizer has no field 'lrr' (did you mean 'lr'?)"),
        ("optimiser.lr", 1, "Recipe has no field 'optimiser' (did you mean 'optimizer'?)"),
        (
            "batch_size.x",
            1,
            "Recipe.batch_size has no fields, so 'batch_size.x' names nothing",
        ),
        ("optimizer.lr", "x", "Optimizer.lr must be a number, not 'x'"),
        ("batch_size", 0, "Recipe.batch_size must be at least 1, not 0"),
    ],
)
def test_a_wrong_path_or_level_is_refused(path: str, value: Any, message: str) -> None:
    with pytest.raises(RequestError) as replaced:
        replace_at(Recipe(), {path: value})
    with pytest.raises(RequestError) as checked:
        normalised(Recipe(), path, value)
    assert str(replaced.value) == str(checked.value) == message


def test_a_suggestion_names_the_nearest_or_all_or_says_there_is_none() -> None:
    assert nearest("momentun", ["lr", "momentum"]) == "(did you mean 'momentum'?)"
    assert nearest("qqq", ["lr", "momentum"]) == "(choose from lr, momentum)"
    assert nearest("qqq", []) == "(there is none)"


def test_the_nearest_name_is_found_whatever_its_capitals() -> None:
    assert nearest("AUC", ("f1", "auc", "accuracy")) == "(did you mean 'auc'?)"
    assert nearest("resnet18", ("ResNet18", "vgg")) == "(did you mean 'ResNet18'?)"

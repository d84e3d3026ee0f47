"""Two ways to write one recipe are one trial; two recipes are two."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import Budget, Data, Model, Optimizer, Recipe, Schedule
from suite.ground.errors import RequestError
from suite.ground.fields import replace_at
from suite.ground.identity import canonical, digest, flatten, rebuild, trial_id
from suite.seeds import stream
from suite.vocabulary.grid import Trial

rates = st.floats(0, 10, allow_nan=False)
optimizers = st.one_of(
    st.builds(
        Optimizer,
        st.just("sgd"),
        lr=rates,
        momentum=st.floats(0.1, 0.99),
        nesterov=st.booleans(),
        weight_decay=rates,
    ),
    st.builds(
        Optimizer,
        st.sampled_from(["adam", "adamw"]),
        lr=rates,
        betas=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)),
        eps=st.floats(0, 1),
        weight_decay=rates,
    ),
)
models = st.one_of(
    st.builds(Model, st.just("softmax"), init=st.sampled_from(["default", "normal"])),
    st.builds(
        Model,
        st.just("mlp"),
        widths=st.lists(st.integers(1, 512), max_size=4).map(tuple),
        dropout=st.floats(0, 0.999),
        norm=st.sampled_from(["none", "batch"]),
    ),
    st.builds(Model, st.just("lenet"), pooling=st.sampled_from(["max", "average"])),
)
recipes = st.builds(
    Recipe,
    data=st.builds(Data, train_examples=st.none() | st.integers(1, 3000)),
    model=models,
    optimizer=optimizers,
    schedule=st.sampled_from([Schedule(), Schedule("cosine"), Schedule("step", every=3)]),
    batch_size=st.integers(1, 4096),
    budget=st.builds(Budget, epochs=st.integers(1, 99), steps=st.none() | st.integers(1, 10**6)),
)

# Ids name results that others hold. One that moves disowns them: where a change means to,
# raise SEMANTICS_VERSION in suite/ground/identity.py and renew this table.
FROZEN: list[tuple[Recipe, int, bool, str]] = [
    (Recipe(), 0, False, "f6f57a8bfadc7615"),
    (Recipe(), 1, False, "7c938ae474833958"),
    (Recipe(), 0, True, "d9c6ab1a7068c796"),
    (Recipe(data=Data("digits", train_examples=500)), 0, False, "4d49c03e2cb97718"),
    (Recipe(model=Model("mlp", widths=(1024, 1024), dropout=0.5)), 3, False, "4462144582d7e605"),
    (
        Recipe(model=Model("lenet", activation="sigmoid", pooling="average")),
        0,
        False,
        "215927d610489f78",
    ),
    (
        Recipe(model=Model("resnet", depth=56, norm="batch", residual=False)),
        0,
        False,
        "b82678b966cd6eef",
    ),
    (
        Recipe(optimizer=Optimizer(lr=1.0, momentum=0.9, nesterov=True)),
        0,
        False,
        "42d925348cce5335",
    ),
    (
        Recipe(optimizer=Optimizer("adamw", weight_decay=1e-2, betas=(0.5, 0.9))),
        0,
        False,
        "c4974357a684ba99",
    ),
    (
        Recipe(
            data=Data("synthetic_linear", noise=0.1),
            model=Model("linear", init="normal"),
            optimizer=Optimizer(lr=0.03),
            schedule=Schedule("step", every=2, factor=0.5),
            batch_size=10,
            budget=Budget(epochs=None, steps=100, evaluations=4),
            loss="mse",
        ),
        7,
        False,
        "50e730ff463f824d",
    ),
]


@pytest.mark.parametrize(("recipe", "seed", "alone", "frozen"), FROZEN)
def test_trial_ids_are_frozen(recipe: Recipe, seed: int, alone: bool, frozen: str) -> None:
    assert trial_id(recipe, seed, alone=alone) == frozen
    assert Trial("s", "main", {}, recipe, seed, alone).id == frozen


def test_frozen_ids_are_distinct() -> None:
    assert len({frozen for *_, frozen in FROZEN}) == len(FROZEN)


ONE_TRIAL: list[tuple[Recipe, Recipe]] = [
    (Recipe(), Recipe(batch_size=64, model=Model("mlp", widths=(256,)))),
    (Recipe(optimizer=Optimizer(lr=1)), Recipe(optimizer=Optimizer(lr=1.0))),
    (Recipe(optimizer=Optimizer(lr=-0.0)), Recipe(optimizer=Optimizer(lr=0.0))),
    (Recipe(batch_size=8), Recipe(batch_size=8.0)),  # type: ignore[arg-type]
    (
        Recipe(model=Model(widths=[8, 4])),  # type: ignore[arg-type]
        Recipe(model=Model(widths=(8, 4))),
    ),
    (
        Recipe(batch_size=np.int32(8), optimizer=Optimizer(lr=np.float64(0.3))),  # type: ignore[arg-type]
        Recipe(batch_size=8, optimizer=Optimizer(lr=0.3)),
    ),
    (
        Recipe(model=Model(widths=tuple(np.array([8, 4])))),
        Recipe(model=Model(widths=(8, 4))),
    ),
]


@pytest.mark.parametrize(("one", "other"), ONE_TRIAL)
def test_two_ways_to_write_a_recipe_are_one_trial(one: Recipe, other: Recipe) -> None:
    assert trial_id(one, 0) == trial_id(other, 0)


@given(recipes)
def test_a_recipe_is_rebuilt_from_its_canonical_form_after_json(recipe: Recipe) -> None:
    form = json.loads(json.dumps(canonical(recipe)))
    again = rebuild(Recipe, form)
    assert again == recipe
    assert trial_id(again, 5) == trial_id(recipe, 5)


@given(recipes, recipes)
def test_ids_differ_exactly_where_recipes_do(one: Recipe, other: Recipe) -> None:
    assert (trial_id(one, 0) == trial_id(other, 0)) == (one == other)


@given(recipes)
def test_a_recipe_is_its_flat_fields(recipe: Recipe) -> None:
    fields = flatten(recipe)
    assert replace_at(Recipe(), fields) == recipe


@given(recipes)
def test_the_canonical_form_leaves_defaults_out(recipe: Recipe) -> None:
    def check(value: Any, form: dict[str, Any]) -> None:
        for field in dataclasses.fields(value):
            own = getattr(value, field.name)
            default = value.kind.default if field.name == "name" else field.default
            assert (field.name in form) == (own != default)
            if isinstance(form.get(field.name), dict):
                check(own, form[field.name])

    check(recipe, canonical(recipe))


def test_the_canonical_form_of_defaults_is_empty() -> None:
    assert canonical(Recipe()) == {}
    assert canonical(Recipe(model=Model(widths=(8,)))) == {"model": {"widths": [8]}}


def test_an_unknown_field_of_a_stored_recipe_is_named() -> None:
    with pytest.raises(RequestError, match=r"^Optimizer has no field 'rate'"):
        rebuild(Recipe, {"optimizer": {"rate": 1}})


def test_a_digest_ignores_the_order_of_keys_and_sees_every_value() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1, "b": [2]}) != digest({"a": 1, "b": [3]})


def test_a_seed_and_running_alone_make_another_trial() -> None:
    ids = {trial_id(Recipe(), seed, alone=alone) for seed in (0, 1) for alone in (False, True)}
    assert len(ids) == 4


def test_streams_are_frozen_and_differ_by_seed_and_purpose() -> None:
    assert stream(0, "init") == 1519069808562059438
    drawn = {
        stream(seed, purpose)
        for seed in range(20)
        for purpose in ("split", "init", "order", "dropout", "synthetic", "labels")
    }
    assert len(drawn) == 120
    assert all(0 <= value < 2**63 for value in drawn)


@given(st.integers(1, 5000), st.integers(1, 6000), st.integers(1, 9))
def test_epochs_are_counted_in_whole_passes(examples: int, batch: int, epochs: int) -> None:
    sizes = [min(batch, examples - start) for start in range(0, examples, batch)]
    assert Budget(epochs=epochs).total_steps(examples, batch) == epochs * len(sizes)


@given(st.integers(1, 500), st.integers(1, 600), st.integers(1, 3000))
def test_a_budget_of_examples_ends_with_the_batch_that_reaches_it(
    examples: int, batch: int, limit: int
) -> None:
    steps = Budget(epochs=None, examples=limit).total_steps(examples, batch)
    sizes = [min(batch, examples - start) for start in range(0, examples, batch)]
    seen = [sizes[step % len(sizes)] for step in range(steps)]
    assert sum(seen[:-1]) < limit <= sum(seen)


@given(
    st.none() | st.integers(1, 20),
    st.none() | st.integers(1, 500),
    st.none() | st.integers(1, 9000),
)
def test_training_ends_at_the_first_limit(
    epochs: int | None, steps: int | None, examples: int | None
) -> None:
    if epochs is steps is examples is None:
        return
    each = [
        Budget(epochs=epochs).total_steps(450, 64) if epochs else None,
        steps,
        Budget(epochs=None, examples=examples).total_steps(450, 64) if examples else None,
    ]
    together = Budget(epochs=epochs, steps=steps, examples=examples)
    assert together.total_steps(450, 64) == min(limit for limit in each if limit is not None)

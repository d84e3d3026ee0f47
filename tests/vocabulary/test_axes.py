"""Axes over whole components, named levels that set several fields, levels that depend on the arm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from suite import (
    Budget,
    Difference,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    Trend,
    axis,
    lines,
    model,
    number,
)
from suite.ground.errors import RequestError

SGD, ADAM = Optimizer("sgd", momentum=0.9), Optimizer("adam")
RULES = axis("optimizer", (SGD, ADAM))
RATES = axis("optimizer.lr", {"sgd": (0.1, 0.3, 1.0), "adam": (0.001, 0.003, 0.1)}, per="optimizer")
SCALE = axis(
    "scale",
    {
        "small": {"batch_size": 32, "optimizer.lr": 0.1},
        "large": {"batch_size": 256, "optimizer.lr": 0.8},
    },
)


def a_study(**changes: Any) -> Study:
    return Study("An axis", **{"recipe": Recipe(budget=Budget(epochs=1)), "seeds": 2, **changes})


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(RequestError) as caught:
        call()
    return str(caught.value)


def recipes(study: Study, **asked: Any) -> dict[tuple[Any, ...], Recipe]:
    """Return the recipe of each cell by its levels."""
    return {
        tuple(trial.cell.values()): trial.recipe for trial in study.trials(study.grids(**asked))
    }


def test_whole_components_are_levels_called_by_their_names() -> None:
    found = recipes(a_study(grid=(RULES,)))
    assert {levels: recipe.optimizer for levels, recipe in found.items()} == {
        ("sgd",): SGD,
        ("adam",): ADAM,
    }


def test_the_id_of_a_level_is_that_of_its_recipe_written_out() -> None:
    (trial, *_) = (study := a_study(grid=(RULES,))).trials(study.grids())
    plain = a_study(recipe=Recipe(budget=Budget(epochs=1), optimizer=SGD))
    assert trial.id == next(iter(plain.trials(plain.grids()))).id


def test_components_of_one_name_are_told_apart_by_what_differs() -> None:
    small, large = Model("mlp", widths=(8,)), Model("mlp", widths=(512,))
    study = a_study(grid=(axis("model", (small, large, Model("lenet"))),))
    assert study.grids()[0].axes[0].levels == ("mlp widths=(8,)", "mlp widths=(512,)", "lenet")


def test_levels_may_have_names_of_their_own() -> None:
    study = a_study(grid=(axis("model.widths", {"narrow": (8,), "wide": (512,)}),))
    found = recipes(study)
    assert found["wide",].model == Model("mlp", widths=(512,))
    rules = a_study(grid=(axis("optimizer", {"plain": Optimizer(), "heavy": SGD}),))
    assert recipes(rules)["heavy",].optimizer == SGD


def test_a_named_level_sets_several_fields() -> None:
    found = recipes(a_study(grid=(SCALE, axis("model.name", ("mlp", "softmax")))))
    assert len(found) == 4
    large = found["large", "softmax"]
    assert (large.batch_size, large.optimizer.lr, large.model.name) == (256, 0.8, "softmax")


def test_a_tuned_axis_may_depend_on_the_arm() -> None:
    found = recipes(a_study(grid=(RULES, RATES)))
    assert set(found) == {
        ("sgd", 0.1),
        ("sgd", 0.3),
        ("sgd", 1.0),
        ("adam", 0.001),
        ("adam", 0.003),
        ("adam", 0.1),
    }
    assert found["adam", 0.003].optimizer == Optimizer("adam", lr=0.003)
    assert found["sgd", 0.3].optimizer == Optimizer("sgd", momentum=0.9, lr=0.3)


def test_an_edge_is_that_of_the_arms_own_levels() -> None:
    import pandas as pd

    from suite.evidence.arms import arm_values

    (grid,) = a_study(grid=(RULES, RATES)).grids()
    rows = pd.DataFrame(
        {
            "id": str(cell),
            "part": "main",
            "seed": seed,
            "status": "finished",
            "spent": 1.0,
            **cell,
            "test/accuracy": 0.5,
            # 0.1 is best of both rules: the first of sgd's rates, the last of adam's
            "validation/accuracy": 0.9 if cell["optimizer.lr"] in (0.1, 0.003) else 0.5,
        }
        for cell in grid.cells
        for seed in range(3)
    )
    of = ("test/accuracy", "validation/accuracy")
    assert arm_values(rows, grid, {"optimizer": "sgd"}, *of).on_edge == ("optimizer.lr",)
    rows = rows[rows["optimizer.lr"] != 0.1]
    assert arm_values(rows, grid, {"optimizer": "adam"}, *of).on_edge == ()


CLAIM: dict[str, Any] = {
    "of": "test/accuracy",
    "says": "One is better.",
    "source": "",
    "matters": 0.01,
    "direction": "higher",
}


def test_claims_and_views_use_a_levels_name_or_the_component_itself() -> None:
    study = a_study(
        grid=(RULES, RATES),
        claims=(
            Difference(arm={"optimizer": "sgd"}, against={"optimizer": "adam"}, **CLAIM),
            Difference(arm={"optimizer": SGD}, against={"optimizer": ADAM}, **CLAIM),
        ),
        views=(lines("test/accuracy", over="optimizer.lr", where={"optimizer": ADAM}),),
    )
    assert study.claims[0] == study.claims[1]
    assert study.views[0].where == {"optimizer": "adam"}


def test_set_and_only_take_a_levels_name() -> None:
    study = a_study(grid=(RULES, RATES))
    assert {levels[0] for levels in recipes(study, only={"optimizer": ("adam",)})} == {"adam"}
    (grid,) = study.grids(only={"optimizer": ("adam",)})
    assert grid.axis("optimizer.lr").levels == (0.001, 0.003, 0.1)
    assert recipes(study, overrides={"optimizer": "sgd"})["sgd", 0.3].optimizer.momentum == 0.9
    scaled = a_study(grid=(SCALE,))
    assert set(recipes(scaled, overrides={"scale": "large"})) == {("large",)}
    assert set(recipes(scaled, only={"scale": ("small",)})) == {("small",)}
    assert set(recipes(study, overrides={"optimizer.lr": 0.5})) == {("sgd", 0.5), ("adam", 0.5)}


def test_fields_of_a_level_can_be_set_where_the_base_has_them_not() -> None:
    found = recipes(a_study(grid=(axis("model.name", ("softmax", "resnet")),)), overrides={})
    assert found["resnet",].model.depth == 20
    study = a_study(grid=(axis("model.name", ("resnet",)),))
    assert recipes(study, overrides={"model.depth": 14})["resnet",].model.depth == 14


def test_what_is_set_of_a_component_is_set_of_every_level_that_replaces_it() -> None:
    study = a_study(grid=(RULES,))
    found = recipes(study, overrides={"optimizer.weight_decay": 0.1})
    assert found["sgd",].optimizer == Optimizer("sgd", momentum=0.9, weight_decay=0.1)
    assert found["adam",].optimizer == Optimizer("adam", weight_decay=0.1)
    said = refusal(lambda: recipes(study, overrides={"optimizer.betas": (0.5, 0.9)}))
    assert said == "Optimizer 'sgd' does not use 'betas'"
    adam = recipes(study, only={"optimizer": ("adam",)}, overrides={"optimizer.eps": 0.1})
    assert adam["adam",].optimizer.eps == 0.1


def test_a_part_may_have_its_own_component_levels() -> None:
    study = a_study(parts=(Part("rules", grid=(RULES,)), Part("scales", grid=(SCALE,))))
    assert [grid.size for grid in study.grids()] == [2, 4, 4]


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a level of no name": (
        lambda: a_study(grid=(SCALE,)).grids(overrides={"scale": "lagre"}),
        "axis 'scale' has no level 'lagre' (did you mean 'large'?)",
    ),
    "a field that levels set": (
        lambda: a_study(grid=(SCALE,)).grids(overrides={"batch_size": 4}),
        "'batch_size' is set by each level of axis 'scale'",
    ),
    "two axes that set one field": (
        lambda: a_study(grid=(SCALE, axis("batch_size", (1, 2)))),
        "has two axes 'batch_size'",
    ),
    "a level that sets no field": (
        lambda: a_study(grid=(axis("scale", {"a": {"batch_sise": 1}}),)),
        "Recipe has no field 'batch_sise' (did you mean 'batch_size'?)",
    ),
    "rates for another arm": (
        lambda: a_study(grid=(RULES, axis("optimizer.lr", {"sgd": (1,)}, per="optimizer"))),
        "axis 'optimizer.lr' has no levels for optimizer=adam",
    ),
    "levels per what is no axis": (
        lambda: a_study(grid=(axis("optimizer.lr", {"sgd": (1,)}, per="optimiser"),)),
        "has no axis 'optimiser'",
    ),
    "no levels": (lambda: axis("batch_size", None), "needs a tuple of levels, not None"),  # type: ignore[arg-type]
    "one level": (lambda: axis("batch_size", 3), "needs a tuple of levels, not 3"),  # type: ignore[arg-type]
    "one word": (lambda: axis("loss", "mse"), "needs a tuple of levels, not 'mse'"),
    "no path": (lambda: axis(3, (1, 2)), "an axis is a dotted path, or a name, not 3"),  # type: ignore[arg-type]
    "levels per itself": (
        lambda: a_study(grid=(axis("batch_size", {"a": (1, 2)}, per="batch_size"),)),
        "axis 'batch_size' cannot depend on 'batch_size'",
    ),
    "levels per what depends itself": (
        lambda: a_study(grid=(RULES, RATES, axis("batch_size", {0.1: (1, 2)}, per="optimizer.lr"))),
        "axis 'batch_size' cannot depend on 'optimizer.lr', which depends on 'optimizer'",
    ),
    "levels per no level": (
        lambda: a_study(
            grid=(RULES, axis("optimizer.lr", {"sgd": (1,), "adm": (0.1,)}, per="optimizer"))
        ),
        "axis 'optimizer.lr' has levels for optimizer=adm, which is not in the grid "
        "(did you mean 'adam'?)",
    ),
    "an arm of no trial": (
        lambda: a_study(
            grid=(RULES, RATES),
            claims=(
                Difference(
                    arm={"optimizer": "adam", "optimizer.lr": 1.0},
                    against={"optimizer": "sgd"},
                    **CLAIM,
                ),
            ),
        ),
        "no trial has optimizer=adam, optimizer.lr=1.0: one level depends on another",
    ),
    "levels per arm in a row": (
        lambda: axis("optimizer.lr", (0.1,), per="optimizer"),
        "needs a tuple of levels for each level of 'optimizer'",
    ),
    "one level that is no tuple": (
        lambda: axis("optimizer.lr", {"sgd": (0.1,), "adam": 0.1}, per="optimizer"),
        "needs a tuple of levels for each level of 'optimizer'",
    ),
    "one component twice": (
        lambda: a_study(grid=(axis("optimizer", (SGD, Optimizer("sgd", momentum=0.9))),)),
        "needs distinct levels",
    ),
    "a field that one arm does not read": (
        lambda: recipes(a_study(grid=(RULES, axis("optimizer.momentum", (0.0, 0.9))))),
        "Optimizer 'adam' does not use 'momentum'",
    ),
    "a slope over names": (
        lambda: a_study(
            grid=(RULES,),
            claims=(Trend(over="optimizer", per="unit", **CLAIM),),
        ),
        "axis 'optimizer' has no numbers, and so no slope",
    ),
    "a component of another kind": (
        lambda: a_study(grid=(axis("optimizer", (Model("mlp"),)),)),
        "Recipe.optimizer must be an Optimizer, not the Model 'mlp'",
    ),
}


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_an_axis_is_refused_in_one_line(call: Callable[[], Any], words: str) -> None:
    assert words in refusal(call)


def test_levels_of_ones_own() -> None:
    @model
    def net(shape: Any, outputs: Any, *, width: int = number(4, low=1)) -> Any: ...

    study = a_study(grid=(axis("model", (Model("mlp", widths=(8,)), net(width=8), net(width=16))),))
    found = recipes(study)
    assert list(found) == [("mlp widths=(8,)",), ("net width=8",), ("net width=16",)]
    assert found["net width=16",].model.width == 16

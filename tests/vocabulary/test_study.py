"""A study's grids: what tiers, parts, overrides and --only make of the file as written."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from suite import (
    Axis,
    Budget,
    Difference,
    Equivalence,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    Target,
    axis,
    curves,
    define_metric,
    heat,
    lines,
)
from suite.ground.errors import RequestError
from suite.vocabulary.grid import Grid

define_metric("validation/of_its_own", "a metric of its own", better="lower")

RATE, BATCH, WIDTHS = "optimizer.lr", "batch_size", "model.widths"


def a_study(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "recipe": Recipe(budget=Budget(epochs=4)),
        "grid": (axis(RATE, (0.01, 0.1, 1)), axis(BATCH, (16, 64))),
        "seeds": 3,
        "name": "example",
    }
    return Study("Example", **(given | changes))


def a_timing_part(**changes: Any) -> Part:
    given: dict[str, Any] = {"grid": (axis(BATCH, (1, 256)),), "seeds": 2, "alone": True}
    return Part("timing", **(given | changes))


def a_claim(**changes: Any) -> Difference:
    given: dict[str, Any] = {
        "of": "test/accuracy",
        "arm": {BATCH: 16},
        "against": {BATCH: 64},
        "direction": "higher",
        "matters": 0.01,
        "says": "Small is good.",
        "source": "notes",
    }
    return Difference(**(given | changes))


def levels(grid: Grid, path: str) -> tuple[Any, ...]:
    return grid.axis(path).levels


def refusal(make: Callable[[], object]) -> str:
    with pytest.raises(RequestError) as caught:
        make()
    return str(caught.value)


def test_a_grid_crosses_its_axes_and_repeats_them_seed_by_seed() -> None:
    study = a_study()
    trials = study.trials(study.grids())
    assert len(trials) == 3 * 2 * 3
    assert [trial.seed for trial in trials] == sorted(trial.seed for trial in trials)
    assert trials[0].cell == {RATE: 0.01, BATCH: 16}
    assert trials[0].recipe == Recipe(
        optimizer=Optimizer(lr=0.01), batch_size=16, budget=Budget(epochs=4)
    )
    assert len({trial.id for trial in trials}) == len(trials)
    assert {trial.study for trial in trials} == {"example"}


def test_a_study_without_axes_is_one_cell() -> None:
    study = a_study(grid=())
    trials = study.trials(study.grids())
    assert [(trial.cell, trial.seed) for trial in trials] == [({}, 0), ({}, 1), ({}, 2)]
    assert [trial.words for trial in trials] == ["seed 0", "seed 1", "seed 2"]


def test_a_trial_is_said_in_words() -> None:
    study = a_study()
    assert study.trials(study.grids())[0].words == "lr 0.01, batch_size 16, seed 0"


def test_levels_have_the_form_of_the_field_they_set() -> None:
    study = a_study(grid=(axis(RATE, np.array([1, 2])), axis(WIDTHS, ([8], [8, 4]))))
    (grid,) = study.grids()
    assert levels(grid, RATE) == (1.0, 2.0)
    assert [type(level) for level in levels(grid, RATE)] == [float, float]
    assert levels(grid, WIDTHS) == ((8,), (8, 4))


def test_claims_and_views_name_levels_in_any_form_of_them() -> None:
    claim, view = (
        a_claim(arm={WIDTHS: 8}, against={WIDTHS: [8, 4]}),
        lines("test/loss", over=RATE, where={WIDTHS: [8]}),
    )
    grid = (axis(RATE, (0.1, 1)), axis(WIDTHS, ([8], [8, 4])))
    study = a_study(grid=grid, claims=(claim,), views=(view,))
    assert study.claims == (a_claim(arm={WIDTHS: (8,)}, against={WIDTHS: (8, 4)}),)
    assert study.views[0].where == {WIDTHS: (8,)}


def test_a_tier_changes_base_axes_and_seeds() -> None:
    study = a_study(tiers={"smoke": {"seeds": 1, "budget.epochs": 1, RATE: (0.1,)}})
    (smoke,) = study.grids("smoke")
    assert (smoke.seeds, smoke.recipe.budget.epochs, levels(smoke, RATE)) == (1, 1, (0.1,))
    (laptop,) = study.grids()
    assert (laptop.seeds, laptop.recipe.budget.epochs) == (3, 4)
    assert levels(laptop, RATE) == (0.01, 0.1, 1.0)


def test_an_override_of_an_axis_replaces_its_levels() -> None:
    (one,) = a_study().grids(overrides={BATCH: 8})
    assert levels(one, BATCH) == (8,)
    (several,) = a_study().grids(overrides={BATCH: (8, 9)})
    assert levels(several, BATCH) == (8, 9)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((32,), ((32,),)),
        ([32, 16], ((32, 16),)),
        (((32,), (16, 8)), ((32,), (16, 8))),
        (32, ((32,),)),
    ],
)
def test_an_override_of_an_axis_of_tuples_is_one_level_unless_it_holds_tuples(
    given: object, expected: object
) -> None:
    (grid,) = a_study(grid=(axis(WIDTHS, ((8,), (4,))),)).grids(overrides={WIDTHS: given})
    assert levels(grid, WIDTHS) == expected


def test_an_override_wins_over_the_tier_and_seeds_over_both() -> None:
    study = a_study(tiers={"smoke": {"seeds": 1, "budget.epochs": 1, BATCH: (4,)}})
    overrides = {"budget.epochs": 2, BATCH: (5,), "seeds": 6}
    (grid,) = study.grids("smoke", overrides=overrides)
    assert (grid.recipe.budget.epochs, levels(grid, BATCH), grid.seeds) == (2, (5,), 6)
    (grid,) = study.grids("smoke", overrides=overrides, seeds=9)
    assert grid.seeds == 9


def test_a_part_departs_from_the_study_and_leaves_the_main_grid_alone() -> None:
    study = a_study(parts=(a_timing_part(changes={"budget.epochs": 1, RATE: 0.5}),))
    main, timing = study.grids()
    assert (main.name, main.alone, main.seeds, main.recipe.budget.epochs) == ("main", False, 3, 4)
    assert (timing.name, timing.alone, timing.seeds) == ("timing", True, 2)
    assert (timing.recipe.budget.epochs, timing.recipe.optimizer.lr) == (1, 0.5)
    assert levels(timing, BATCH) == (1, 256)
    assert [trial.alone for trial in study.trials((timing,))] == [True] * 4


def test_a_part_without_seeds_takes_those_of_the_study() -> None:
    assert a_study(parts=(a_timing_part(seeds=None),)).grids()[1].seeds == 3


def test_a_change_named_for_a_part_reaches_that_part_only() -> None:
    study = a_study(
        parts=(a_timing_part(),), tiers={"smoke": {"timing.budget.epochs": 1, "timing.seeds": 1}}
    )
    main, timing = study.grids("smoke", overrides={f"timing.{BATCH}": (32,)})
    assert (main.recipe.budget.epochs, main.seeds, levels(main, BATCH)) == (4, 3, (16, 64))
    assert (timing.recipe.budget.epochs, timing.seeds, levels(timing, BATCH)) == (1, 1, (32,))


def test_several_levels_of_an_axis_of_one_part_do_not_concern_the_others() -> None:
    study = a_study(parts=(a_timing_part(),))
    main, timing = study.grids(overrides={RATE: (0.2, 0.3)})
    assert levels(main, RATE) == (0.2, 0.3)
    assert timing.recipe.optimizer.lr == Optimizer().lr


def test_one_level_of_an_axis_of_one_part_is_the_base_value_of_the_others() -> None:
    main, timing = a_study(parts=(a_timing_part(),)).grids(overrides={RATE: 0.2})
    assert levels(main, RATE) == (0.2,)
    assert timing.recipe.optimizer.lr == 0.2


def test_only_keeps_the_named_levels_in_the_order_of_the_grid() -> None:
    (grid,) = a_study().grids(only={RATE: (1, 0.01)})
    assert levels(grid, RATE) == (0.01, 1.0)
    assert levels(grid, BATCH) == (16, 64)


def test_only_reads_a_level_as_the_field_does() -> None:
    study = a_study(grid=(axis(WIDTHS, ((8,), (8, 4))),))
    (grid,) = study.grids(only={WIDTHS: ([8, 4],)})
    assert levels(grid, WIDTHS) == ((8, 4),)
    assert refusal(lambda: study.grids(only={WIDTHS: ("wide",)})) == (
        "Model.widths must be a whole number, not 'wide'"
    )


def test_only_leaves_parts_without_that_axis_whole() -> None:
    main, timing = a_study(parts=(a_timing_part(),)).grids(only={RATE: (0.1,)})
    assert levels(main, RATE) == (0.1,)
    assert levels(timing, BATCH) == (1, 256)


def test_only_gives_the_same_ids_as_the_whole_grid() -> None:
    study = a_study()
    whole = {trial.id for trial in study.trials(study.grids())}
    some = {trial.id for trial in study.trials(study.grids(only={BATCH: (64,)}))}
    assert len(some) == 9
    assert some < whole


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: a_study(select="test/accuracy"),
        "Study.select must be a validation metric, or what the target costs in steps, epochs or "
        "examples, not 'test/accuracy'",
    ),
    (
        lambda: a_study(select="validation/acuracy"),
        "there is no metric 'validation/acuracy' (did you mean 'validation/accuracy'?)",
    ),
    (
        lambda: a_study(tiers={"smok": {}}),
        "there is no tier 'smok' (did you mean 'smoke'?)",
    ),
    (
        lambda: a_study(tiers={"full": {"budget.epoch": 1}}),
        "Budget has no field 'epoch' (did you mean 'epochs'?)",
    ),
    (
        lambda: a_study(tiers={"full": {"seeds": 0}}),
        "seeds must be a whole number from 1 to 10,000, not 0",
    ),
    (lambda: a_study(seeds=0), "Study.seeds must be at least 1, not 0"),
    (
        lambda: a_study(grid=(axis("optimizer.lrr", (1, 2)),)),
        "Optimizer has no field 'lrr' (did you mean 'lr'?)",
    ),
    (
        lambda: a_study(grid=(axis(RATE, (0.1, -1)),)),
        "Optimizer.lr must be at least 0, not -1.0",
    ),
    (
        lambda: a_study(grid=(axis(RATE, (1, 1.0)),)),
        "axis 'optimizer.lr' needs distinct levels, not (1.0, 1.0)",
    ),
    (
        lambda: a_study(grid=(axis(RATE, ()),)),
        "axis 'optimizer.lr' needs distinct levels, not ()",
    ),
    (
        lambda: a_study(claims=(a_claim(arm={"batch_sizes": 16}),)),
        "claim 'Small is good.': part 'main' has no axis 'batch_sizes' "
        "(did you mean 'batch_size'?)",
    ),
    (
        lambda: a_study(claims=(a_claim(against={BATCH: 65}),)),
        "claim 'Small is good.': batch_size=65 is not in the grid (did you mean '64'?)",
    ),
    (
        lambda: a_study(claims=(a_claim(part="timng"),), parts=(a_timing_part(),)),
        "there is no part 'timng' (did you mean 'timing'?)",
    ),
    (
        lambda: a_study(views=(lines("test/loss", over="loss"),)),
        "part 'main' has no axis 'loss' (choose from optimizer.lr, batch_size)",
    ),
    (
        lambda: a_study(views=(curves("test/loss", colour=BATCH, part="timing"),)),
        "there is no part 'timing' (did you mean 'main'?)",
    ),
    (
        lambda: a_study(views=(lines("test/loss", over=BATCH, where={"optimizer.rl": 0.1}),)),
        "view of 'test/loss': part 'main' has no axis 'optimizer.rl' "
        "(did you mean 'optimizer.lr'?)",
    ),
    (
        lambda: a_study(views=(lines("test/loss", over=RATE, where={BATCH: 63}),)),
        "view of 'test/loss': batch_size=63 is not in the grid (did you mean '64'?)",
    ),
    (
        lambda: a_study(views=(lines("test/loss", over=BATCH, where={BATCH: 64}),)),
        "a view cannot hold the axis that it shows: 'batch_size'",
    ),
    (
        lambda: a_study(parts=(a_timing_part(changes={"optimizer.momentun": 1}),)),
        "Optimizer has no field 'momentun' (did you mean 'momentum'?)",
    ),
    (lambda: a_study().grids("big"), "there is no tier 'big' (choose from smoke, laptop, full)"),
    (
        lambda: a_study().grids(only={"batchsize": (16,)}),
        "no grid has an axis 'batchsize' (did you mean 'batch_size'?)",
    ),
    (
        lambda: a_study().grids(only={BATCH: (17,)}),
        "--only: batch_size=17 is not in the grid (did you mean '16'?)",
    ),
    (
        lambda: a_study().grids(overrides={"seeds": 2.5}),
        "seeds must be a whole number from 1 to 10,000, not 2.5",
    ),
    (
        lambda: Target("test/accuracy", 0.9),
        "Target.metric must be a validation metric of which more, or less, is better, not "
        "'test/accuracy'",
    ),
    (
        lambda: Target("validation/acuracy", 0.9),
        "there is no metric 'validation/acuracy' (did you mean 'validation/accuracy'?)",
    ),
    (
        lambda: a_study(target=Target("validation/of_its_own", 0.9)),
        "Study.target: 'validation/of_its_own' needs 'of_its_own' among the recipe's metrics",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_a_wrong_study_is_refused_when_it_is_made(make: Callable[[], object], message: str) -> None:
    assert refusal(make) == message


def test_a_fault_that_only_a_tier_has_is_found_at_construction() -> None:
    repeated = {"full": {RATE: (0.1, 0.1)}}
    assert "needs distinct levels" in refusal(lambda: a_study(tiers=repeated))


def test_cells_that_contradict_themselves_are_refused_before_any_trains() -> None:
    study = a_study(
        grid=(axis("optimizer.name", ("sgd", "adam")), axis("optimizer.momentum", (0.9,)))
    )
    (grid,) = study.grids()
    assert refusal(lambda: study.trials([grid])) == "Optimizer 'adam' does not use 'momentum'"


@pytest.mark.parametrize(
    ("metric", "level", "value", "met"),
    [
        ("validation/accuracy", 0.9, 0.91, True),
        ("validation/accuracy", 0.9, 0.9, True),
        ("validation/accuracy", 0.9, 0.89, False),
        ("validation/loss", 0.5, 0.4, True),
        ("validation/loss", 0.5, 0.5, True),
        ("validation/loss", 0.5, 0.6, False),
        ("validation/of_its_own", 0.5, 0.6, False),
        ("validation/of_its_own", 0.5, 0.4, True),
    ],
)
def test_a_target_is_met_from_the_good_side(
    metric: Any, level: float, value: float, met: bool
) -> None:
    assert Target(metric, level).reached(value) is met


def test_an_equivalence_may_name_levels_as_the_field_would_normalise_them() -> None:
    claim = Equivalence(
        of="test/accuracy",
        arm={RATE: 1},
        against={RATE: 0.1},
        matters=0.01,
        says="Equal.",
        source="notes",
    )
    assert a_study(claims=(claim,)).claims == (claim,)


def test_axis_reads_any_iterable_of_levels() -> None:
    assert axis(BATCH, (2**power for power in range(3))) == Axis(BATCH, (1, 2, 4))


def test_views_say_which_axes_they_show() -> None:
    view = heat("test/loss", x=RATE, y=BATCH)
    assert (view.kind, view.x, view.colour, view.part) == ("heat", RATE, BATCH, "main")
    assert refusal(lambda: lines("test/los", over=RATE)) == (
        "there is no metric 'test/los' (did you mean 'test/loss'?)"
    )


def test_a_recipe_field_that_is_itself_a_recipe_part_is_typed() -> None:
    assert refusal(lambda: a_study(recipe=Model())) == (
        "Study.recipe must be of type Recipe, not " + repr(Model())
    )


def measured(by: float) -> Callable[[Mapping[str, Any], int], Mapping[str, float]]:
    return lambda cell, seed: {"test/accuracy": by}


@pytest.mark.parametrize(
    ("probes", "said"),
    [
        ((measured(0.1), measured(0.2)), "two probes are called '<lambda>': give each a name"),
        (
            (functools.partial(measured, 0.1), None),
            "a probe is a function of the study's file, not",
        ),
    ],
)
def test_a_probe_that_a_worker_could_not_tell_from_another_is_refused(
    probes: tuple[Any, Any], said: str
) -> None:
    parts = (Part("second", probe=probes[1], grid=(axis("x", (1,)),)),)
    with pytest.raises(RequestError, match=re.escape(said)):
        Study("Two", probe=probes[0], grid=(axis("x", (1,)),), parts=parts)


def test_one_function_may_be_the_probe_of_several_parts() -> None:
    probe = measured(0.1)
    grid = (axis("x", (1,)),)
    assert Study("One", probe=probe, grid=grid, parts=(Part("second", probe=probe, grid=grid),))


@pytest.mark.parametrize("name", ["", "/x", "x/", "a//b", "../x", "x%", "a\nb", "x" * 201, 5, " x"])
def test_a_metric_or_axis_is_called_by_what_everything_can_carry(name: Any) -> None:
    with pytest.raises(
        RequestError, match=r"is called by letters, digits|an axis is a dotted path"
    ):
        define_metric(name, "words")
    with pytest.raises(RequestError):
        axis(name, (1, 2))

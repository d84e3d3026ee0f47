"""Contexts: the grids in which claims are asked once more, and what cannot be one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from suite import (
    Boundary,
    Data,
    Difference,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    Trend,
    axis,
    define_metric,
    lines,
)
from suite.ground.errors import RequestError
from suite.ground.identity import canonical, digest
from suite.vocabulary import discovery
from suite.vocabulary.grid import Grid
from suite.vocabulary.study import TIERS

BATCH, RATE = "batch_size", "optimizer.lr"
FASHION = {"data.name": "fashion_mnist"}
VALUE = define_metric("test_contexts/value", "a value")


def a_claim(**changes: Any) -> Difference:
    given: dict[str, Any] = {
        "of": "test/accuracy", "arm": {BATCH: 16}, "against": {BATCH: 64}, "direction": "higher",
        "matters": 0.01, "says": "Small is good.", "source": "", "contexts": ("fashion",),
    }  # fmt: skip
    return Difference(**(given | changes))


def a_study(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "recipe": Recipe(model=Model("linear")),
        "grid": (axis(BATCH, (16, 32, 64)), axis(RATE, (0.01, 0.1, 1))),
        "seeds": 3,
        "contexts": {"fashion": FASHION, "lenet": {"model.name": "lenet", "seeds": 2}},
        "claims": (a_claim(),),
        "tiers": {"smoke": {"seeds": 1}},
        "name": "example",
    }
    return Study("Example", **(given | changes))


def grids(study: Study, tier: str = "laptop", **asked: Any) -> Mapping[str, Grid]:
    return {grid.name: grid for grid in study.grids(tier, **asked)}


def levels(grid: Grid) -> dict[str, tuple[Any, ...]]:
    return {one.path: one.levels for one in grid.axes}


def test_a_context_is_a_grid_of_what_the_claims_that_ask_for_it_read() -> None:
    found = grids(a_study())
    assert list(found) == ["main", "main@fashion"]
    there = found["main@fashion"]
    assert there.recipe.data.name == "fashion_mnist"
    assert there.context == "fashion"
    assert levels(there) == {BATCH: (16, 64), RATE: (0.01, 0.1, 1.0)}  # the rate is tuned
    assert [grid.size for grid in found.values()] == [27, 18]
    assert len(a_study().trials(a_study().grids())) == 45


def test_contexts_that_no_claim_asks_for_change_nothing() -> None:
    with_contexts = a_study(claims=(a_claim(contexts=()),))
    plain = dataclasses.replace(with_contexts, contexts={})
    ids = [[one.id for one in study.trials(study.grids())] for study in (with_contexts, plain)]
    assert ids[0] == ids[1]
    assert with_contexts.claims_digest == plain.claims_digest


@pytest.mark.parametrize("name", discovery.names())
def test_claims_without_contexts_have_the_digest_they_had(name: str) -> None:
    claims = discovery.load(name).claims
    forms = [
        [type(one).__name__, canonical(dataclasses.replace(one, contexts=()))] for one in claims
    ]
    assert all("contexts" not in form for _, form in forms)
    if not any(one.contexts for one in claims):
        assert digest(forms) == discovery.load(name).claims_digest


def test_two_claims_share_a_context_and_read_more_of_it() -> None:
    other = a_claim(arm={BATCH: 32, RATE: 0.1}, against={BATCH: 64, RATE: 0.1}, says="So is 32.")
    alone = grids(a_study(claims=(other,)))["main@fashion"]
    assert levels(alone) == {BATCH: (32, 64), RATE: (0.1,)}
    both = grids(a_study(claims=(a_claim(), other)))["main@fashion"]
    assert levels(both) == {BATCH: (16, 32, 64), RATE: (0.01, 0.1, 1.0)}
    trend = Trend(
        of="test/accuracy", over=BATCH, per="doubling", direction="lower", matters=0.01, says="",
        source="", arm={RATE: 0.1}, contexts=("lenet",),
    )  # fmt: skip
    found = grids(a_study(claims=(a_claim(), trend)))
    assert levels(found["main@lenet"]) == {BATCH: (16, 32, 64), RATE: (0.1,)}
    assert found["main@lenet"].seeds == 2


def test_a_context_may_change_the_levels_of_what_is_tuned() -> None:
    contexts = {"fashion": {**FASHION, RATE: (0.001, 0.01)}}
    assert levels(grids(a_study(contexts=contexts))["main@fashion"])[RATE] == (0.001, 0.01)


def test_a_part_s_claims_have_its_contexts() -> None:
    timing = Part("timing", grid=(axis(BATCH, (16, 64)),), changes={RATE: 0.1}, alone=True)
    claim = a_claim(of="cost/seconds", part="timing", contexts=("lenet",))
    found = grids(a_study(parts=(timing,), claims=(claim,)))
    assert list(found) == ["main", "timing", "timing@lenet"]
    assert found["timing@lenet"].alone
    assert found["timing@lenet"].recipe.optimizer.lr == 0.1


def test_tiers_and_overrides_reach_a_context() -> None:
    tiers = {"smoke": {"seeds": 1, "main@fashion.data.train_examples": 100}}
    claims = (a_claim(contexts=("fashion", "lenet")),)
    smoke = grids(a_study(tiers=tiers, claims=claims), "smoke")
    assert [grid.seeds for grid in smoke.values()] == [1, 1, 1]
    assert smoke["main@fashion"].recipe.data.train_examples == 100
    assert smoke["main"].recipe.data.train_examples != 100
    asked = grids(
        a_study(), overrides={"budget.epochs": 2, "data.name": "mnist5k", "main@fashion.seeds": 7}
    )
    assert asked["main"].recipe.data.name == "mnist5k"
    there = asked["main@fashion"]
    assert there.recipe.data.name == "fashion_mnist"  # or it would be no context
    assert (there.recipe.budget.epochs, there.seeds) == (2, 7)
    assert grids(a_study(), seeds=2)["main@fashion"].seeds == 2


def test_levels_that_a_context_lacks_leave_it_without_trials() -> None:
    only = grids(a_study(), only={BATCH: (16, 32)})
    assert levels(only["main@fashion"])[BATCH] == (16,)
    assert grids(a_study(), only={BATCH: (32,)})["main@fashion"].size == 0
    assert grids(a_study(), overrides={BATCH: 128})["main@fashion"].size == 0
    with pytest.raises(RequestError, match="--only: batch_size=17 is not in the grid"):
        a_study().grids(only={BATCH: (17,)})


def test_a_view_may_show_a_context() -> None:
    study = a_study(views=(lines("test/accuracy", over=BATCH, part="main@fashion"),))
    assert study.views[0].part == "main@fashion"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"claims": (a_claim(contexts=("fasion",)),)}, "no context 'fasion' (did you mean 'fashion'?)"),
        ({"contexts": {"a:b": FASHION}, "claims": ()}, "a context is called by letters"),
        ({"contexts": {"fashion": {}}}, "needs changes by dotted path"),
        ({"contexts": {"fashion": {"data.nam": "mnist5k"}}}, "context 'fashion', part 'main': Data has no"),
        ({"contexts": {"fashion": {"seeds": 8}}}, "context 'fashion' changes nothing of part 'main'"),
        ({"contexts": {"fashion": {BATCH: (16, 32, 64)}}}, "context 'fashion' changes nothing"),
        ({"contexts": {"fashion": {BATCH: (16, 32)}}}, "in context 'fashion': batch_size=64 is not"),
        ({"contexts": {"fashion": {"data.name": "house_prices"}}}, "context 'fashion', part 'main': data"),
        (
            {
                "contexts": {"fashion": {"loss": "focal"}},
                "claims": (a_claim(of="test/loss"),),
            },
            "claim 'Small is good.' in context 'fashion': 'test/loss' is of another loss there",
        ),
        ({"parts": (Part("main@fashion", grid=()),)}, "cannot be called 'main@fashion'"),
        ({"claims": (a_claim(), a_claim(part="main@fashion"))}, "there is no part 'main@fashion'"),
        (
            {
                "contexts": {"fashion": {"loss": "mse", "data": Data("synthetic_linear")}},
                "select": "validation/loss",
            },
            "claim 'Small is good.' in context 'fashion': part 'main@fashion' has values",
        ),
    ],
)  # fmt: skip
def test_what_is_no_context_is_refused_when_the_study_is_read(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError) as refused:
        a_study(**changes)
    assert said in str(refused.value)


def test_a_cell_that_cannot_be_is_refused_when_the_study_is_read() -> None:
    widths = axis("model.widths", ((8,), (16,)))
    claim = a_claim(
        arm={"model.widths": (8,)}, against={"model.widths": (16,)}, contexts=("lenet",)
    )
    with pytest.raises(
        RequestError, match="context 'lenet', part 'main': Model 'lenet' does not use 'widths'"
    ):
        a_study(grid=(widths,), claims=(claim,))


def test_a_probe_s_axes_have_the_levels_of_the_context() -> None:
    def probe(cell: Mapping[str, Any], seed: int) -> Mapping[str, float]:
        return {VALUE: 1.0}

    def of_noise(**noisy: Any) -> Study:
        claim = a_claim(of=VALUE, arm={"x": 1}, against={"x": 2}, contexts=("noisy",))
        return Study(
            "Probe", probe=probe, grid=(axis("x", (1, 2, 3)), axis("noise", (0.0,))),
            contexts={"noisy": noisy}, claims=(claim,),
        )  # fmt: skip

    there = grids(of_noise(noise=0.5))["main@noisy"]
    assert levels(there) == {"x": (1, 2), "noise": (0.5,)}
    with pytest.raises(RequestError, match="changes nothing of part 'main'"):
        of_noise(**{"data.name": "mnist5k"})


def test_a_boundary_lies_among_numbers_of_its_axis() -> None:
    fields: dict[str, Any] = {
        "of": "test/accuracy", "over": BATCH, "arm": {RATE: 0.1}, "against": {RATE: 1.0},
        "low": 16, "high": 32, "matters": 0.01, "says": "It turns.", "source": "",
    }  # fmt: skip
    claim = Boundary(**fields)
    assert a_study(claims=(claim,)).claims == (claim,)
    for changes, said in (
        ({"high": 128}, "reaches beyond the levels of 'batch_size', 16 to 64"),
        ({"low": 40}, "low must be below high"),
        ({"over": "model.name"}, "no axis 'model.name'"),
    ):
        with pytest.raises(RequestError, match=said):
            a_study(claims=(Boundary(**(fields | changes)),))
    rule = axis("optimizer", (Optimizer("sgd"), Optimizer("adam")))
    with pytest.raises(RequestError, match="axis 'optimizer' has no numbers, and so no boundary"):
        a_study(
            grid=(*a_study().grid, rule), claims=(Boundary(**(fields | {"over": "optimizer"})),)
        )

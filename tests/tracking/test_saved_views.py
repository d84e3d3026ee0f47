"""What views a study has, before MLflow's UI is asked; tests/browser/test_mlflow.py asks it."""

from __future__ import annotations

import json

import pytest

from suite.tracking import saved_views
from suite.tracking.saved_views import ARM, CURVES, MAP, VARIED, SavedView, tag_of, views_of
from suite.vocabulary import discovery
from suite.vocabulary.study import MAIN
from tests.saved_views import state_of

LONGEST = 5000  # characters of a tag of an experiment, in MLflow
METRICS = ["cost/steps", "generalisation_gap", "test/accuracy", "validation/accuracy"]


def views(name: str, chosen: tuple[str, ...] = ()) -> dict[str, SavedView]:
    study = discovery.load(name)
    (grid,) = (one for one in study.grids() if one.name == MAIN)
    return {view.id: view for view in views_of(study, grid, chosen)}


def test_curves_are_of_the_arms_that_validation_tuned_and_the_headline_beside_them() -> None:
    view = views("dropout", ("dropout 0", "dropout 0.5", "dropout 0"))[CURVES]
    assert view.by == (("tag", ARM),)
    assert view.groups == (("dropout 0",), ("dropout 0.5",))
    assert f"tags.`{ARM}` != ''" in view.where
    assert [(card["type"], card["metricKey"]) for card in view.cards] == [
        ("LINE", "validation/accuracy"),
        ("BAR", "generalisation_gap"),
    ]


def test_where_nothing_is_tuned_runs_are_grouped_by_what_was_varied() -> None:
    view = views("residual")[CURVES]
    assert view.by == (("param", "model.depth"), ("param", "model.residual"))
    assert ("8", "True") in view.groups
    assert view.cards[0]["metricKey"] == "train/running_loss"  # of the headline, train/loss


def test_a_probe_has_no_curves() -> None:
    view = views("initialisation")[CURVES]
    assert [card["type"] for card in view.cards] == ["BAR"]


def test_a_map_is_of_logarithms_where_axes_are_geometric_and_holds_the_rest() -> None:
    (card,) = views("batch_size_and_learning_rate")[MAP].cards
    axes = [card[name]["key"] for name in ("xaxis", "yaxis", "zaxis")]
    assert axes == ["log10 optimizer.lr", "log10 batch_size", "test/accuracy"]
    view = views("dropout")[MAP]
    assert "params.`data.train_examples` = '100'" in view.where
    assert view.name.endswith("data.train_examples 100")
    assert view.cards[0]["yaxis"] == {"key": "model.dropout", "type": "PARAM"}  # it has a 0
    assert MAP not in views("batch_norm")  # one axis of numbers


def test_trials_of_other_tiers_stand_in_no_view() -> None:
    study = discovery.load("dropout")
    for tier in ("smoke", "laptop"):
        grid = study.grids(tier)[0]
        for view in views_of(study, grid):
            assert f"params.`budget.steps` = '{grid.recipe.budget.steps}'" in view.where


def test_what_was_varied_ends_in_the_headline_which_colours_the_lines() -> None:
    (card,) = views("dropout")[VARIED].cards
    assert card["selectedParams"] == ["data.train_examples", "model.dropout", "log10 optimizer.lr"]
    assert card["selectedMetrics"] == ["generalisation_gap"]


@pytest.mark.parametrize("name", discovery.names())
def test_a_tag_is_the_same_twice_and_no_longer_than_mlflow_takes(name: str) -> None:
    for view in views(name).values():
        key, value = tag_of(view, METRICS, 1000)
        assert (key, value) == tag_of(view, METRICS, 1000)
        assert len(value) <= LONGEST
        form = json.loads(value)
        assert (form["name"], form["createdAt"], form["updatedAt"]) == (view.name, 1000, 1000)


def test_its_own_section_comes_first_and_those_of_other_metrics_are_folded() -> None:
    _, value = tag_of(views("residual")[CURVES], METRICS, 0)
    state = state_of(value)
    own, *others = state["compareRunSections"]
    assert {card["metricSectionId"] for card in state["compareRunCharts"]} == {own["uuid"]}
    assert own["display"] and not any(one["display"] for one in others)
    names = [one["name"] for one in others]
    assert names == ["cost", "test", "validation", "Model metrics", "System metrics"]
    assert state["groupsExpanded"]["param.model.depth.8,param.model.residual.True"] is False


@pytest.mark.parametrize(
    ("version", "known"), [("3.15.2", False), ("3.16.0", True), ("4.0", True), ("2.22.0rc1", False)]
)
def test_only_an_mlflow_that_names_views_is_given_any(
    version: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "version", lambda _: version)
    assert saved_views.are_known.__wrapped__() is known

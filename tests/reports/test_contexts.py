"""Figures and cards of claims over contexts, of boundaries, and of an effect over two axes."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.figures import evidence, forest_of, sketch
from reports.figures.effect_map import crosses, notes
from reports.figures.heat import field
from reports.figures.shown import shown
from reports.pages.cards import card
from reports.pages.front import missing
from reports.site import render
from suite import Boundary, Difference, Rate, Study, axis, define_metric, effect_map
from suite.evidence.results import Results
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.language.catalogue import writing
from suite.language.effects import range_words
from suite.vocabulary.record import Execution, Outcome, Record, Status
from suite.vocabulary.views import View
from tests.evidence.test_kinds_of_claim import NOWHERE

ACCURACY = define_metric("test_contexts/accuracy", "an accuracy", unit="percent", better="higher")
COMMON: dict[str, Any] = {"of": ACCURACY, "matters": 0.01, "source": "", "contexts": ("hard",)}
MAP = effect_map(ACCURACY, arm={"rule": "b"}, against={"rule": "a"}, x="size", y="noise")
CLAIMS = (
    Difference(
        arm={"rule": "b", "size": 64, "noise": 0.1}, against={"rule": "a", "size": 64, "noise": 0.1},
        direction="lower", says="B does worse in large batches.", **COMMON,
    ),
    Boundary(
        over="size", arm={"rule": "b", "noise": 0.1}, against={"rule": "a", "noise": 0.1},
        low=16, high=32, says="B stops to help at 16 to 32.", **COMMON,
    ),
    Rate(
        arm={"rule": "b", "size": 64, "noise": 0.1}, event="reached", level=0.8,
        direction="higher", says="It mostly gets there.", of=ACCURACY, source="", contexts=("hard",),
    ),
)  # fmt: skip


def value(cell: Mapping[str, Any], seed: int) -> float:
    """B is better below sizes of about 22, and the less so the more noise there is."""
    key = [seed, cell["size"], round(10 * cell["noise"]), ord(cell["rule"]), int(cell["hard"])]
    luck = float(np.random.default_rng(key).normal(0, 0.004))
    helps = 0.02 * (4.5 - math.log2(cell["size"])) - 0.04 * (cell["noise"] - 0.1)
    return 0.8 + luck + (helps if cell["rule"] == "b" else 0.0) * (-1 if cell["hard"] else 1)


def a_study(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "probe": lambda cell, seed: {ACCURACY: value(cell, seed)},
        "grid": (
            axis("size", (8, 16, 32, 64)), axis("noise", (0.0, 0.1, 0.5)), axis("rule", ("a", "b")),
            axis("hard", (False,)),
        ),
        "contexts": {"hard": {"hard": True}},
        "claims": CLAIMS,
        "views": (MAP,),
        "seeds": 6,
        "name": "example",
    }  # fmt: skip
    return Study("Example", **(given | changes))


@pytest.fixture(scope="module")
def results() -> Results:
    study = a_study()
    records = tuple(
        Record(
            id=one.id, study="example", part=one.part, cell=dict(one.cell),
            recipe=canonical(one.recipe), seed=one.seed, alone=False, provenance=NOWHERE,
            outcome=Outcome(status=Status.FINISHED, final={ACCURACY: value(one.cell, one.seed)}),
        )
        for one in study.trials(study.grids())
    )  # fmt: skip
    execution = Execution(
        study="example", tier="laptop", overrides={}, only={}, seeds=None, trials=[], command="",
        started=0.0, claims="",
    )  # fmt: skip
    return Results(study, execution, study.grids(), records, 0, study.trials(study.grids()))


def test_a_card_says_over_contexts_how_far_its_claim_reaches(results: Results) -> None:
    finding = results.findings[0]
    made = card(results, finding, 0, None, forest_of(finding, "f"))
    assert made.reach is not None
    assert (made.reach.word, made.reach.kind) == ("reverses", "refuted")
    assert [line.name for line in made.contexts] == ["the study itself", "hard"]
    assert [line.badge.word for line in made.contexts] == ["supported", "refuted"]
    assert "what breaks it: hard" in made.across
    assert made.forest is not None
    assert made.forest.alt.startswith("The study itself: supported, an accuracy 3")


@pytest.mark.parametrize("index", range(3))
def test_a_forest_has_a_row_a_context_in_every_language(results: Results, index: int) -> None:
    drawn = forest_of(results.findings[index], "f")
    again = forest_of(results.findings[index], "f")
    assert drawn is not None
    assert again is not None
    ((_, svg),) = drawn.picture().drawings
    assert svg == again.picture().drawings[0][1]
    assert {"the study itself", "hard"} <= set(re.findall(r">([^<>]+)</text>", svg))
    with writing("zh"):
        ((_, svg),) = drawn.picture().drawings
    assert "研究本身" in svg
    assert "the study itself" not in svg


def test_a_boundary_is_drawn_with_its_levels_and_said_in_words(results: Results) -> None:
    drawn = evidence(results.findings[1], "b")
    assert drawn is not None
    picture = drawn.picture()
    ((_, svg),) = picture.drawings
    assert {"8", "16", "32", "64"} <= set(re.findall(r">([^<>]+)</text>", svg))
    assert "the effect changes sign at size 2" in picture.alt
    assert "Claimed: size 16 to 32." in picture.alt


def test_a_claimed_range_is_written_as_it_was_claimed() -> None:
    claim = CLAIMS[1]
    assert isinstance(claim, Boundary)
    assert range_words(dataclasses.replace(claim, low=0.01, high=0.3)) == "size 0.01 to 0.3"


def test_a_page_says_that_claims_were_changed_and_that_trials_are_missing(results: Results) -> None:
    ran = dataclasses.replace(results.execution, claims="other")
    said = missing(dataclasses.replace(results, execution=ran, missing=3))
    assert "have been changed since these trials ran" in said
    assert said.count("have no record yet") == 1


def test_a_map_has_the_mean_effect_in_each_cell_and_the_line_where_it_is_zero(
    results: Results,
) -> None:
    data = shown(results, MAP)
    means = field(data).means
    assert len(means) == 4 * 3
    by_hand = [
        value({"size": 8, "noise": 0.5, "rule": rule, "hard": False}, seed)
        for rule in "ab"
        for seed in range(6)
    ]
    assert means[0, 2].mean == pytest.approx(np.mean(by_hand[6:]) - np.mean(by_hand[:6]))
    assert means[0, 2].n == 6
    assert crosses(means)
    assert data.trials["count"].sum() == 4 * 3 * 2 * 6
    (note,) = notes(data)
    assert note.startswith("Rule b less rule a: purple is above zero, orange below.")
    drawn = sketch(results, MAP, "m")
    svg = drawn.drawing.picture().drawings[0][1]  # type: ignore[union-attr]
    assert "difference in an accuracy (points)" in svg
    assert svg.count("#ffffff") > 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"against": {"rule": "b"}}, "compares an arm with itself"),
        ({"x": "noise"}, "needs two axes, not 'noise' twice"),
        ({"arm": {"rule": "c"}}, "rule=c is not in the grid"),
        ({"arm": {"rule": "b", "size": 8}}, "cannot hold the axis that it shows: 'size'"),
        ({"x": "siz"}, "no axis 'siz'"),
        ({"arm": {}}, "must name a level of rule: nothing is tuned"),
    ],
)
def test_a_map_that_shows_nothing_is_refused_when_the_study_is_read(
    changes: dict[str, Any], said: str
) -> None:
    given = {"arm": {"rule": "b"}, "against": {"rule": "a"}, "x": "size", "y": "noise"}
    view: View = effect_map(ACCURACY, **(given | changes))
    with pytest.raises(RequestError, match=re.escape(said)):
        a_study(views=(view,))


def test_the_pages_are_written_in_every_language(results: Results, tmp_path: Path) -> None:
    render([results], tmp_path)
    page = (tmp_path / "example.html").read_text(encoding="utf-8")
    assert "Where it holds" in page
    assert "Main grid, in context “hard”" in page
    assert 'id="claim-1-all-small"' in page
    assert "在哪里成立" in (tmp_path / "example.zh.html").read_text(encoding="utf-8")
    assert "over contexts: reverses" in (tmp_path / "index.html").read_text(encoding="utf-8")

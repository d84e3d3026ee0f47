"""A study with contexts on the command line: what it costs, what ran and what came of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from suite.ground.identity import digest
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from tests.command_line import make_study, suite, suite_json
from tests.synthetic import make_results, ten_beats_twenty

TEXT = '''
"""Two networks."""

from suite import Budget, Data, Difference, Model, Recipe, Study, axis

study = Study(
    title="Two networks",
    recipe=Recipe(
        data=Data("digits", train_examples=200), model=Model("mlp", widths=(8,)), budget=Budget(epochs=2)
    ),
    grid=(axis("batch_size", (10, 20, 40)), axis("optimizer.lr", (0.01, 0.03, 0.1))),
    seeds=6,
    contexts={"linear": {"model": Model("linear"), "seeds": 4}},
    claims=(
        Difference(
            of="test/accuracy", arm={"batch_size": 10}, against={"batch_size": 20},
            direction="higher", matters=0.01, says="Ten beats twenty.", source="", contexts=("linear",),
        ),
    ),
    tiers={"smoke": {"seeds": 1, "budget.epochs": 1, "optimizer.lr": (0.03,)}},
)
'''
MAIN, CONTEXT = 3 * 3 * 6, 2 * 3 * 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_study(tmp_path, TEXT, "networks")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def depends(trial: Trial) -> float:
    """Ten beats twenty, and the other way with a linear model."""
    value = ten_beats_twenty(dataclasses.replace(trial, cell={"batch_size": 10, **trial.cell}))
    return 1.7 - value if trial.part == "main@linear" else value


def test_a_context_stands_in_the_list_and_in_the_plan(folder: Path) -> None:
    (study,) = suite_json(folder, "list")["studies"]
    assert study["tiers"] == {"smoke": 3 + 2, "laptop": MAIN + CONTEXT, "full": MAIN + CONTEXT}
    plan = suite_json(folder, "plan", "networks")
    assert [grid["part"] for grid in plan["studies"][0]["grids"]] == ["main", "main@linear"]
    assert plan["studies"][0]["grids"][1]["axes"]["batch_size"] == [10, 20]
    assert plan["trials"] == MAIN + CONTEXT
    fewer = suite_json(folder, "plan", "networks", "--set", "main@linear.seeds=2")
    assert fewer["trials"] == MAIN + CONTEXT / 2
    only = suite_json(folder, "plan", "networks", "--only", "batch_size=40")
    assert only["trials"] == 3 * 6


def test_a_context_is_run_and_its_trials_are_kept(folder: Path) -> None:
    ran = suite_json(folder, "run", "networks", "--tier", "smoke")
    assert (ran["ran"], ran["studies"][0]["trials"]) == (5, 5)
    again = suite_json(folder, "run", "networks", "--tier", "smoke")
    assert (again["ran"], again["cached"]) == (0, 5)
    trials = suite_json(folder, "results", "networks")["trials"]
    assert [one["part"] for one in trials] == ["main"] * 3 + ["main@linear"] * 2
    assert {one["model.name"] for one in trials if one["part"] == "main@linear"} == {"linear"}


def test_verdicts_say_how_far_a_claim_reaches(folder: Path) -> None:
    make_results(folder, depends)
    (finding,) = suite_json(folder, "verdicts")["studies"][0]["findings"]
    assert finding["verdict"] == "supported"
    assert finding["contexts"]["linear"]["verdict"] == "refuted"
    assert (finding["across"]["reach"], finding["across"]["breaks"]) == ("reverses", "linear")
    said = suite(folder, "verdicts").stdout
    assert "over contexts REVERSES: it is as claimed in one place" in said
    assert "  linear: refuted, test accuracy 10" in said


def test_contexts_are_compared_too(folder: Path) -> None:
    a = make_results(folder / "a", depends)
    b = make_results(folder / "b", lambda trial: 0.9 if "@" in trial.part else depends(trial))
    form = json.loads(suite(folder, "compare", str(a), str(b), "--json").stdout)
    assert [one["context"] for one in form["studies"][0]["claims"]] == ["", "linear"]
    assert form["verdicts_changed"] == 2
    said = suite(folder, "compare", str(a), str(b)).stdout
    assert "REACH CHANGED  reverses → " in said
    assert "VERDICT CHANGED" in said
    assert "Ten beats twenty. (in context linear)" in said


def test_a_study_without_contexts_is_what_it_was(folder: Path) -> None:
    study = discovery.load("networks")
    plain = dataclasses.replace(
        study,
        contexts={},
        claims=tuple(dataclasses.replace(one, contexts=()) for one in study.claims),
    )
    trials = [one.id for one in study.trials(study.grids()) if one.part == "main"]
    assert [one.id for one in plain.trials(plain.grids())] == trials
    assert plain.claims_digest != study.claims_digest != digest([])

"""What a newcomer wants to know of results; docs/tasks.md, which is typed, has all sixteen tasks."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import suite as thumbrules
from tests.command_line import make_study, suite, suite_json

HEAD = """
from suite import Budget, Data, Difference, Model, Recipe, Study, axis, loss, number

SALES = Data("table", path="sales.csv", target="bought", drop=("price",), stratify=True)
SHORT = Budget(epochs=2)
SMALL = Model("mlp", widths=(8,))


def better(of, arm, against, direction="higher"):
    return (Difference(of=of, arm=arm, against=against, direction=direction, matters=0.01,
                       says="One is better.", source=""),)
"""
CLIPPING = """
study = Study(
    title="Clipping", recipe=Recipe(data=Data("digits", train_examples=200), model=SMALL, budget=SHORT),
    grid=(axis("clip_norm", (None, 0.5)),), seeds=2,
    claims=better("test/accuracy", {"clip_norm": 0.5}, {"clip_norm": None}),
)
"""
CONFIDENCE = """
@loss
def confident(outputs, targets, *, penalty: float = number(0.1, low=0)):
    from torch.nn import functional as F
    said = F.log_softmax(outputs, 1)
    return F.nll_loss(said, targets) + penalty * (said.exp() * said).sum(1).mean()

study = Study(
    title="Confidence", recipe=Recipe(data=SALES, model=SMALL, budget=SHORT, loss=confident()), seeds=2,
    grid=(axis("model.widths", ((4,), (16,))), axis("loss.penalty", (0.0, 0.1, 0.3))),
    claims=better("test/accuracy", {"model.widths": (16,)}, {"model.widths": (4,)}),
)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table."""
    folder = tmp_path_factory.mktemp("newcomer")
    rng = np.random.default_rng(0)
    age, town = rng.integers(18, 80, 300), rng.choice(["Ulm", "Köln", ""], 300)
    bought = np.where(age + rng.normal(0, 9, 300) > 68, "yes", "no")
    table = {"age": age, "town": town, "price": age * 1.5 + rng.normal(0, 5, 300), "bought": bought}
    pd.DataFrame(table).to_csv(folder / "sales.csv", index=False)
    return folder


def test_11_results_are_frames_for_a_plot(place: Path) -> None:
    import seaborn

    make_study(place, HEAD + CLIPPING, "task_5")
    assert suite(place, "run", "task_5").returncode == 0
    with contextlib.chdir(place):
        axes = seaborn.lineplot(
            thumbrules.results("task_5").curves, x="epoch", y="value", hue="clip_norm"
        )
    assert len(axes.lines) >= 2


def test_12_the_best_configuration_says_how_sure_one_can_be(place: Path) -> None:
    make_study(place, HEAD + CONFIDENCE, "task_15")
    assert suite(place, "run", "task_15").returncode == 0
    with contextlib.chdir(place):
        best = thumbrules.results("task_15").best("test/accuracy")
    assert set(best.cell) == {"model.widths", "loss.penalty"}
    assert best.low <= best.mean <= best.high
    assert len(best.rivals) == 5
    assert 0 <= best.p <= 1


def test_13_one_trial_has_its_learning_curve(place: Path) -> None:
    make_study(place, HEAD + CLIPPING, "task_5")
    assert suite(place, "run", "task_5").returncode == 0
    with contextlib.chdir(place):
        curves = thumbrules.results("task_5").curves
    one = curves[(curves["id"] == curves["id"].iloc[0]) & (curves["metric"] == "validation/loss")]
    assert one["epoch"].tolist() == [1.0, 2.0]
    file = place / "curves.csv"
    assert suite(place, "results", "task_5", "--curves", "--csv", str(file)).returncode == 0
    assert len(pd.read_csv(file)) == len(curves)


def test_16_a_study_is_deleted_and_starts_anew(place: Path) -> None:
    longer = CLIPPING.replace("budget=SHORT", "budget=Budget(epochs=3)")
    make_study(place, HEAD + longer, "anew")
    assert suite(place, "run", "anew").returncode == 0
    assert suite_json(place, "run", "anew")["ran"] == 0
    assert suite(place, "forget", "anew", "--yes").returncode == 0
    assert suite_json(place, "run", "anew")["ran"] == 4

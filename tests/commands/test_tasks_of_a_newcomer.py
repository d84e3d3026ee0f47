"""What a newcomer wants first, each done from one study file or one command, with no edit elsewhere."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

import suite as thumbrules
from tests.command_line import make_study, suite, suite_json

HEAD = '''
"""A task."""

from suite import (
    Budget, Data, Difference, Model, Optimizer, Recipe, Schedule, Study, axis, loss, metric, model,
    number, optimizer,
)

PHOTOS = Data("image_folder", path="photos", size=16)
SALES = Data("table", path="sales.csv", target="bought", drop=("price",), stratify=True)
PRICES = Data("table", path="sales.csv", target="price", drop=("bought",))
SHORT = Budget(epochs=2)
SMALL = Model("mlp", widths=(8,))


def better(of, arm, against, direction="higher"):
    return (Difference(of=of, arm=arm, against=against, direction=direction, matters=0.01,
                       says="One is better.", source=""),)
'''
TASKS = {
    "1 RMSprop against SGD on one's own CSV": '''
@optimizer
def rmsprop(parameters, lr, *, alpha: float = number(0.99, low=0, high=1)):
    import torch
    return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)

study = Study(
    title="Rules", recipe=Recipe(data=SALES, model=SMALL, budget=SHORT), seeds=2,
    grid=(axis("optimizer", (Optimizer("sgd"), rmsprop())),
          axis("optimizer.lr", {"sgd": (0.03, 0.1), "rmsprop": (0.001, 0.003)}, per="optimizer")),
    claims=better("test/accuracy", {"optimizer": "rmsprop"}, {"optimizer": "sgd"}),
)
''',
    "2 a network of one's own on a folder of PNGs": '''
@model
def mine(shape, outputs, *, channels: int = number(4, low=1)):
    from torch import nn
    return nn.Sequential(nn.Conv2d(shape[0], channels, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(outputs))

study = Study(
    title="Channels", recipe=Recipe(data=PHOTOS, model=mine(), budget=SHORT), seeds=2,
    grid=(axis("model.channels", (2, 4)),),
)
''',
    "3 torchvision's resnet18 on one's own images": '''
@model
def resnet_18(shape, outputs):
    from torchvision.models import resnet18
    return resnet18(weights=None, num_classes=outputs)

study = Study(
    title="Residual", recipe=Recipe(data=PHOTOS, model=resnet_18(), budget=Budget(epochs=1)), seeds=1,
    grid=(axis("optimizer.lr", (0.01,)),),
)
''',
    "4 warm-up and one-cycle": '''
study = Study(
    title="Schedules", recipe=Recipe(data=Data("digits", train_examples=200), model=SMALL, budget=SHORT),
    grid=(axis("schedule", {"plain": Schedule(), "warm-up": Schedule("cosine", warmup=3),
                            "one cycle": Schedule("one_cycle")}),), seeds=2,
    claims=better("test/accuracy", {"schedule": "one cycle"}, {"schedule": "plain"}),
)
''',
    "5 clipping": '''
study = Study(
    title="Clipping", recipe=Recipe(data=Data("digits", train_examples=200), model=SMALL, budget=SHORT),
    grid=(axis("clip_norm", (None, 0.5)),), seeds=2,
    claims=better("test/accuracy", {"clip_norm": 0.5}, {"clip_norm": None}),
)
''',
    "6 mixup": '''
study = Study(
    title="Mixup", recipe=Recipe(data=PHOTOS, model=SMALL, budget=SHORT), seeds=2,
    grid=(axis("augmentation", ((), ("mixup",))),),
    claims=better("test/accuracy", {"augmentation": ("mixup",)}, {"augmentation": ()}),
)
''',
    "7 early stopping": '''
study = Study(
    title="Patience", recipe=Recipe(data=SALES, model=SMALL, budget=Budget(epochs=4)), seeds=2,
    grid=(axis("budget.patience", (None, 1)),),
    claims=better("test/accuracy", {"budget.patience": 1}, {"budget.patience": None}),
)
''',
    "8 AUC and F1 on an imbalanced set": '''
@metric(words="area under the curve")
def auc(outputs, targets):
    from sklearn.metrics import roc_auc_score
    return roc_auc_score(targets, outputs.softmax(1)[:, 1])

@metric
def f1(outputs, targets):
    from sklearn.metrics import f1_score
    return f1_score(targets, outputs.argmax(1), zero_division=0)

study = Study(
    title="Few buyers", recipe=Recipe(data=SALES, model=SMALL, budget=SHORT, metrics=(auc, f1)), seeds=2,
    grid=(axis("optimizer.lr", (0.03, 0.1)),), select="validation/auc",
    claims=better("test/f1", {"optimizer.lr": 0.1}, {"optimizer.lr": 0.03}),
)
''',
    "9 a regression judged by MAE": '''
@metric(better="lower", words="mean absolute error")
def mae(outputs, targets):
    return (outputs - targets).abs().mean()

study = Study(
    title="Prices", recipe=Recipe(data=PRICES, model=SMALL, loss="mse", metrics=(mae,), budget=SHORT),
    grid=(axis("model.widths", ((8,), (32,))),), select="validation/mae", seeds=2,
    claims=better("test/mae", {"model.widths": (32,)}, {"model.widths": (8,)}, "lower"),
)
''',
    "10 a small transformer on surnames": '''
NAMES = Data("surnames", train_examples=300, validation_examples=100)
study = Study(
    title="Names", recipe=Recipe(data=NAMES, model=Model("transformer", width=8, layers=1), budget=SHORT,
                                 optimizer=Optimizer("adam", lr=0.01)),
    grid=(axis("model.positions", ("none", "rotary")),), seeds=2, select="validation/loss",
    claims=better("test/bits_per_symbol", {"model.positions": "rotary"}, {"model.positions": "none"}, "lower"),
)
''',
    "14 an optimizer from a package": '''
@optimizer
def lion(parameters, lr):
    from lion_pytorch import Lion
    return Lion(parameters, lr=lr)

study = Study(
    title="Lion", recipe=Recipe(data=SALES, model=SMALL, budget=SHORT, optimizer=lion()), seeds=2,
    grid=(axis("optimizer.lr", (0.001, 0.003)),),
)
''',
    "15 a loss of one's own with a field that is tuned": '''
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
''',
}  # fmt: skip
MEASURES = {"8": "test/auc", "9": "test/mae", "7": "stopping/epochs", "10": "test/bits_per_symbol"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few photos and a table."""
    folder = tmp_path_factory.mktemp("newcomer")
    for i in range(60):
        image = Image.new("RGB", (20 + i % 5, 24), (i, 90, 120))
        name = "circle" if i % 2 else "square"
        draw = ImageDraw.Draw(image)
        (draw.ellipse if i % 2 else draw.rectangle)((4, 4, 14, 14), fill=(250, 200, i))
        (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
        image.save(folder / "photos" / name / f"{i}.png")
    rng = np.random.default_rng(0)
    age, town = rng.integers(18, 80, 300), rng.choice(["Ulm", "Köln", ""], 300)
    bought = np.where(age + rng.normal(0, 9, 300) > 68, "yes", "no")
    table = {"age": age, "town": town, "price": age * 1.5 + rng.normal(0, 5, 300), "bought": bought}
    pd.DataFrame(table).to_csv(folder / "sales.csv", index=False)
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_one_study_file(place: Path, task: str) -> None:
    number = task.split()[0]
    name = f"task_{number}"
    make_study(place, HEAD + TASKS[task], name)
    done = suite(place, "run", name)
    assert done.returncode == 0, done.stderr
    with contextlib.chdir(place):
        found = thumbrules.results(name)
    assert (found.trials["status"] == "finished").all()
    assert found.trials[MEASURES.get(number, "test/loss")].notna().any()
    assert len(found.findings) == ("claims=" in TASKS[task])


def test_11_results_are_frames_for_a_plot(place: Path) -> None:
    import seaborn

    make_study(place, HEAD + TASKS["5 clipping"], "task_5")
    assert suite(place, "run", "task_5").returncode == 0
    with contextlib.chdir(place):
        axes = seaborn.lineplot(
            thumbrules.results("task_5").curves, x="epoch", y="value", hue="clip_norm"
        )
    assert len(axes.lines) >= 2


def test_12_the_best_configuration_says_how_sure_one_can_be(place: Path) -> None:
    make_study(place, HEAD + TASKS["15 a loss of one's own with a field that is tuned"], "task_15")
    assert suite(place, "run", "task_15").returncode == 0
    with contextlib.chdir(place):
        best = thumbrules.results("task_15").best("test/accuracy")
    assert set(best.cell) == {"model.widths", "loss.penalty"}
    assert best.low <= best.mean <= best.high
    assert len(best.rivals) == 5
    assert 0 <= best.p <= 1


def test_13_one_trial_has_its_learning_curve(place: Path) -> None:
    make_study(place, HEAD + TASKS["5 clipping"], "task_5")
    assert suite(place, "run", "task_5").returncode == 0
    with contextlib.chdir(place):
        curves = thumbrules.results("task_5").curves
    one = curves[(curves["id"] == curves["id"].iloc[0]) & (curves["metric"] == "validation/loss")]
    assert one["epoch"].tolist() == [1.0, 2.0]
    file = place / "curves.csv"
    assert suite(place, "results", "task_5", "--curves", "--csv", str(file)).returncode == 0
    assert len(pd.read_csv(file)) == len(curves)


def test_16_a_study_is_deleted_and_starts_anew(place: Path) -> None:
    longer = TASKS["5 clipping"].replace("budget=SHORT", "budget=Budget(epochs=3)")
    make_study(place, HEAD + longer, "anew")
    assert suite(place, "run", "anew").returncode == 0
    assert suite_json(place, "run", "anew")["ran"] == 0
    assert suite(place, "forget", "anew", "--yes").returncode == 0
    assert suite_json(place, "run", "anew")["ran"] == 4

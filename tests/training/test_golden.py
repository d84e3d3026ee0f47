"""A change that should be neutral proves it: short trainings end where they always ended.

Sums are taken in another order on another processor, so losses are compared there to a
relative 1e-4; where torch, its vector instructions and the processor are those of the recording,
every bit counts. `python tests/training/test_golden.py` prints the table anew.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from suite import Budget, Data, Model, Optimizer, Recipe, Schedule
from suite.training import train
from suite.vocabulary.record import Outcome

SEED = 11
CHANGED = (
    "Training '{name}' does not end where it did. If the arithmetic was meant to change, raise "
    "SEMANTICS_VERSION in suite/ground/identity.py, so that stored results are not taken for results of "
    "the new, and renew the table with `python tests/training/test_golden.py`. If not, look for the bug."
)

DIGITS = Data("digits", train_examples=500)
RECIPES: dict[str, Recipe] = {
    "softmax": Recipe(data=DIGITS, model=Model("softmax"), budget=Budget(epochs=None, steps=60)),
    "mlp": Recipe(
        data=DIGITS,
        model=Model(widths=(48, 24), init="xavier_uniform"),
        optimizer=Optimizer(momentum=0.9, nesterov=True, weight_decay=1e-3),
        schedule=Schedule("step", every=3, factor=0.5),
        batch_size=48,
        budget=Budget(epochs=5),
    ),
    "dropout and batch norm": Recipe(
        data=DIGITS,
        model=Model(widths=(48,), dropout=0.3, norm="batch", activation="tanh"),
        optimizer=Optimizer("adam", lr=0.003, weight_decay=1e-3),
        budget=Budget(epochs=None, steps=40, evaluations=3),
    ),
    "adamw": Recipe(
        data=DIGITS,
        model=Model(widths=(32,), activation="sigmoid", init="normal"),
        optimizer=Optimizer("adamw", lr=0.1, weight_decay=0.1, betas=(0.8, 0.99)),
        schedule=Schedule("cosine"),
        budget=Budget(epochs=None, examples=2000),
    ),
    "lenet": Recipe(
        data=Data("mnist5k", train_examples=600),
        model=Model("lenet", pooling="average", init="xavier_uniform"),
        optimizer=Optimizer(momentum=0.9),
        batch_size=32,
        budget=Budget(epochs=None, steps=40),
    ),
    "regression": Recipe(
        data=Data("synthetic_linear", train_examples=100),
        model=Model("linear"),
        optimizer=Optimizer(lr=0.03),
        batch_size=10,
        budget=Budget(epochs=3),
        loss="mse",
    ),
}


class Golden(NamedTuple):
    """Where a training ended: two losses and the start of the final weights' digest."""

    train_loss: float
    validation_loss: float
    weights: str


RECORDED_WITH = ("2.14.1+cu130", "AVX512", "AMD EPYC / 26 / 2")
GOLDEN: dict[str, Golden] = {
    "softmax": Golden(1.5073715448379517, 1.5259026288986206, "700a83b239a7bea9"),
    "mlp": Golden(0.1615099012851715, 0.2741875648498535, "22024a61fdbe2568"),
    "dropout and batch norm": Golden(0.5981759428977966, 0.6135213375091553, "1cf87c117f792b44"),
    "adamw": Golden(2.2169628143310547, 2.250671148300171, "5d59e54792d5da0d"),
    "lenet": Golden(2.1562063694000244, 2.1385133266448975, "3b8e300c046ed13a"),
    "regression": Golden(0.4955826997756958, 0.4776405394077301, "94b8b8e87502bfaf"),
}


def processor() -> str:
    """Return the processor's name, family and model, as far as the system tells them."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    about = dict(line.replace("\t", "").partition(":")[::2] for line in reversed(lines))
    words = [about.get(key, "").strip() for key in ("model name", "cpu family", "model")]
    return " / ".join(words) if any(words) else platform.processor()


def here() -> tuple[str, ...]:
    return torch.__version__, torch.backends.cpu.get_cpu_capability(), processor()


def ended(outcome: Outcome) -> Golden:
    final = outcome.final
    return Golden(final["train/loss"], final["validation/loss"], outcome.weights_digest[:16])


@pytest.mark.parametrize("name", RECIPES)
def test_training_ends_where_it_always_ended(name: str) -> None:
    now, golden = ended(train(RECIPES[name], SEED)), GOLDEN[name]
    if here() == RECORDED_WITH:
        assert now == golden, CHANGED.format(name=name)
    assert now[:2] == pytest.approx(golden[:2], rel=1e-4), CHANGED.format(name=name)


def test_every_golden_training_is_short_and_recorded() -> None:
    assert set(GOLDEN) == set(RECIPES)
    sizes = {name: recipe.data.train_examples or 0 for name, recipe in RECIPES.items()}
    steps = [r.budget.total_steps(sizes[name], r.batch_size) for name, r in RECIPES.items()]
    assert max(steps) <= 60


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"RECORDED_WITH = {here()!r}")
    for name, recipe in RECIPES.items():
        print(f"    {name!r}: {tuple(ended(train(recipe, SEED)))!r},")

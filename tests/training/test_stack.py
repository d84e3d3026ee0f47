"""Cells trained as one program train as they do alone, up to rounding, and know nothing of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from suite import Budget, Data, Model, Optimizer, Recipe, Schedule
from suite.data import Examples, Split
from suite.execution.bundles import CELLS, make_bundles
from suite.execution.plan import make_plan
from suite.execution.pool import run_bundle
from suite.execution.sequential import Sequential
from suite.training.loop import Run, train
from suite.training.stack import Stack, train_together
from suite.training.step import LOSSES
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Status

STEPS = 50
NETWORKS = {
    "linear": (Model("linear"), (3,)),
    "softmax": (Model("softmax"), (1, 4, 4)),
    "mlp": (Model("mlp", widths=(8, 8), norm="batch", dropout=0.3, residual=True), (1, 4, 4)),
    "lenet": (Model("lenet", norm="batch"), (1, 16, 16)),
    "resnet": (Model("resnet", depth=8, channels=2), (1, 8, 8)),
    "alexnet": (Model("alexnet", scale=0.02, widths=(8,), dropout=0.3), (1, 65, 65)),
    "vgg": (Model("vgg", dropout=0.2, blocks=((1, 8), (1, 8)), widths=(8,)), (1, 8, 8)),
    "nin": (Model("nin", scale=0.02, dropout=0.3), (1, 67, 67)),
    "googlenet": (Model("googlenet", scale=0.05), (1, 28, 28)),
    "resnet18": (Model("resnet18", scale=0.05), (1, 64, 64)),
}
# Rates are low and eps is large: training amplifies a difference of rounding, the faster the larger
# its steps. Weights before a normalisation have a gradient of nothing but rounding, which Adam makes
# as long a step of as of any other, but for eps.
OPTIMIZERS = {
    "sgd": [Optimizer("sgd", lr=lr, weight_decay=decay) for lr, decay in ((0.01, 0), (0.02, 0.1))],
    "momentum": [Optimizer("sgd", lr=0.002, momentum=momentum) for momentum in (0.0, 0.9)],
    "nesterov": [Optimizer("sgd", lr=lr, momentum=0.9, nesterov=True) for lr in (0.001, 0.002)],
    "ball": [Optimizer("sgd", lr=lr, max_norm=1.0) for lr in (0.01, 0.02)],
    "adam": [Optimizer("adam", lr=1e-3, eps=1e-2, weight_decay=decay) for decay in (0.0, 0.1)],
    "adamw": [Optimizer("adamw", lr=lr, eps=10 * lr, weight_decay=0.1) for lr in (1e-3, 1e-2)],
}


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def make_runs(name: str, optimizers: list[Optimizer]) -> list[Run]:
    """Return a run for each optimizer, each at its own seed and on its own few examples."""
    model, shape = NETWORKS[name]
    regression = name == "linear"
    runs = []
    for seed, optimizer in enumerate(optimizers):
        draw = torch.Generator().manual_seed(seed)
        inputs = torch.rand(32, *shape, generator=draw)
        targets: Tensor = torch.randint(3, (32,), generator=draw)
        split = Split(inputs, inputs[:, :1] if regression else targets)
        recipe = Recipe(
            data=Data("synthetic_linear" if regression else "mnist5k"),
            model=model,
            optimizer=optimizer,
            schedule=Schedule("cosine"),
            batch_size=12,  # and a last one of 8
            budget=Budget(epochs=None, steps=STEPS, evaluations=2),
            loss="mse" if regression else "cross_entropy",
        )
        outputs = 1 if regression else 3
        runs.append(Run(recipe, seed, "cpu", Examples(split, split, split, outputs, "")))
    return runs


def finals(runs: list[Run]) -> Tensor:
    """Return every number at the end of each run: metrics, curves, weights and buffers."""
    rows = []
    for run in runs:
        outcome = run.outcome("")
        assert outcome.status is Status.FINISHED
        numbers = [value for curve in outcome.curves.values() for _, value in curve]
        states = [
            t.flatten().to(torch.get_default_dtype()) for t in run.network.state_dict().values()
        ]
        rows.append(torch.cat([torch.tensor([*outcome.final.values(), *numbers]), *states]))
    return torch.stack(rows)


def stacked_and_alone(name: str, optimizer: str) -> tuple[Tensor, Tensor]:
    optimizers = OPTIMIZERS[optimizer]
    alone = make_runs(name, optimizers)
    assert not any([run.train() for run in alone])
    stacked = make_runs(name, optimizers)
    assert not Stack(stacked, "cpu").train()
    return finals(stacked), finals(alone)


def test_the_networks_above_are_all_there_are() -> None:
    assert set(NETWORKS) == set(Model.known)


# A network and a rule meet in nothing but tensors: a row and a column of the table say what all of
# it would. Momentum keeps a state, and the network with the most kinds of layers meets every rule.
PAIRS = [(name, "momentum") for name in NETWORKS] + [("mlp", rule) for rule in OPTIMIZERS]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "optimizer"), sorted(set(PAIRS)))
def test_every_network_and_rule_agree_in_float64(name: str, optimizer: str) -> None:
    stacked, alone = stacked_and_alone(name, optimizer)
    torch.testing.assert_close(stacked, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["linear", "softmax", "lenet"])
def test_float32_agrees_to_its_own_rounding(name: str) -> None:
    stacked, alone = stacked_and_alone(name, "momentum")
    torch.testing.assert_close(stacked, alone, rtol=1e-4, atol=1e-5)


DIGITS = Recipe(
    data=Data("digits", train_examples=150),
    model=Model("mlp", widths=(16,)),
    budget=Budget(epochs=3),
)


def with_rate(lr: float, **changes: object) -> Recipe:
    return dataclasses.replace(DIGITS, optimizer=Optimizer("sgd", lr=lr), **changes)


def test_a_cell_that_diverges_leaves_the_others_untouched_bit_for_bit() -> None:
    seeds = (0, 1, 2)
    good = train_together([with_rate(lr) for lr in (0.1, 0.2, 0.3)], seeds)
    bad = train_together([with_rate(lr) for lr in (0.1, 1e30, 0.3)], seeds)
    assert [str(one.status) for one in bad] == ["finished", "diverged", "finished"]
    assert bad[0] == good[0]
    assert bad[2] == good[2]
    alone = train(with_rate(1e30), 1)
    assert bad[1].error == alone.error
    assert bad[1].final == alone.final


def test_a_loss_that_explodes_is_found_between_evaluations() -> None:
    recipes = [
        with_rate(lr, batch_size=1, budget=Budget(epochs=1, evaluations=1)) for lr in (0.01, 1e20)
    ]
    good, bad = train_together(recipes, (0, 0))
    assert good.status is Status.FINISHED
    assert bad.error == train(recipes[1], 0).error
    assert bad.final["cost/steps"] < good.final["cost/steps"]


@pytest.mark.parametrize("loss", sorted(LOSSES.keys() - {"mse"}))
def test_every_loss_can_be_stacked(loss: str) -> None:
    recipes = [with_rate(lr, loss=loss) for lr in (0.01, 0.02)]
    for together, recipe in zip(train_together(recipes, (0, 1)), recipes, strict=True):
        alone = train(recipe, recipes.index(recipe))
        assert together.final == pytest.approx(alone.final, rel=1e-4)


def test_a_cell_may_lack_dropout_or_have_its_own_rate_and_images_are_augmented_each_for_itself() -> (
    None
):
    recipes = [
        with_rate(
            0.1, model=Model("mlp", widths=(16,), dropout=rate), augmentation=("translation",)
        )
        for rate in (0.0, 0.2, 0.7)
    ]
    for together, recipe in zip(train_together(recipes, (5, 5, 6)), recipes, strict=True):
        alone = train(recipe, 6 if recipe.model.dropout == 0.7 else 5)
        assert together.initial_digest == alone.initial_digest
        assert together.data_digest == alone.data_digest
        assert together.final == pytest.approx(alone.final, rel=1e-4)
        assert together.curves.keys() == alone.curves.keys()


def trial(recipe: Recipe, seed: int, *, alone: bool = False) -> Trial:
    return Trial("test", "main", {}, recipe, seed, alone=alone)


def test_only_trials_that_differ_in_scalars_and_seed_are_bundled() -> None:
    alike = [trial(with_rate(lr), seed) for lr in (0.1, 0.2) for seed in range(40)]
    other = [trial(with_rate(0.1, batch_size=32), seed) for seed in range(2)]
    odd = trial(with_rate(0.1, batch_size=16), 0)
    bundles, rest = make_bundles([*alike, *other, odd])
    assert rest == [odd]
    assert sorted(map(len, bundles)) == [2, 40, 40]
    assert all(len(bundle) <= CELLS for bundle in bundles)


def test_a_plan_bundles_what_it_may_and_never_what_is_timed() -> None:
    trials = [trial(DIGITS, 0), trial(DIGITS, 1), trial(DIGITS, 2, alone=True)]
    made = make_plan(trials, lambda _: False, strategy="vectorised", device="cpu")
    assert [(one.strategy, len(one.trials)) for one in made.cohorts] == [
        ("vectorised", 2),
        ("sequential", 1),
    ]
    for strategy in ("auto", "packed", "sequential"):
        made = make_plan(trials, lambda _: False, strategy=strategy, device="cpu")
        assert {len(bundle) for cohort in made.cohorts for bundle in cohort.bundles} == {1}


def test_records_know_with_whom_they_trained() -> None:
    trials = (trial(DIGITS, 0), trial(DIGITS, 1))
    with Sequential("cpu") as strategy:
        finished = list(strategy.run([trials, (trial(DIGITS, 2),)]))
    ids = tuple(one.id for one in trials)
    assert [one.cohort for one in finished] == [ids, ids, ()]
    assert [one.trial.seed for one in finished] == [0, 1, 2]
    assert all(one.finished > one.started for one in finished)


def test_a_bundle_that_raises_is_run_trial_by_trial() -> None:
    broken = with_rate(0.2, data=Data("digits", train_examples=20_000))
    trials = (trial(DIGITS, 0), trial(broken, 1))
    finished = run_bundle(trials, "cpu")
    assert [str(one.outcome.status) for one in finished] == ["finished", "failed"]

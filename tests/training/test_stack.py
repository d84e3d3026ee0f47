"""Cells trained as one program train as they do alone, up to rounding, and know nothing of another."""

from __future__ import annotations

import dataclasses
import gc
import weakref

import pytest
import torch

from suite import Budget, Data, Model, Optimizer, Recipe
from suite.execution.bundles import CELLS, make_bundles
from suite.execution.plan import make_plan
from suite.execution.pool import run_bundle
from suite.execution.sequential import Sequential
from suite.execution.strategy import Finished
from suite.training.loop import Run, train
from suite.training.stack import Stack, train_together
from suite.training.step import LOSSES
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Outcome, Status

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


def test_a_stack_that_is_done_with_is_gone() -> None:
    runs = [Run(with_rate(lr), 0, "cpu") for lr in (0.1, 0.2)]
    train_together([run.recipe for run in runs], (0, 0))  # what PyTorch keeps of its first call
    gc.collect()
    gc.disable()
    try:
        stack = Stack(runs, "cpu")
        stack.train()
        gone = weakref.ref(stack)
        del stack
        assert gone() is None
    finally:
        gc.enable()


def test_a_bundle_that_raises_keeps_nothing_while_its_trials_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[weakref.ref[torch.Tensor]] = []

    def raises(*_: object) -> None:
        large = torch.zeros(10)
        kept.append(weakref.ref(large))
        raise RuntimeError("out of memory")

    def alone(one: Trial, *_: object) -> Finished:
        assert kept[0]() is None
        return Finished(one, Outcome(status=Status.FINISHED), 0.0, 0.0)

    monkeypatch.setattr("suite.training.stack.train_together", raises)
    monkeypatch.setattr("suite.execution.work.run_trial", alone)
    assert len(run_bundle((trial(DIGITS, 0), trial(DIGITS, 1)), "cpu")) == 2

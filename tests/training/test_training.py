"""The training loop is the plain one, to the bit, and its outcome says how it went."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, StepLR

from suite import Budget, Data, Model, Optimizer, Recipe, Schedule
from suite.data import Examples, Split, load
from suite.execution.estimate import Estimator
from suite.execution.plan import make_plan
from suite.execution.work import check
from suite.ground.errors import RequestError
from suite.models import build
from suite.seeds import stream
from suite.training import train
from suite.training.loop import Run, evaluation_steps
from suite.training.schedules import rates
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Outcome, Status

SEED = 5
DIGITS = Data("digits", train_examples=330)
SMALL = Recipe(
    data=DIGITS, model=Model(widths=(32,)), batch_size=32, budget=Budget(epochs=None, steps=30)
)


def recipe(**changes: Any) -> Recipe:
    given: dict[str, Any] = {
        "data": SMALL.data,
        "model": SMALL.model,
        "batch_size": SMALL.batch_size,
        "budget": SMALL.budget,
    }
    return Recipe(**(given | changes))


# --- The loop that a textbook writes ---------------------------------------------------------


def textbook_mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def textbook_softmax() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def textbook_lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def textbook_batches(examples: Examples, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(stream(SEED, "order"))
    inputs, targets = examples.train
    while True:
        order = torch.randperm(len(targets), generator=generator)
        for start in range(0, len(targets), size):
            batch = order[start : start + size]
            yield inputs[batch].float() / 255, targets[batch]


Scheduler = Callable[[torch.optim.Optimizer], LRScheduler]


def textbook(
    given: Recipe,
    make: Callable[[], nn.Module],
    optimizer: Callable[[Any], torch.optim.Optimizer],
    steps: int,
    *,
    per_step: Scheduler | None = None,
    per_epoch: Scheduler | None = None,
) -> nn.Module:
    """Train with nn.Module, loss.backward(), torch.optim and its schedulers."""
    with torch.random.fork_rng():
        torch.manual_seed(stream(SEED, "init"))
        network = make()
    updates = optimizer(network.parameters())
    schedulers = [make(updates) if make else None for make in (per_step, per_epoch)]
    examples = load(given.data, SEED)
    epoch = -(-len(examples.train) // given.batch_size)
    batches = textbook_batches(examples, given.batch_size)
    for step in range(1, steps + 1):
        inputs, targets = next(batches)
        updates.zero_grad()
        torch.autograd.backward(F.cross_entropy(network(inputs), targets))
        updates.step()
        if schedulers[0]:
            schedulers[0].step()
        if schedulers[1] and step % epoch == 0:
            schedulers[1].step()
    return network


def trained(given: Recipe) -> nn.Module:
    run = Run(given, SEED, "cpu")
    assert run.train() == ""
    return run.network


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach() for parameter in network.parameters()]


def flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def sgd(**options: Any) -> Callable[[Any], torch.optim.Optimizer]:
    return lambda parameters: torch.optim.SGD(parameters, foreach=False, **options)


def adam(**options: Any) -> Callable[[Any], torch.optim.Optimizer]:
    return lambda parameters: torch.optim.Adam(parameters, foreach=False, **options)


def adamw(**options: Any) -> Callable[[Any], torch.optim.Optimizer]:
    return lambda parameters: torch.optim.AdamW(parameters, foreach=False, **options)


OPTIMIZERS: dict[str, tuple[Optimizer, Callable[[Any], torch.optim.Optimizer]]] = {
    "sgd": (Optimizer(lr=0.1), sgd(lr=0.1)),
    "momentum": (Optimizer(lr=0.1, momentum=0.9), sgd(lr=0.1, momentum=0.9)),
    "nesterov": (
        Optimizer(lr=0.1, momentum=0.9, nesterov=True),
        sgd(lr=0.1, momentum=0.9, nesterov=True),
    ),
    "weight decay": (
        Optimizer(lr=0.1, momentum=0.5, weight_decay=0.01),
        sgd(lr=0.1, momentum=0.5, weight_decay=0.01),
    ),
    "adam": (Optimizer("adam", lr=0.003), adam(lr=0.003)),
    "adam with decay": (
        Optimizer("adam", lr=0.003, weight_decay=0.01),
        adam(lr=0.003, weight_decay=0.01),
    ),
    "adamw": (
        Optimizer("adamw", lr=0.003, weight_decay=0.01, betas=(0.8, 0.99), eps=1e-6),
        adamw(lr=0.003, weight_decay=0.01, betas=(0.8, 0.99), eps=1e-6),
    ),
}
NETWORKS: dict[str, tuple[Data, Model, int, Callable[[], nn.Module]]] = {
    "softmax": (DIGITS, Model("softmax"), 100, textbook_softmax),
    "mlp": (DIGITS, Model("mlp", widths=(32,)), 100, textbook_mlp),
    "lenet": (Data(train_examples=330), Model("lenet"), 15, textbook_lenet),
}


@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize("network", NETWORKS)
def test_training_equals_the_textbook_loop_bit_for_bit(network: str, rule: str) -> None:
    data, model, steps, make = NETWORKS[network]
    optimizer, theirs = OPTIMIZERS[rule]
    budget = Budget(epochs=None, steps=steps)
    given = recipe(data=data, model=model, optimizer=optimizer, budget=budget)
    expected = textbook(given, make, theirs, steps)
    for mine, plain in zip(weights(trained(given)), weights(expected), strict=True):
        assert torch.equal(mine, plain)


def test_a_step_schedule_equals_that_of_torch() -> None:
    schedule = Schedule("step", every=2, factor=0.3)
    given = recipe(schedule=schedule, budget=Budget(epochs=9))

    def decay(optimizer: torch.optim.Optimizer) -> LRScheduler:
        return StepLR(optimizer, step_size=2, gamma=0.3)

    expected = textbook(given, textbook_mlp, sgd(lr=0.1), 99, per_epoch=decay)
    for mine, plain in zip(weights(trained(given)), weights(expected), strict=True):
        assert torch.allclose(mine, plain, rtol=0, atol=1e-6)


def test_a_cosine_schedule_equals_that_of_torch() -> None:
    given = recipe(schedule=Schedule("cosine"), budget=Budget(epochs=None, steps=100))

    def anneal(optimizer: torch.optim.Optimizer) -> LRScheduler:
        return CosineAnnealingLR(optimizer, T_max=100)

    expected = textbook(given, textbook_mlp, sgd(lr=0.1), 100, per_step=anneal)
    for mine, plain in zip(weights(trained(given)), weights(expected), strict=True):
        assert torch.allclose(mine, plain, rtol=0, atol=1e-6)


# --- The learning rate over training ---------------------------------------------------------


def rates_of(schedule: Schedule, *, total: int, per_epoch: int, lr: float = 0.4) -> list[float]:
    given = recipe(schedule=schedule, optimizer=Optimizer(lr=lr))
    return list(map(rates(given, total_steps=total, steps_per_epoch=per_epoch), range(total)))


def test_a_constant_rate_stays() -> None:
    assert rates_of(Schedule(), total=5, per_epoch=2) == [0.4] * 5


def test_a_step_schedule_falls_after_whole_epochs() -> None:
    fallen = rates_of(Schedule("step", every=2, factor=0.5), total=9, per_epoch=2)
    assert fallen == [0.4] * 4 + [0.2] * 4 + [0.1]


@given(st.integers(2, 200))
def test_a_cosine_falls_from_the_full_rate_towards_zero(total: int) -> None:
    fallen = rates_of(Schedule("cosine"), total=total, per_epoch=7)
    assert fallen[0] == 0.4
    assert all(later < earlier for earlier, later in itertools.pairwise(fallen))
    assert fallen[-1] > 0
    # What is still to come after half of the steps mirrors what was lost in the first half.
    assert sum(fallen) == pytest.approx(0.4 * (total + 1) / 2)


# --- The same again --------------------------------------------------------------------------

EVERYTHING = recipe(
    model=Model(widths=(32, 16), dropout=0.3, norm="batch"),
    optimizer=Optimizer("adamw", lr=0.01, weight_decay=0.01),
    schedule=Schedule("cosine"),
)


def test_one_recipe_and_seed_is_one_outcome_whatever_was_drawn_before() -> None:
    first = train(EVERYTHING, SEED)
    torch.rand(3)
    torch.manual_seed(1)
    assert train(EVERYTHING, SEED) == first
    assert len(first.weights_digest) == 64


def test_another_seed_starts_and_ends_elsewhere() -> None:
    one, other = train(EVERYTHING, 0), train(EVERYTHING, 1)
    assert one.initial_digest != other.initial_digest
    assert one.weights_digest != other.weights_digest
    assert one.data_digest != other.data_digest


def test_training_leaves_the_global_generator_untouched() -> None:
    before = torch.random.get_rng_state()
    train(EVERYTHING, SEED)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_measuring_more_often_does_not_change_training() -> None:
    often = recipe(budget=Budget(epochs=None, steps=30, evaluations=30))
    seldom = recipe(budget=Budget(epochs=None, steps=30, evaluations=1))
    assert train(often, SEED).weights_digest == train(seldom, SEED).weights_digest


def test_arms_at_one_seed_share_the_split_and_the_initial_weights() -> None:
    one = train(recipe(optimizer=Optimizer(lr=0.01)), SEED)
    other = train(recipe(optimizer=Optimizer("adam", lr=0.01), batch_size=8), SEED)
    assert one.initial_digest == other.initial_digest
    assert one.data_digest == other.data_digest
    assert one.weights_digest != other.weights_digest


def test_the_test_split_never_reaches_training(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = train(EVERYTHING, SEED)

    def shifted(data: Data, seed: int, device: str) -> Examples:
        examples = load(data, seed, device)
        inputs, targets = examples.test
        wrong = Split(255 - inputs, (targets + 1) % 10)
        return examples._replace(test=wrong)

    monkeypatch.setattr("suite.training.loop.load", shifted)
    other = train(EVERYTHING, SEED)
    assert other.weights_digest == plain.weights_digest
    assert other.curves == plain.curves
    moved = {name for name in plain.final if plain.final[name] != other.final[name]}
    assert moved == {
        "test/loss",
        "test/accuracy",
        "test/calibration_error",
        "generalisation_gap",
    }


# --- Budget and batches ----------------------------------------------------------------------


def costs(outcome: Outcome) -> tuple[float, float]:
    return outcome.final["cost/steps"], outcome.final["cost/examples"]


@pytest.mark.parametrize(
    ("budget", "batch", "spent"),
    [
        (Budget(epochs=2), 32, (22, 660)),
        (Budget(epochs=1), 100, (4, 330)),
        (Budget(epochs=None, steps=7), 32, (7, 224)),
        (Budget(epochs=None, steps=12), 32, (12, 362)),
        (Budget(epochs=None, examples=100), 32, (4, 128)),
        (Budget(epochs=None, examples=330), 32, (11, 330)),
        (Budget(epochs=None, examples=331), 32, (12, 362)),
        (Budget(epochs=3), 330, (3, 990)),
        (Budget(epochs=3), 5000, (3, 990)),
        (Budget(epochs=1, steps=500), 1, (330, 330)),
    ],
)
def test_a_budget_is_spent_to_the_batch(budget: Budget, batch: int, spent: tuple[int, int]) -> None:
    assert costs(train(recipe(budget=budget, batch_size=batch), SEED)) == spent


def test_the_last_smaller_batch_is_used() -> None:
    network = trained(recipe(batch_size=300, budget=Budget(epochs=1)))
    whole = trained(recipe(batch_size=300, budget=Budget(epochs=None, steps=1)))
    assert not torch.equal(weights(network)[0], weights(whole)[0])


def test_a_batch_larger_than_the_split_is_the_whole_split() -> None:
    outcomes = [train(recipe(batch_size=size, budget=Budget(epochs=4)), 0) for size in (330, 9999)]
    assert outcomes[0] == outcomes[1]


@given(
    evaluations=st.none() | st.integers(1, 300),
    total=st.integers(1, 500),
    per_epoch=st.integers(1, 200),
)
def test_evaluations_are_even_and_end_with_the_last_step(
    evaluations: int | None, total: int, per_epoch: int
) -> None:
    steps = evaluation_steps(Budget(evaluations=evaluations), total, per_epoch)
    ordered = [0, *sorted(steps)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(ordered)]
    assert max(steps) == total
    assert min(gaps) >= 1
    if evaluations is None:
        assert gaps[:-1] == [per_epoch] * (len(gaps) - 1)
        assert gaps[-1] <= per_epoch
    else:
        assert len(steps) == min(evaluations, total)
        assert max(gaps) - min(gaps) <= 1 + (total % len(steps) > 0)


# --- What is measured ------------------------------------------------------------------------


def test_curves_have_a_point_for_every_evaluation_at_its_epoch() -> None:
    outcome = train(recipe(budget=Budget(epochs=None, steps=22, evaluations=4)), SEED)
    epochs = [step / 11 for step in (6, 11, 16, 22)]
    names = {
        "train/running_loss",
        "train/running_accuracy",
        "validation/loss",
        "validation/accuracy",
        "weights/norm",
        "gradient/norm",
    }
    assert set(outcome.curves) == names
    for curve in outcome.curves.values():
        assert [epoch for epoch, _ in curve] == epochs


def test_the_last_point_of_the_validation_curve_is_the_final_value() -> None:
    outcome = train(EVERYTHING, SEED)
    for name in ("validation/loss", "validation/accuracy"):
        assert outcome.curves[name][-1][1] == outcome.final[name]


def test_one_full_batch_is_measured_before_its_update_and_the_rest_after() -> None:
    given = recipe(batch_size=330, budget=Budget(epochs=1), optimizer=Optimizer(lr=0.2))
    outcome = train(given, SEED)
    examples = load(given.data, SEED)
    network = build(given.model, examples.shape, 10, SEED)
    inputs, targets = examples.train.inputs / 255, examples.train.targets
    before = F.cross_entropy(network(inputs), targets)
    gradients = torch.autograd.grad(before, list(network.parameters()))
    moved = [w - 0.2 * g for w, g in zip(weights(network), gradients, strict=True)]
    nn.utils.vector_to_parameters(flat(moved), network.parameters())
    after = network(inputs).detach()
    right = float((after.argmax(1) == targets).float().mean())
    expected = {
        "train/loss": float(F.cross_entropy(after, targets)),
        "train/accuracy": right,
        "gradient/norm": float(flat(gradients).norm()),
        "weights/norm": float(flat(moved).norm()),
    }
    (running,) = outcome.curves["train/running_loss"]
    assert running == pytest.approx((1.0, float(before.detach())), rel=1e-5)
    assert {name: outcome.final[name] for name in expected} == pytest.approx(expected, rel=1e-4)


def test_evaluation_uses_running_statistics_and_no_dropout() -> None:
    run = Run(EVERYTHING, SEED, "cpu")
    run.train()
    final = run.final()
    network = run.network.eval()
    inputs, targets = run.examples.test
    with torch.no_grad():
        outputs = torch.cat([network(image[None] / 255) for image in inputs])
    assert final["test/loss"] == pytest.approx(float(F.cross_entropy(outputs, targets)), rel=1e-4)


def test_the_gap_is_training_minus_test_accuracy() -> None:
    final = train(SMALL, SEED).final
    assert final["generalisation_gap"] == final["train/accuracy"] - final["test/accuracy"]


def test_training_learns() -> None:
    final = train(recipe(budget=Budget(epochs=20), optimizer=Optimizer(lr=0.3)), SEED).final
    assert final["test/accuracy"] > 0.85


def regression(lr: float, **changes: Any) -> Recipe:
    return Recipe(
        data=Data("synthetic_linear"),
        model=Model("linear"),
        optimizer=Optimizer(lr=lr),
        batch_size=10,
        budget=Budget(**({"epochs": 3} | changes)),
        loss="mse",
    )


def test_linear_regression_finds_the_line_down_to_the_noise() -> None:
    run = Run(regression(0.03), SEED, "cpu")
    assert run.train() == ""
    weight, bias = weights(run.network)
    assert [*weight.flatten().tolist(), float(bias)] == pytest.approx([2, -3.4, 4.2], abs=0.01)
    final = run.final()
    assert final["test/loss"] == pytest.approx(0.01**2, rel=0.3)
    assert "test/accuracy" not in final
    assert "generalisation_gap" not in final


# --- Failure is a value ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        regression(10.0),
        regression(10.0, evaluations=1),
        regression(10.0, epochs=None, steps=30, evaluations=1),
        recipe(optimizer=Optimizer(lr=1e20), budget=Budget(epochs=2)),
    ],
)
def test_divergence_is_an_outcome_with_a_reason(given: Recipe) -> None:
    outcome = train(given, SEED)
    assert outcome.status is Status.DIVERGED
    assert outcome.error.split(" at step ")[0].endswith(("was nan", "was inf"))
    assert int(outcome.error.split(" at step ")[1]) == outcome.final["cost/steps"]
    assert set(outcome.final) == {"cost/steps", "cost/examples"}
    assert all(math.isfinite(y) for curve in outcome.curves.values() for _, y in curve)
    assert train(given, SEED) == outcome


def test_a_finished_trial_has_no_error() -> None:
    outcome = train(SMALL, SEED)
    assert (outcome.status, outcome.error) == (Status.FINISHED, "")
    assert all(math.isfinite(value) for value in outcome.final.values())


# --- Seconds ---------------------------------------------------------------------------------

SECONDS = {"cost/seconds", "cost/seconds_per_epoch", "cost/examples_per_second"}


def test_timing_changes_no_number_and_only_timed_trials_have_seconds() -> None:
    plain, timed = train(EVERYTHING, SEED), train(EVERYTHING, SEED, alone=True)
    assert timed.weights_digest == plain.weights_digest
    assert set(timed.final) - set(plain.final) == SECONDS
    assert {name: timed.final[name] for name in plain.final} == plain.final
    assert set(timed.curves) - set(plain.curves) == {"cost/seconds"}


def test_seconds_grow_with_training_and_agree_with_each_other() -> None:
    outcome = train(recipe(budget=Budget(epochs=2)), SEED, alone=True)
    clock = [seconds for _, seconds in outcome.curves["cost/seconds"]]
    assert 0 < clock[0] < clock[1]
    final = outcome.final
    assert final["cost/seconds"] >= clock[1]
    assert final["cost/seconds_per_epoch"] == pytest.approx(final["cost/seconds"] / 2)
    assert final["cost/examples_per_second"] == pytest.approx(660 / final["cost/seconds"])


def test_a_timed_trial_that_diverges_still_says_what_it_cost() -> None:
    outcome = train(regression(10.0), SEED, alone=True)
    assert outcome.status is Status.DIVERGED
    assert set(outcome.final) == {"cost/steps", "cost/examples"} | SECONDS


def test_a_test_loss_that_overflows_is_a_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflowing(network: Any, loss: Any, split: Any, prefix: str, _: Any) -> dict[str, float]:
        return {f"{prefix}loss": float("inf") if prefix == "test/" else 1.0}

    monkeypatch.setattr("suite.training.loop.evaluate", overflowing)
    recipe = Recipe(data=Data("digits"), budget=Budget(epochs=1))
    outcome = train(recipe, 0)
    assert outcome.status is Status.DIVERGED
    assert "test/loss was inf" in outcome.error


FEW = Recipe(data=Data("digits", train_examples=41), model=Model("mlp", widths=(4,), norm="batch"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 1}, "a batch has 1, and model 'mlp' cannot train on one example"),
        ({"batch_size": 4}, "an epoch of 41 examples ends in a batch of 1, and model 'mlp'"),
        (
            {"batch_size": 4, "devices": 2, "model": Model("mlp")},
            "in a batch of 1, too small for 2 devices",
        ),
        ({"batch_size": 40, "gradient_accumulation": 8}, "in a batch of 1 in 8 parts, and model"),
        ({"batch_size": 6, "devices": 4}, "a batch of 5 in 4 parts, and model 'mlp'"),
    ],
)
def test_batches_that_will_not_train_are_refused_before(changes: Any, said: str) -> None:
    recipe = dataclasses.replace(FEW, **changes)
    with pytest.raises(RequestError) as caught:
        check(recipe, "cpu")
    assert said in str(caught.value)
    planned = make_plan([Trial("t", "main", {}, recipe, 0)], lambda _: False, device="cpu")
    with pytest.raises(RequestError, match=re.escape(said)):
        Estimator().estimate(planned)
    nearest = int(re.findall(r"did you mean batch_size=(\d+)", str(caught.value))[0])
    assert check(dataclasses.replace(recipe, batch_size=nearest), "cpu") > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 4, "budget": Budget(steps=10)},  # which never comes to the last batch
        {"batch_size": 4, "model": Model("mlp", norm="layer")},
        {"batch_size": 6, "devices": 4, "model": Model("mlp", norm="synchronised")},
        {"batch_size": 1, "model": Model("mlp")},
    ],
)
def test_batches_that_train_are_not_refused(changes: Any) -> None:
    assert check(dataclasses.replace(FEW, **changes), "cpu") > 0

"""Any module trains, and any object of torch.optim's kind moves it; each as it would by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite import (
    Budget,
    Data,
    Model,
    Optimizer,
    Recipe,
    Schedule,
    activation,
    initialisation,
    loss,
    metric,
    model,
    optimizer,
    schedule,
    source,
    transformation,
)
from suite.data import load
from suite.execution.bundles import make_bundles
from suite.execution.work import check
from suite.ground.errors import RequestError
from suite.models import build
from suite.seeds import global_state, seeded, set_global_state
from suite.training import Run, train
from suite.training.checkpoint import Checkpoint
from suite.training.footprint import saved, widest
from suite.training.stack import train_together
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Status

SMALL = Recipe(
    data=Data("digits", train_examples=100),
    model=Model("mlp", widths=(8,)),
    optimizer=Optimizer(lr=0.05),
    batch_size=20,
    budget=Budget(epochs=2),
)


class Rows(nn.Module):
    """Reads an image row by row."""

    def __init__(self, width: int, outputs: int, layer: type[nn.Module]) -> None:
        super().__init__()
        self.layer = layer(width, 8, batch_first=True)
        self.head = nn.Linear(8, outputs)

    def forward(self, images: Tensor) -> Tensor:
        hidden, _ = self.layer(images.squeeze(1))
        outputs: Tensor = self.head(hidden[:, -1])
        return outputs


class Two(nn.Module):
    """A main head, and one beside it that only the loss sees."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.main, self.beside = nn.Linear(features, outputs), nn.Linear(features, outputs)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        flat = images.flatten(1)
        return {"main": self.main(flat), "beside": self.beside(flat)}


class Branching(nn.Module):
    """Looks at the numbers, so that it does not run without any."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(features, outputs)

    def forward(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        outputs: Tensor = self.layer(flat if float(flat.mean()) > 0 else -flat)
        return outputs


@model
def memory(shape: Any, outputs: int) -> nn.Module:
    return Rows(shape[-1], outputs, nn.LSTM)


@model
def gru(shape: Any, outputs: int) -> nn.Module:
    return Rows(shape[-1], outputs, nn.GRU)


@model
def lazy(shape: Any, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(outputs)
    )


@model
def dropping(shape: Any, outputs: int, *, rate: float = 0.5) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(rate), nn.Linear(16, outputs)
    )


@model
def noisy(shape: Any, outputs: int) -> nn.Module:
    """Draws in every forward pass, from NumPy and Python too."""
    import random

    import numpy as np

    class Noise(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs + 0.01 * torch.randn_like(inputs) + np.random.rand() + random.random()

    return nn.Sequential(nn.Flatten(), Noise(), nn.Linear(64, outputs))


@model
def idle(shape: Any, outputs: int) -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, outputs))
    network[1].weight.requires_grad_(False)
    network.register_parameter("unused", nn.Parameter(torch.ones(3)))
    network.register_buffer("coarse", torch.ones(2, dtype=torch.bfloat16))
    return network


@model
def branching(shape: Any, outputs: int) -> nn.Module:
    return Branching(64, outputs)


@model
def two_heads(shape: Any, outputs: int) -> nn.Module:
    return Two(64, outputs)


@loss
def both_heads(outputs: Any, targets: Tensor, *, share: float = 0.3) -> Tensor:
    return F.cross_entropy(outputs["main"], targets) + share * F.cross_entropy(
        outputs["beside"], targets
    )


KINDS: dict[str, Recipe] = {
    "LSTM": dataclasses.replace(SMALL, model=memory()),
    "GRU": dataclasses.replace(SMALL, model=gru()),
    "lazy layers": dataclasses.replace(SMALL, model=lazy()),
    "nn.Dropout": dataclasses.replace(SMALL, model=dropping()),
    "draws of its own": dataclasses.replace(SMALL, model=noisy()),
    "parameters without a gradient": dataclasses.replace(SMALL, model=idle()),
    "a branch on numbers": dataclasses.replace(SMALL, model=branching()),
    "several outputs": dataclasses.replace(SMALL, model=two_heads(), loss=both_heads()),
}


def equal(one: Any, other: Any) -> bool:
    return (one.weights_digest, one.final, one.curves) == (
        other.weights_digest,
        other.final,
        other.curves,
    )


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_it_is_checked_trained_and_trained_again_to_the_same_bits(recipe: Recipe) -> None:
    assert check(recipe, "cpu") > 0
    first = train(recipe, 0)
    assert first.status is Status.FINISHED, first.error
    torch.manual_seed(99)
    assert equal(train(recipe, 0), first)
    assert not equal(train(recipe, 1), first)


class Stopped(Exception):
    pass


class Stopping(Checkpoint):
    def keep(self, *state: Any) -> None:
        super().keep(*state)
        raise Stopped


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_it_goes_on_from_a_checkpoint_to_the_same_bits(recipe: Recipe, tmp_path: Path) -> None:
    whole = Run(recipe, 0, "cpu")
    whole.train()
    halted = Run(recipe, 0, "cpu")
    halted.look_every = 7
    with pytest.raises(Stopped):
        halted.train(Stopping(tmp_path / "kept", every=0.0))
    resumed = Run(recipe, 0, "cpu")
    resumed.look_every = 7
    resumed.train(Checkpoint(tmp_path / "kept", every=1e9))
    assert resumed.done == whole.done
    assert equal(resumed.outcome(""), whole.outcome(""))


@pytest.mark.parametrize("parts", [1, 3])
def test_several_outputs_train_as_by_hand(parts: int) -> None:
    recipe = dataclasses.replace(KINDS["several outputs"], gradient_accumulation=parts)
    run = Run(recipe, 0, "cpu")
    network = build(recipe.model, (1, 8, 8), 10, 0)
    sgd = torch.optim.SGD(network.parameters(), lr=0.05)
    for batch in Run(recipe, 0, "cpu")._batches():
        loss = both_heads.function()(network(batch.inputs.float() / 255), batch.targets, share=0.3)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        run.step(batch.inputs, batch.targets, 0.05)
        run.done += 1
        if run.done == 5:
            break
    for mine, plain in zip(run.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, plain)


def test_the_first_of_several_outputs_is_what_is_measured_and_all_are_what_is_lost() -> None:
    run = Run(KINDS["several outputs"], 0, "cpu")
    run.train()
    final, test = run.outcome("").final, run.examples.test
    with torch.no_grad():
        outputs = run.network.eval()(test.inputs.float() / 255)
    right = (outputs["main"].argmax(1) == test.targets).sum()
    assert final["test/accuracy"] == int(right) / len(test)
    lost = both_heads.function()(outputs, test.targets, share=0.3)
    assert final["test/loss"] == pytest.approx(float(lost), rel=1e-5)


def test_what_is_not_trained_stays_and_what_is_unused_is_no_fault() -> None:
    recipe = KINDS["parameters without a gradient"]
    before = build(recipe.model, (1, 8, 8), 10, 0)
    run = Run(recipe, 0, "cpu")
    run.train()
    assert torch.equal(before[1].weight, run.network[1].weight)
    assert not torch.equal(before[3].weight, run.network[3].weight)
    assert torch.equal(before.unused, run.network.unused)


def test_lazy_layers_have_their_initial_weights_from_the_seed() -> None:
    one, same, other = (
        build(lazy(init="xavier_uniform"), (1, 8, 8), 10, seed) for seed in (0, 0, 1)
    )
    assert all(map(torch.equal, one.parameters(), same.parameters()))
    assert not torch.equal(one[3].weight, other[3].weight)
    assert one.training


def test_memory_of_what_runs_without_numbers_is_what_two_examples_say() -> None:
    network = build(Model("lenet"), (1, 28, 28), 10, 0)
    for measure in (saved, widest):
        few, many = measure(network, (2, 1, 28, 28)), measure(network, (20, 1, 28, 28))
        assert measure(network, (2, 1, 28, 28), "cpu") == few
        assert many == 10 * few


# --- Global generators -----------------------------------------------------------------------


def test_training_leaves_the_global_generators_as_they_were() -> None:
    import random

    import numpy as np

    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    expected = torch.rand(3), np.random.rand(), random.random()
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    train(KINDS["draws of its own"], 0)
    assert torch.equal(torch.rand(3), expected[0])
    assert (np.random.rand(), random.random()) == expected[1:]


def test_the_state_of_the_global_generators_comes_back_whole() -> None:
    import io
    import random

    import numpy as np

    with seeded(3):
        kept = io.BytesIO()
        torch.save(global_state(), kept)
        drawn = torch.rand(2), np.random.rand(), np.random.randn(), random.random()
        kept.seek(0)
        set_global_state(torch.load(kept, weights_only=True))
        again = torch.rand(2), np.random.rand(), np.random.randn(), random.random()
    assert torch.equal(drawn[0], again[0])
    assert drawn[1:] == again[1:]


# --- Update rules of one's own ---------------------------------------------------------------


@optimizer
def as_torch_has_it(parameters: Any, lr: float, *, rule: str = "SGD") -> Any:
    kind = getattr(torch.optim, rule)
    return kind(parameters, lr=lr, momentum=0.9) if rule == "SGD" else kind(parameters, lr=lr)


@optimizer
def lion(parameters: Any, lr: float) -> Any:
    from lion_pytorch import Lion

    return Lion(parameters, lr=lr, weight_decay=0.1)


@optimizer
def in_groups(parameters: Any, lr: float) -> Any:
    """Biases move at half the rate, and are not decayed."""
    weights = [one for one in parameters if one.ndim > 1]
    biases = [one for one in parameters if one.ndim < 2]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": biases, "lr": lr / 2}]
    return torch.optim.SGD(groups, lr=lr)


def by_hand(recipe: Recipe, made: Any, rates: Any = None) -> nn.Module:
    """Train as anyone would, without this project's loop."""
    run = Run(recipe, 0, "cpu")  # for its batches, and the network's initial weights
    optim = made(list(run.network.parameters()))
    own = [group["lr"] for group in optim.param_groups]
    for batch in run._batches():
        for group, rate in zip(optim.param_groups, own, strict=True):
            group["lr"] = rate * (rates(run.done) if rates else 1.0)
        optim.zero_grad()
        F.cross_entropy(run.network(batch.inputs.float() / 255), batch.targets).backward()
        optim.step()
        run.done += 1
    return run.network


@pytest.mark.parametrize("rule", ["SGD", "RMSprop", "Adagrad", "Adadelta", "NAdam", "Rprop"])
def test_torchs_own_rules_train_bit_for_bit_as_they_do_alone(rule: str) -> None:
    named = as_torch_has_it(rule=rule, lr=0.01)
    recipe = dataclasses.replace(SMALL, optimizer=named)
    run = Run(recipe, 0, "cpu")
    run.train()
    plain = by_hand(recipe, lambda parameters: named.function()(parameters, 0.01, rule=rule))
    assert all(map(torch.equal, run.network.parameters(), plain.parameters()))


def test_a_wrapped_sgd_equals_the_built_in_one() -> None:
    built_in = dataclasses.replace(SMALL, optimizer=Optimizer("sgd", lr=0.01, momentum=0.9))
    wrapped = dataclasses.replace(SMALL, optimizer=as_torch_has_it(lr=0.01))
    assert train(built_in, 0).weights_digest == train(wrapped, 0).weights_digest


def test_another_packages_rule_trains_and_resumes(tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMALL, optimizer=lion(lr=0.001))
    test_it_goes_on_from_a_checkpoint_to_the_same_bits(recipe, tmp_path)


def test_a_schedule_moves_the_rate_of_every_group() -> None:
    @schedule
    def warm(place: Any, *, steps: int = 4) -> float:
        return min(1.0, (place.step + 1) / steps)

    recipe = dataclasses.replace(SMALL, optimizer=in_groups(lr=0.1), schedule=warm(steps=4))
    run = Run(recipe, 0, "cpu")
    run.train()
    plain = by_hand(
        recipe, lambda p: in_groups.function()(p, 0.1), lambda step: min(1.0, (step + 1) / 4)
    )
    for mine, other in zip(run.network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


@optimizer(stacks=True)
def stacking(parameters: Any, lr: float) -> Any:
    return torch.optim.RMSprop(parameters, lr=lr)


def test_cells_with_a_rule_of_ones_own_stack_only_where_it_says_so() -> None:
    def bundles(made: Any) -> int:
        recipes = [dataclasses.replace(SMALL, optimizer=made(lr=lr)) for lr in (0.1, 0.2)]
        return len(make_bundles(Trial("t", "main", {}, one, 0) for one in recipes)[0])

    assert (bundles(as_torch_has_it), bundles(stacking)) == (0, 1)


def test_stacked_cells_each_have_their_own_rule_and_rate() -> None:
    recipes = [dataclasses.replace(SMALL, optimizer=stacking(lr=lr)) for lr in (0.001, 0.01)]
    for together, (seed, recipe) in zip(
        train_together(recipes, (0, 1)), enumerate(recipes), strict=True
    ):
        assert together.final == pytest.approx(train(recipe, seed).final, rel=1e-3)


# --- Losses, metrics, activations, initial weights, sources ----------------------------------


def test_a_metric_of_ones_own_is_scikit_learns() -> None:
    from sklearn.metrics import f1_score

    from suite.training import predict

    @metric(unit="percent")
    def macro_f1(outputs: Tensor, targets: Tensor) -> float:
        return float(f1_score(targets, outputs.argmax(1), average="macro"))

    recipe = dataclasses.replace(SMALL, metrics=(macro_f1,))
    run = Run(recipe, 0, "cpu")
    run.train()
    outcome = run.outcome("")
    test = run.examples.test
    said = predict(run.network, test.inputs).argmax(1)
    assert outcome.final["test/macro_f1"] == f1_score(test.targets, said, average="macro")
    assert len(outcome.curves["validation/macro_f1"]) == 2
    assert "train/macro_f1" in outcome.final
    plain = train(SMALL, 0)
    assert (
        outcome.weights_digest == plain.weights_digest
    )  # a metric changes nothing that is trained


def test_a_metric_that_is_no_number_is_a_fault_with_its_name() -> None:
    @metric
    def undefined(outputs: Tensor, targets: Tensor) -> float:
        return float("nan")

    with pytest.raises(ValueError, match="metric 'undefined' was nan on validation"):
        train(dataclasses.replace(SMALL, metrics=(undefined,)), 0)


@activation
def one(inputs: Any) -> Any:
    return 1


@activation
def nothing(inputs: Any) -> Any: ...


@initialisation
def emptying(layer: Any) -> None:
    layer.weight = None


@loss
def two(outputs: Any, targets: Any) -> Any:
    return 2


@loss
def detached(outputs: Any, targets: Any) -> Any:
    return outputs.detach().square().mean()


@model
def parameterless(shape: Any, outputs: Any) -> Any:
    return nn.Sequential(nn.Flatten(), nn.AvgPool1d(5), nn.Flatten())


@model
def leaving(shape: Any, outputs: Any) -> Any:
    raise SystemExit(3)


@schedule
def falling_below(place: Any) -> Any:
    return 0.5 - place.step / place.total


@schedule
def several(place: Any) -> Any:
    return torch.ones(2)


@metric
def worded(outputs: Any, targets: Any) -> Any:
    return "good"


@metric
def faulty(outputs: Any, targets: Any) -> Any:
    return 1 / 0


@optimizer
def no_rule(parameters: Any, lr: float) -> Any: ...


@transformation
def vanishing(images: Any, strengths: Any) -> Any: ...


BAD_PARTS: dict[str, tuple[dict[str, Any], str]] = {
    "an activation of 1": ({"model": Model("mlp", activation=one())}, "not int"),
    "an activation of nothing": ({"model": Model("mlp", activation=nothing())}, "not NoneType"),
    "weights of nothing": ({"model": Model("mlp", init=emptying())}, "not NoneType"),
    "a loss of 2": ({"loss": two()}, "loss 'two' must return one number, not int"),
    "a loss without a gradient": ({"loss": detached()}, "has no gradient"),
    "no parameter": ({"model": parameterless()}, "has no parameters that could be trained"),
    "an end": ({"model": leaving()}, "SystemExit: 3"),
    "a rate below 0": ({"schedule": falling_below()}, "must give a number, 0 or more, not"),
    "several rates": ({"schedule": several()}, "must give a number, 0 or more, not"),
    "a metric in words": ({"metrics": (worded,)}, "metric 'worded' must give a number, not 'good'"),
    "a metric that fails": ({"metrics": (faulty,)}, "ZeroDivisionError: division by zero"),
    "no rule": ({"optimizer": no_rule()}, "must return a torch.optim.Optimizer, not NoneType"),
    "no images": ({"augmentation": (vanishing,)}, "must return images (2, 1, 8, 8), not NoneType"),
}


@pytest.mark.parametrize(("changes", "words"), BAD_PARTS.values(), ids=BAD_PARTS)
def test_what_ones_own_code_must_not_return_is_refused_before_training(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError) as caught:
        check(dataclasses.replace(SMALL, **changes), "cpu")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_activation_and_initial_weights_of_ones_own() -> None:
    @activation
    def softplus(inputs: Tensor, *, beta: float = 1.0) -> Tensor:
        return F.softplus(inputs, beta=beta)

    @initialisation
    def ones(layer: Any, *, value: float = 1.0) -> None:
        nn.init.constant_(layer.weight, value)

    network = build(
        Model("mlp", widths=(4,), activation=softplus(beta=2.0), init=ones(value=0.5)), (3,), 2, 0
    )
    assert torch.equal(network[1].weight, torch.full((4, 3), 0.5))
    inputs = torch.rand(5, 3)
    by_hand_ = network[3](F.softplus(network[1](inputs), beta=2.0))
    assert torch.equal(network(inputs), by_hand_)
    assert train(dataclasses.replace(SMALL, model=Model("mlp", activation=softplus())), 0).final


@pytest.fixture
def forgetting() -> Iterator[None]:
    from suite.data import sources

    yield
    load.cache_clear()
    sources.forget()


GOOD_SOURCES: dict[str, tuple[Any, int]] = {
    "lists of numbers": (lambda: ([[0.0], [1.0], [2.0], [3.0]] * 9, [0, 1, 0, 1] * 9), 2),
    "words as labels": (lambda: ([[0.0]] * 36, ["cat", "dog", "cow"] * 12), 3),
    "values": (lambda: ([[0.0]] * 36, [0.5, 1.5] * 18), 1),
    "several values": (lambda: ([[0.0]] * 36, [[0.5, 1.0], [0.0, 1.0]] * 18), 2),
    "tensors": (lambda: (torch.rand(36, 4), torch.arange(36) % 2), 2),
    "truth": (lambda: (torch.rand(36, 4), torch.arange(36) % 2 == 0), 2),
    "labels in a column": (lambda: (torch.rand(36, 4), (torch.arange(36) % 2)[:, None]), 2),
}
BAD_SOURCES: dict[str, tuple[Any, str]] = {
    "labels of -100": (
        lambda: ([[0.0]] * 36, [0, 1, -100] * 12),
        "classes from 0, not -100 (row 2)",
    ),
    "no label": (lambda: ([[0.0]] * 36, ["a", "b", None] * 12), "without a label, first in row 2"),
    "one class": (lambda: ([[0.0]] * 36, [0] * 36), "one class only"),
    "no number": (lambda: ([[0.0]] * 35 + [[float("nan")]], [0, 1] * 18), "first in row 35"),
    "no value": (lambda: ([[0.0]] * 36, [float("inf")] * 36), "targets that are no numbers"),
    "too few": (lambda: ([[0.0]] * 2, [0, 1]), "at least 3"),
    "uneven": (lambda: ([[0.0]] * 36, [0, 1]), "n targets"),
    "one array": (lambda: [[0.0]] * 36, "must return (inputs, targets)"),
    "a table of words": (lambda: ([["a"]] * 36, [0, 1] * 18), "needs numbers as inputs"),
    "no axis of features": (lambda: ([0.0] * 36, [0, 1] * 18), "needs inputs (n, …)"),
    "no feature": (lambda: (torch.rand(36, 0), [0, 1] * 18), "needs inputs (n, …)"),
    "two numbers": (lambda: (1, 2), "needs inputs (n, …)"),
    "a word": (lambda: "ab", "needs inputs (n, …)"),
    "complex numbers": (lambda: ([[1j]] * 36, [0, 1] * 18), "needs numbers as inputs"),
    "a fault": (lambda: [][1], "IndexError: list index out of range"),
}


@pytest.mark.usefixtures("forgetting")
@pytest.mark.parametrize(("function", "outputs"), GOOD_SOURCES.values(), ids=GOOD_SOURCES)
def test_a_source_of_ones_own_gives_arrays_of_whatever_kind(function: Any, outputs: int) -> None:
    @source
    def given() -> Any:
        return function()

    examples = load(given(), 0)
    assert examples.outputs == outputs
    assert [len(split) for split in examples[:3]] == [24, 6, 6]
    classes = examples.train.targets.dtype is torch.int64
    recipe = dataclasses.replace(
        SMALL, data=given(), loss="cross_entropy" if classes else "mse", budget=Budget(epochs=1)
    )
    assert train(recipe, 0).status is Status.FINISHED


@pytest.mark.usefixtures("forgetting")
@pytest.mark.parametrize(("function", "words"), BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_a_source_that_cannot_be_trained_on_is_refused(function: Any, words: str) -> None:
    @source
    def given() -> Any:
        return function()

    with pytest.raises(RequestError) as caught:
        check(dataclasses.replace(SMALL, data=given()), "cpu")
    assert words in str(caught.value)


@pytest.mark.usefixtures("forgetting")
def test_a_drawn_source_of_ones_own_is_another_for_every_seed() -> None:
    @source(drawn=True, test=50, validation=40)
    def cloud(rng: Any, n: int, *, spread: float = 1.0) -> Any:
        classes = rng.integers(2, size=n)
        return spread * rng.standard_normal((n, 2)) + classes[:, None], classes

    data = cloud(spread=0.5, train_examples=30)
    examples = load(data, 0)
    assert [len(split) for split in examples[:3]] == [30, 40, 50]
    assert load(data, 1).digest != examples.digest
    more = load(dataclasses.replace(data, train_examples=60), 0)
    assert len(more.train) == 60


@pytest.mark.usefixtures("forgetting")
def test_what_a_source_is_not_is_refused_when_it_is_read() -> None:
    @source
    def numbers() -> Any:
        return torch.rand(36, 4), torch.rand(36)

    for field in ({"image_size": 8}, {"classes": 2}, {"random_labels": 0.5}, {"colours": "grey"}):
        with pytest.raises(
            RequestError, match=f"data 'numbers' has no .*: no '{next(iter(field))}'"
        ):
            load(numbers(**field), 0)
    with pytest.raises(RequestError, match="data 'numbers' has values: it needs a loss for values"):
        check(dataclasses.replace(SMALL, data=numbers()), "cpu")


def test_schedules_are_functions_of_the_place() -> None:
    recipe = dataclasses.replace(SMALL, schedule=Schedule("step", every=1, factor=0.5))
    run = Run(recipe, 0, "cpu")
    assert [run.rates(step) for step in (0, 4, 5)] == [0.05, 0.05, 0.025]


# --- What every recipe can have --------------------------------------------------------------


@pytest.mark.parametrize("longest", [0.1, 1e6])
def test_clipping_is_torchs(longest: float) -> None:
    recipe = dataclasses.replace(SMALL, clip_norm=longest)
    run = Run(recipe, 0, "cpu")
    run.train()
    plain = Run(recipe, 0, "cpu")
    sgd = torch.optim.SGD(plain.network.parameters(), lr=0.05)
    for batch in plain._batches():
        sgd.zero_grad()
        F.cross_entropy(plain.network(batch.inputs.float() / 255), batch.targets).backward()
        torch.nn.utils.clip_grad_norm_(plain.network.parameters(), longest)
        sgd.step()
        plain.done += 1
    assert all(map(torch.equal, run.network.parameters(), plain.network.parameters()))
    unclipped = train(SMALL, 0).weights_digest
    assert (run.outcome("").weights_digest == unclipped) == (longest == 1e6)


def test_stacked_cells_are_each_clipped_at_their_own_norm() -> None:
    recipes = [
        dataclasses.replace(SMALL, clip_norm=0.5, optimizer=Optimizer(lr=lr)) for lr in (0.05, 0.5)
    ]
    for seed, together in enumerate(train_together(recipes, (0, 1))):
        alone = train(recipes[seed], seed)
        assert together.final == pytest.approx(alone.final, rel=1e-4)


def test_a_rule_of_ones_own_is_clipped_too() -> None:
    built_in = dataclasses.replace(
        SMALL, optimizer=Optimizer("sgd", lr=0.01, momentum=0.9), clip_norm=0.1
    )
    wrapped = dataclasses.replace(built_in, optimizer=as_torch_has_it(lr=0.01))
    assert train(built_in, 0).weights_digest == train(wrapped, 0).weights_digest


@pytest.mark.parametrize("total", [10, 97])
@pytest.mark.parametrize("rise", [0.2, 0.3, 0.9])
def test_one_cycle_is_torchs(total: int, rise: float) -> None:
    from suite.training.schedules import rates

    recipe = dataclasses.replace(SMALL, schedule=Schedule("one_cycle", rise=rise))
    ours = rates(recipe, total_steps=total, steps_per_epoch=5)
    optim = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optim, 0.05, total_steps=total, pct_start=rise)
    for step in range(total):
        assert ours(step) == pytest.approx(optim.param_groups[0]["lr"], rel=1e-9)
        optim.step()
        if step < total - 1:
            theirs.step()


def test_warm_up_rises_to_what_any_schedule_says() -> None:
    from suite.training.schedules import rates

    for schedule_ in (
        Schedule(warmup=4),
        Schedule("cosine", warmup=4),
        Schedule("step", every=1, warmup=4),
    ):
        recipe = dataclasses.replace(SMALL, schedule=schedule_)
        cold = dataclasses.replace(SMALL, schedule=dataclasses.replace(schedule_, warmup=0))
        warm_, plain = (rates(one, total_steps=20, steps_per_epoch=5) for one in (recipe, cold))
        assert [warm_(step) for step in range(4)] == [
            pytest.approx(plain(step) * (step + 1) / 4) for step in range(4)
        ]
        assert [warm_(step) for step in range(4, 20)] == [plain(step) for step in range(4, 20)]

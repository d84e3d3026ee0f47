"""Averages of weights, early stopping, mixed images, decay of weights alone, norms, orders."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2

from suite import Budget, Data, Model, Optimizer, Recipe, transformation
from suite.data import Split, mixed
from suite.execution.work import check
from suite.ground.errors import RequestError
from suite.ground.identity import trial_id
from suite.models.layers import normalisation
from suite.training import Run, train
from suite.training.averages import Averaging
from suite.training.checkpoint import Checkpoint
from suite.training.stack import train_together
from suite.training.stopping import Stopping
from suite.vocabulary.optimizer import Average
from suite.vocabulary.record import Status
from suite.vocabulary.transformation import Transform

SMALL = Recipe(
    data=Data("digits", train_examples=100),
    model=Model("mlp", widths=(8,), norm="batch"),
    optimizer=Optimizer(lr=0.05, momentum=0.5),
    batch_size=20,
    budget=Budget(epochs=4),
)
LEARNT: dict[str, dict[str, Any]] = {
    "ema": {"average": Average("ema", decay=0.8)},
    "swa": {"average": Average("swa", start=0.5)},
    "early stopping": {"budget": Budget(epochs=40, patience=2)},
    "mixup": {"augmentation": ("flip", Transform("mixup", alpha=1.0))},
    "cutmix": {"augmentation": ("cutmix",)},
    "sorted": {"order": "sorted"},
}


# --- Averages --------------------------------------------------------------------------------


def moved(network: nn.Module, steps: int) -> Any:
    """Yield after each of so many random moves of a network's weights."""
    generator = torch.Generator().manual_seed(0)
    for step in range(1, steps + 1):
        with torch.no_grad():
            for one in network.parameters():
                one.add_(torch.randn(one.shape, generator=generator))
        yield step


def test_an_exponential_mean_is_torchs() -> None:
    network = nn.Linear(3, 2)
    own = Averaging(Average("ema", decay=0.9), network, 20, 5)
    theirs = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for step in moved(network, 20):
        own.update(step)
        theirs.update_parameters(network)
    for mine, other in zip(own.mean, theirs.module.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_a_stochastic_mean_is_torchs_over_the_last_epochs() -> None:
    network = nn.Linear(3, 2)
    own = Averaging(Average("swa", start=0.5), network, 22, 5)
    theirs = AveragedModel(network)
    for step in moved(network, 22):
        own.update(step)
        if step in (15, 20, 22):
            theirs.update_parameters(network)
    assert own.count == 3
    for mine, other in zip(own.mean, theirs.module.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_a_mean_is_what_is_evaluated_and_training_goes_on_from_the_last_weights() -> None:
    plain = Run(SMALL, 0, "cpu")
    assert plain.train() == ""
    recipe = dataclasses.replace(SMALL, average=Average("ema", decay=1.0))
    run = Run(recipe, 0, "cpu")
    assert run.train() == ""
    # A mean that forgets nothing is the weights after the first step.
    first = Run(dataclasses.replace(SMALL, budget=Budget(epochs=None, steps=1)), 0, "cpu")
    assert first.train() == ""
    for mine, other in zip(run.network.parameters(), first.network.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert run.curves["train/running_loss"] == plain.curves["train/running_loss"]
    assert run.curves["validation/loss"] != plain.curves["validation/loss"]


# --- Early stopping --------------------------------------------------------------------------


def test_it_stops_after_so_many_looks_without_a_better_loss() -> None:
    network = nn.Linear(1, 1)
    stopping = Stopping(2)
    ends = []
    for epoch, loss in enumerate((3.0, 2.0, 2.5, 1.5, 1.5, 1.6), 1):
        nn.init.constant_(network.weight, loss)
        stopping.look(network, loss, epoch)
        ends.append(stopping.ends)
    assert ends == [False, False, False, False, False, True]
    assert (stopping.best, stopping.epoch, stopping.looks) == (1.5, 4, 6)
    stopping.settle(network)
    assert network.weight.item() == 1.5


def test_a_stopped_trial_has_the_weights_and_measurements_of_its_best_epoch() -> None:
    recipe = dataclasses.replace(SMALL, budget=Budget(epochs=60, patience=3))
    outcome = train(recipe, 0)
    losses = [value for _, value in outcome.curves["validation/loss"]]
    best = losses.index(min(losses))
    assert len(losses) == best + 4 < 60
    assert outcome.final["validation/loss"] == min(losses)
    assert outcome.final["stopping/epochs"] == best + 4
    assert outcome.final["stopping/best_epoch"] == best + 1
    assert outcome.final["cost/looks"] == len(losses) * 360
    assert outcome.final["cost/steps"] == 5 * len(losses)
    short = dataclasses.replace(recipe, budget=Budget(epochs=best + 1))
    assert train(short, 0).weights_digest == outcome.weights_digest


# --- Mixing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "alpha"), [("mixup", 0.4), ("cutmix", 1.0)])
def test_mixing_is_torchvisions_where_both_draw_the_same(
    name: str, alpha: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suite.data import mixing

    batch = Split(torch.rand(6, 3, 8, 12), torch.tensor([0, 1, 2, 0, 1, 2]))
    theirs = (v2.MixUp if name == "mixup" else v2.CutMix)(alpha=alpha, num_classes=3)
    for kept in (0.0, 0.3, 0.9, 1.0):
        monkeypatch.setattr(mixing, "_beta", lambda *_, kept=kept: kept)
        monkeypatch.setattr(theirs._dist, "sample", lambda *_, kept=kept: torch.tensor(kept))
        # torchvision draws the middle of a rectangle from the global generator, across first.
        state = torch.random.get_rng_state()
        images, shares = theirs(*batch)
        generator = torch.Generator()
        generator.set_state(state)
        made = mixed(batch, (Transform(name, alpha=alpha),), 3, generator)
        torch.testing.assert_close(made.inputs, images)
        torch.testing.assert_close(made.targets, shares)


@transformation
def halved(images: Tensor, strengths: Tensor, *, targets: Tensor) -> Any:
    """Half of each image, half of the next."""
    return (images + images.roll(1, 0)) / 2, (targets + targets.roll(1, 0)) / 2


@transformation
def unmixed(images: Tensor, strengths: Tensor, *, targets: Tensor) -> Any:
    """Forgets the targets."""
    return images


def test_one_can_mix_in_ones_own_way() -> None:
    recipe = dataclasses.replace(SMALL, augmentation=(halved,))
    check(recipe, "cpu")
    assert not recipe.stacks
    assert train(recipe, 0).status is Status.FINISHED
    with pytest.raises(RequestError, match="'unmixed' must return images .* and targets"):
        check(dataclasses.replace(SMALL, augmentation=(unmixed,)), "cpu")


NOT_MIXED: dict[str, tuple[dict[str, Any], str]] = {
    "first": ({"augmentation": ("mixup", "flip")}, "must end with what mixes whole batches"),
    "a shift": ({"shifts": ("cutmix",)}, "Recipe.shifts cannot mix images"),
    "one class": (
        {"augmentation": ("mixup",), "loss": "multi_margin"},
        "loss 'multi_margin' takes one class an example",
    ),
    "no images": ({"augmentation": ("mixup",), "data": Data("xor")}, "has no images"),
}


@pytest.mark.parametrize(("changes", "words"), NOT_MIXED.values(), ids=NOT_MIXED)
def test_what_cannot_be_mixed_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        dataclasses.replace(SMALL, **changes)


@pytest.mark.parametrize(
    "loss", ["mse_one_hot", "binary_cross_entropy", "focal", "label_smoothing"]
)
def test_losses_of_classes_take_shares_of_them(loss: str) -> None:
    recipe = dataclasses.replace(SMALL, augmentation=("mixup",), loss=loss)
    assert train(recipe, 0).status is Status.FINISHED


# --- Decay and normalisation -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_decay_of_weights_alone_is_torchs_with_two_groups(name: str) -> None:
    recipe = dataclasses.replace(
        SMALL, optimizer=Optimizer(name, lr=0.02, weight_decay=0.1, decays="weights")
    )
    run = Run(recipe, 0, "cpu")
    hand = Run(recipe, 0, "cpu").network
    groups: dict[bool, list[Tensor]] = {True: [], False: []}
    for one in hand.parameters():
        groups[one.ndim >= 2].append(one)
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    rule = made(
        [
            {"params": groups[True], "weight_decay": 0.1},
            {"params": groups[False], "weight_decay": 0.0},
        ],
        lr=0.02,
    )
    batch = Split(*(part[:20] for part in run.examples.train))
    for _ in range(5):
        run.step(*batch, 0.02)
        rule.zero_grad()
        nn.functional.cross_entropy(hand(batch.inputs / 255), batch.targets).backward()
        rule.step()
    for mine, other in zip(run.network.parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_stacked_cells_decay_as_they_do_alone() -> None:
    recipes = [
        dataclasses.replace(
            SMALL,
            model=Model("mlp", widths=(8,)),
            optimizer=Optimizer("sgd", lr=lr, weight_decay=1.0, decays="weights"),
        )
        for lr in (0.01, 0.02)
    ]
    together = train_together(recipes, [0, 0], "cpu")
    for recipe, outcome in zip(recipes, together, strict=True):
        alone = train(recipe, 0).final
        assert outcome.final["weights/norm"] == pytest.approx(alone["weights/norm"], rel=1e-4)


def test_layer_and_group_norm_are_torchs() -> None:
    images, units = torch.rand(4, 16, 5, 5), torch.rand(4, 12)
    (layer,), (group,) = (normalisation(one, 16, dimensions=2) for one in ("layer", "group"))
    torch.testing.assert_close(layer(images), nn.functional.layer_norm(images, (16, 5, 5)))
    torch.testing.assert_close(group(images), nn.functional.group_norm(images, 8))
    (layer,), (group,) = (normalisation(one, 12, dimensions=1) for one in ("layer", "group"))
    torch.testing.assert_close(layer(units), nn.functional.layer_norm(units, (12,)))
    torch.testing.assert_close(group(units), nn.functional.group_norm(units, 4))


# --- Orders of examples ---------------------------------------------------------------------


def epochs_in(order: str) -> list[Split]:
    """Return the first two epochs of a trial."""
    run, epochs = Run(dataclasses.replace(SMALL, order=order), 0, "cpu"), []
    for epoch in itertools.islice(run.epochs(), 2):
        epochs.append(epoch)
        run.done += run.steps_per_epoch
    return epochs


def test_examples_are_shuffled_every_epoch_or_once_or_are_sorted() -> None:
    every, once, ordered = (epochs_in(one) for one in ("every epoch", "once", "sorted"))
    assert torch.equal(every[0].inputs, once[0].inputs)  # arms of a seed begin alike
    assert not torch.equal(every[0].inputs, every[1].inputs)
    for same in (once, ordered):
        assert torch.equal(same[0].inputs, same[1].inputs)
    shuffled, classes = once[0], ordered[0].targets
    assert torch.equal(classes, shuffled.targets.sort().values)
    for one in range(10):  # within a class, as they were shuffled
        assert torch.equal(
            ordered[0].inputs[classes == one], shuffled.inputs[shuffled.targets == one]
        )


def test_an_order_changes_the_id_and_the_default_does_not() -> None:
    assert trial_id(dataclasses.replace(SMALL, order="every epoch"), 0) == trial_id(SMALL, 0)
    assert trial_id(dataclasses.replace(SMALL, order="once"), 0) != trial_id(SMALL, 0)


def test_what_has_several_targets_cannot_be_sorted() -> None:
    recipe = Recipe(data=Data("sorting", length=4), model=Model("lstm"), order="sorted")
    with pytest.raises(RequestError, match="'sorting' has several targets an example"):
        check(recipe, "cpu")


@pytest.mark.parametrize("order", ["once", "sorted"])
def test_stacked_cells_see_the_order_that_they_see_alone(order: str) -> None:
    recipes = [
        dataclasses.replace(SMALL, order=order, optimizer=Optimizer(lr=lr)) for lr in (0.02, 0.05)
    ]
    for recipe, together in zip(recipes, train_together(recipes, [0, 0]), strict=True):
        alone = train(recipe, 0).final["validation/loss"]
        assert together.final["validation/loss"] == pytest.approx(alone, rel=1e-4)


# --- What holds of all -----------------------------------------------------------------------


@pytest.mark.parametrize("changes", LEARNT.values(), ids=LEARNT)
def test_it_trains_to_the_same_bits_resumed_or_not(changes: dict[str, Any], tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMALL, **changes)
    check(recipe, "cpu")
    assert recipe.stacks == ("order" in changes)
    once = train(recipe, 0)
    plain = train(SMALL, 0)
    assert once.status is Status.FINISHED
    assert once.final["validation/loss"] != plain.final["validation/loss"]

    class Stopped(Exception):  # noqa: N818
        pass

    class Stopping(Checkpoint):
        def keep(self, *state: Any) -> None:
            super().keep(*state)
            raise Stopped

    first = Run(recipe, 0, "cpu")
    first.look_every = 13
    with pytest.raises(Stopped):
        first.train(Stopping(tmp_path / "kept", every=0.0))
    again = Run(recipe, 0, "cpu")
    assert again.outcome(again.train(Checkpoint(tmp_path / "kept", every=1e9))) == once


def test_what_early_stopping_measures_needs_it() -> None:
    from suite import Equivalence, Study, axis

    with pytest.raises(RequestError, match="'stopping/epochs' needs a budget with patience"):
        Study(
            "Stopping",
            recipe=SMALL,
            grid=(axis("batch_size", (10, 20)),),
            claims=(
                Equivalence(
                    of="stopping/epochs", arm={"batch_size": 10}, against={"batch_size": 20},
                    matters=1, says="It stops as soon.", source="",
                ),
            ),
        )  # fmt: skip

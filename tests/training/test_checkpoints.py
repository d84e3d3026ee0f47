"""A trial that is killed and started again ends in the bits of one that nobody disturbed."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
from pathlib import Path

import pytest
import torch

from suite import Budget, Data, Model, Optimizer, Recipe, Schedule
from suite.execution.strategy import Checkpoints
from suite.execution.work import run_trial
from suite.runs.coordinator import Engine, Request, run
from suite.tracking.journal import Journal
from suite.tracking.tracker import Tracker
from suite.training import train
from suite.training.checkpoint import Checkpoint
from suite.training.stack import train_together
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Outcome
from suite.vocabulary.study import Study

SEED = 5
# Ten batches an epoch, the last of them smaller, looked at every 7 steps, and evaluations that
# fall between epochs: a checkpoint lies in the middle of everything.
RECIPE = Recipe(
    data=Data("digits", train_examples=310),
    model=Model(widths=(12,)),
    batch_size=32,
    schedule=Schedule("cosine"),
    budget=Budget(epochs=4, evaluations=3),
)
OPTIMIZERS = {
    "sgd": Optimizer("sgd", weight_decay=0.01),
    "momentum": Optimizer("sgd", momentum=0.9),
    "nesterov": Optimizer("sgd", momentum=0.9, nesterov=True),
    "ball": Optimizer("sgd", max_norm=3.0),
    "adam": Optimizer("adam", lr=0.01, weight_decay=0.01),
    "adamw": Optimizer("adamw", lr=0.01, weight_decay=0.1),
}
VARIANTS = {
    "plain": RECIPE,
    "dropout": dataclasses.replace(RECIPE, model=Model(widths=(12,), dropout=0.4)),
    "batch norm": dataclasses.replace(RECIPE, model=Model(widths=(12,), norm="batch")),
    "augmentation": dataclasses.replace(RECIPE, augmentation=("rotation", "noise")),
}


class KilledError(Exception):
    pass


class Killing(Checkpoint):
    """Raises as soon as it was written for the n-th time, like a kill at the worst moment."""

    def __init__(self, path: Path, writings: int, *, dim: int = 0) -> None:
        super().__init__(path, 0.0, dim=dim)
        self.left = writings

    def keep(self, *arguments: object, **named: object) -> None:
        super().keep(*arguments, **named)
        self.left -= 1
        if not self.left:
            raise KilledError


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.training.loop.Run.look_every", 7)


def killed(recipe: Recipe, path: Path, writings: int) -> None:
    with pytest.raises(KilledError):
        train(recipe, SEED, checkpoint=Killing(path, writings))


def resumed(recipe: Recipe, path: Path) -> Outcome:
    return train(recipe, SEED, checkpoint=Checkpoint(path, 1e9))


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_killed_trial_ends_in_the_same_bits(
    tmp_path: Path, variant: Recipe, optimizer: Optimizer
) -> None:
    recipe = dataclasses.replace(variant, optimizer=optimizer)
    whole = train(recipe, SEED)
    for writings in (1, 4):
        killed(recipe, tmp_path / "kept", writings)
        assert resumed(recipe, tmp_path / "kept") == whole


def test_a_trial_can_be_killed_again_and_again(tmp_path: Path) -> None:
    recipe = VARIANTS["dropout"]
    for _ in range(3):
        killed(recipe, tmp_path / "kept", 1)
    assert resumed(recipe, tmp_path / "kept") == train(recipe, SEED)


def test_what_was_trained_before_the_kill_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(RECIPE, tmp_path / "kept", 4)
    steps = []
    step = Checkpoint.due
    monkeypatch.setattr(Checkpoint, "due", lambda self: steps.append(1) or step(self))
    resumed(RECIPE, tmp_path / "kept")
    assert len(steps) == 40 // 7 - 4  # looks, one every 7 of 40 steps


def test_a_short_trial_writes_nothing(tmp_path: Path) -> None:
    train(RECIPE, SEED, checkpoint=Checkpoint(tmp_path / "kept", 1e9))
    assert not list(tmp_path.iterdir())


def test_a_damaged_checkpoint_is_ignored_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "kept"
    killed(RECIPE, file, 4)
    whole, content = train(RECIPE, SEED), file.read_bytes()
    for wrong in (b"", content[: len(content) // 2], content[:-9] + b"!" + content[-8:]):
        file.write_bytes(wrong)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert resumed(RECIPE, file) == whole
        assert f"checkpoint {file} is damaged" in caplog.text


def test_a_checkpoint_of_other_data_is_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed(RECIPE, tmp_path / "kept", 4)
    other = dataclasses.replace(RECIPE, data=Data("digits", train_examples=300))
    assert resumed(other, tmp_path / "kept") == train(other, SEED)
    assert "another version" in caplog.text


def test_a_disk_that_takes_no_checkpoint_stops_no_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    checkpoint = Checkpoint(tmp_path / "file" / "kept", 0.0)
    assert train(RECIPE, SEED, checkpoint=checkpoint) == train(RECIPE, SEED)
    assert "cannot be written" in caplog.text


CELLS = [
    dataclasses.replace(
        RECIPE,
        model=Model(widths=(12,), dropout=dropout, norm="batch"),
        optimizer=Optimizer("adamw", lr=lr, weight_decay=0.1),
        augmentation=("noise",),
    )
    for lr, dropout in ((0.01, 0.0), (0.03, 0.2), (0.02, 0.5))
]
DIVERGING = [
    dataclasses.replace(RECIPE, optimizer=Optimizer("sgd", lr=lr)) for lr in (0.1, 1e30, 0.2)
]


@pytest.mark.parametrize("recipes", [CELLS, DIVERGING], ids=["all", "one diverges"])
@pytest.mark.parametrize("writings", [1, 3])
def test_cells_that_train_as_one_program_go_on_together(
    tmp_path: Path, recipes: list[Recipe], writings: int
) -> None:
    seeds = [1, 2, 3]
    whole = train_together(recipes, seeds)
    with pytest.raises(KilledError):
        checkpoint = Killing(tmp_path / "kept", writings, dim=1)
        train_together(recipes, seeds, checkpoint=checkpoint)
    again = Checkpoint(tmp_path / "kept", 1e9, dim=1)
    assert train_together(recipes, seeds, checkpoint=again) == whole


def test_trials_that_are_timed_keep_nothing(tmp_path: Path) -> None:
    timed = Trial("test", "main", {}, RECIPE, SEED, alone=True)
    beside = dataclasses.replace(timed, alone=False, seed=SEED + 1)
    checkpoints = Checkpoints(tmp_path, 0.0)
    for trial in (timed, beside):
        run_trial(trial, "cpu", checkpoints)
    assert [file.name for file in tmp_path.iterdir()] == [beside.id]


class Payload:
    """What a file that somebody else made could ask a careless reader to call."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.proof,)


def test_a_checkpoint_that_somebody_else_made_runs_no_code(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proof = tmp_path / "it ran"
    content = io.BytesIO()
    torch.save({"belongs": Payload(proof)}, content)
    file = tmp_path / "checkpoint"
    digest = hashlib.sha256(content.getvalue()).hexdigest().encode()
    file.write_bytes(digest + content.getvalue())
    outcome = train(RECIPE, SEED, checkpoint=Checkpoint(file, 1e9))
    assert outcome.weights_digest == train(RECIPE, SEED).weights_digest
    assert "starts over" in caplog.text
    assert not proof.exists()


def test_what_a_trial_kept_goes_when_its_record_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study(title="t", question="?", recipe=RECIPE, seeds=2, name="kept")
    request = Request(study)
    folder = tmp_path / ".thumbrules" / "checkpoints"
    folder.mkdir(parents=True)
    mine = folder / request.trials[0].id
    rank, other = folder / f"{mine.name}-1", folder / "0123456789abcdef"
    # The first trial was interrupted by whoever ran it before; the others are not this run's.
    with pytest.raises(KilledError):
        train(RECIPE, 0, checkpoint=Killing(mine, 4))
    for file in (rank, other):
        file.write_bytes(b"")
    journal, tracker = Journal(), Tracker("sqlite:///mlflow.db")
    run([request], journal, tracker, Engine("sequential", "cpu"))
    tracker.close()
    assert list(folder.iterdir()) == [other]
    kept = journal.records[request.trials[0].id].outcome
    assert kept.weights_digest == train(RECIPE, 0).weights_digest
    assert kept.curves == train(RECIPE, 0).curves

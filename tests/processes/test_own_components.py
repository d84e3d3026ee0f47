"""A study with everything of its own, from one file: by every strategy, resumed, sent elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from suite.evidence.trials import decided
from suite.tracking.journal import Journal
from suite.vocabulary.record import Record
from tests.command_line import command, suite, suite_json

# A folder outside the repository with one file, and one beside it that this imports.
STUDY = '''
"""Bright rows against bright columns."""

from beside import SHADE
from suite import (
    Budget, Difference, Model, Optimizer, Part, Recipe, Study, axis, lines, loss, metric, model,
    number, optimizer, schedule, source, transformation,
)


@source
def bars(*, n: int = number(240, low=6)):
    """Noise with a bright row or a bright column."""
    import numpy as np

    rng = np.random.default_rng(0)
    images, targets = rng.integers(0, 200, (n, 1, 8, 8)).astype(np.uint8), np.arange(n) % 2
    for image, target in zip(images[:, 0], targets, strict=True):
        (image.T if target else image)[rng.integers(8)] = 255
    return images, targets


@model
def convnet(shape, outputs, *, channels: int = number(4, low=1)):
    """A convolution, dropout and the mean over pixels."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(shape[0], channels, 3, padding=1), nn.ReLU(), nn.Dropout(0.2),
        nn.AvgPool2d(4), nn.Flatten(), nn.LazyLinear(outputs),
    )


@optimizer
def rmsprop(parameters, lr, *, alpha: float = number(0.99, low=0, high=1)):
    """PyTorch's."""
    import torch

    return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)


@schedule
def warm(place, *, steps: int = number(5, low=1)):
    """Rising from nothing."""
    return min(1.0, (place.step + 1) / steps)


@loss
def smooth(outputs, targets, *, strength: float = 0.1):
    """Smoothed labels."""
    from torch.nn import functional as F

    return F.cross_entropy(outputs, targets, label_smoothing=strength)


@transformation
def shade(images, strengths, *, depth: float = SHADE):
    """Darker."""
    return images * (1 - depth * strengths[:, 0].abs())[:, None, None, None]


@metric(unit="percent")
def recall(outputs, targets):
    """Of the second class."""
    return float((outputs.argmax(1) == 1)[targets == 1].float().mean())


study = Study(
    title="Rows and columns",
    recipe=Recipe(
        data=bars(), model=convnet(), optimizer=rmsprop(lr=0.01), schedule=warm(), loss=smooth(),
        metrics=(recall,), augmentation=(shade(depth=0.3),), shifts=(shade,), batch_size=16,
        budget=Budget(epochs=2),
    ),
    grid=(axis("model.channels", (2, 4)),),
    seeds=2,
    select="validation/recall",
    parts=(
        Part("rules", seeds=1, grid=(
            axis("optimizer", (Optimizer("sgd", momentum=0.9), rmsprop(alpha=0.9))),
            axis("optimizer.lr", {"sgd": (0.1, 0.3), "rmsprop": (0.01,)}, per="optimizer"),
        )),
        Part("stacked", seeds=1, changes={"model": Model("mlp", widths=(8,)), "loss": "cross_entropy"},
            grid=(axis("optimizer", {"slow": Optimizer(lr=0.1), "fast": Optimizer(lr=0.2)}),)),
    ),
    claims=(
        Difference(
            of="test/recall", says="More channels find more.", source="", matters=0.01,
            arm={"model.channels": 4}, against={"model.channels": 2}, direction="higher",
        ),
    ),
    views=(lines("test/recall", over="model.channels"),),
)
'''
TRIALS = 4 + 3 + 2


def make(folder: Path, text: str = STUDY) -> Path:
    (folder / "studies").mkdir(parents=True)
    (folder / "studies" / "bars.py").write_text(text)
    (folder / "beside.py").write_text("SHADE = 0.2\n")
    return folder


def records(folder: Path) -> dict[str, Record]:
    return dict(Journal(folder / ".thumbrules" / "journal.jsonl").records)


def numbers(folder: Path) -> dict[str, Any]:
    return {name: decided(one) for name, one in records(folder).items()}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the study ran, one trial after another."""
    folder = make(tmp_path_factory.mktemp("own"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # MLflow's, on its own type hints
        done = suite(folder, "run", "bars", "--strategy", "sequential", "--keep-models")
    assert done.returncode == 0, done.stderr
    assert "2 models of bars kept" in done.stderr
    assert len(records(folder)) == TRIALS
    return folder


def test_packed_equals_sequential(ran: Path, tmp_path: Path) -> None:
    done = suite(make(tmp_path / "own"), "run", "bars", "--strategy", "packed", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert numbers(tmp_path / "own") == numbers(ran)


def test_only_what_says_so_is_stacked(tmp_path: Path) -> None:
    folder = make(tmp_path / "own")
    assert suite(folder, "run", "bars", "--strategy", "vectorised").returncode == 0
    stacked = [one for one in records(folder).values() if one.provenance.cohort]
    assert {one.part for one in stacked} == {"stacked"}
    assert len(stacked) == 2


def test_it_reproduces_and_its_names_and_not_its_code_are_in_the_record(ran: Path) -> None:
    form = suite_json(ran, "reproduce", "bars")
    assert form["equal"] == len(form["trials"]) == 3
    one = next(one for one in records(ran).values() if one.part == "main")
    assert set(one.recipe["model"]) <= {"name", "code", "channels"}
    assert one.recipe["metrics"][0].keys() == {"name", "code"}
    assert one.provenance.data_source == "studies.bars.bars"
    text = (ran / ".thumbrules" / "journal.jsonl").read_text()
    assert "LazyLinear" not in text
    assert str(ran) not in json.dumps(one.recipe)


def test_mlflow_and_the_page_say_what_was_used(ran: Path) -> None:
    from suite.tracking.mlflow_store import Store

    runs = Store(f"sqlite:///{ran}/mlflow.db").runs("bars").values()
    by_part = {run.data.tags["thumbrules.part"]: run.data for run in runs}
    params = by_part["main"].params
    assert params["model.name"] == "convnet"
    assert params["loss"] == "smooth"
    assert params["augmentation"] == "('shade depth=0.3',)"
    assert len(params["model.code"]) == 16
    assert "validation/recall" in by_part["main"].metrics
    assert by_part["stacked"].params["optimizer"] in ("slow", "fast")
    assert suite(ran, "report", "bars").returncode == 0
    page = (ran / "reports" / "html" / "bars.html").read_text()
    said = ("convnet", "rmsprop", "test recall", "smooth", "More channels", "momentum 0.9")
    for words in (*said, "slow (momentum 0"):
        assert words in page, words


def test_an_archive_is_told_apart_where_a_file_says_something_else(
    ran: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "bars.tar.zst"
    assert suite(ran, "export", str(archive)).returncode == 0
    same, other, without = make(tmp_path / "same"), make(tmp_path / "other"), tmp_path / "without"
    (other / "beside.py").write_text("SHADE = 0.25\n")  # a default of the transformation
    (without / "studies").mkdir(parents=True)
    for folder, there in ((same, TRIALS), (other, 0), (without, None)):
        done = suite(folder, "import", str(archive))
        assert done.returncode == 0, done.stderr
        assert f"{TRIALS} trials in the archive, {TRIALS} of them new here" in done.stdout
        if there is not None:
            assert suite_json(folder, "plan", "bars")["cached"] == there
    assert suite_json(same, "reproduce", "bars")["equal"] == 3
    refused = suite(other, "reproduce", next(iter(records(other))))
    assert refused.returncode == 2
    assert "is not what it was" in refused.stderr


def test_killed_midway_it_goes_on_to_the_same_bits(ran: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "own")
    arguments = command("run", "bars", "--workers", "2")
    with subprocess.Popen(
        arguments, cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        journal = folder / ".thumbrules" / "journal.jsonl"
        while process.poll() is None and (
            not journal.exists() or journal.read_text().count('"trial"') < 3
        ):
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert 0 < len(records(folder)) <= TRIALS
    assert suite(folder, "run", "bars").returncode == 0
    assert numbers(folder) == numbers(ran)


def test_it_is_checked_by_one_command(ran: Path) -> None:
    done = suite(ran, "check", "bars")
    assert done.returncode == 0, done.stdout
    for kind in ("Data bars", "Model convnet", "Optimizer rmsprop", "Metric recall"):
        assert f"{kind} (studies.bars)" in done.stdout
    assert suite(ran, "check", "convnet").returncode == 0
    wrong = suite(ran, "check", "convnt")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "did you mean 'convnet'?" in wrong.stderr


def test_train_takes_a_studys_own_names(ran: Path) -> None:
    settings = ("data.name=bars", "model.name=convnet", "model.channels=2", "budget.epochs=1")
    done = suite(ran, "train", *(word for one in settings for word in ("--set", one)))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("finished")


FAULTS = {
    "an error in the network": (
        "from torch import nn\n\n    return nn.Sequential(",
        "raise KeyError('gone')\n    return nn.Sequential(",
        "bars.py, line 26: KeyError: 'gone'",
    ),
    "outputs of another number": (
        "nn.LazyLinear(outputs)",
        "nn.LazyLinear(outputs), nn.Flatten(0)",
        "model 'convnet' returns (4,) for 2 examples, not (2, 2)",
    ),
    "a rule that is none": (
        "return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)",
        "return None",
        "optimizer 'rmsprop' must return a torch.optim.Optimizer, not NoneType",
    ),
    "a rule that needs more than a gradient": (
        "return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)",
        "return torch.optim.LBFGS(parameters, lr=lr)",
        "optimizer 'rmsprop' takes no step",
    ),
    "a rule that goes its own way": (
        "return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)",
        "return torch.optim.RMSprop(parameters, lr=0.1, alpha=alpha)",
        "optimizer 'rmsprop' does not use its 'lr'",
    ),
    "a schedule that gives nothing": (
        "return min(1.0, (place.step + 1) / steps)",
        "return None",
        "schedule 'warm' must give a number, 0 or more, not None",
    ),
    "a network that leaves": (
        "from torch import nn\n\n    return nn.Sequential(",
        "raise SystemExit(3)\n    return nn.Sequential(",
        "bars.py, line 26: SystemExit: 3",
    ),
    "images of another size": (
        "return images * (1 -",
        "return images[..., 1:] * (1 -",
        "transformation 'shade' must return images",
    ),
    "labels below 0": ("np.arange(n) % 2\n", "np.arange(n) % 2 - 1\n", "classes from 0, not -1"),
    "a loss for each example": (
        "label_smoothing=strength)",
        "label_smoothing=strength, reduction='none')",
        "loss 'smooth' must return one number",
    ),
}


@pytest.mark.parametrize(("before", "after", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_ones_own_code_is_one_line_before_anything_trains(
    tmp_path: Path, before: str, after: str, words: str
) -> None:
    assert before in STUDY
    folder = make(tmp_path / "own", STUDY.replace(before, after))
    done = suite(folder, "run", "bars", "--strategy", "sequential")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert words in done.stderr
    assert records(folder) == {}


def test_what_is_edited_while_it_runs_fails_its_trials_and_is_not_taken_for_the_old(
    tmp_path: Path,
) -> None:
    from suite.execution.packed import Packed
    from suite.vocabulary import discovery

    folder = make(tmp_path / "own")
    with contextlib.chdir(folder):
        study = discovery.load("bars")
        trials = [one for one in study.trials(study.grids()) if one.part == "main"][:2]
        assert len({one.id for one in trials}) == 2
        (folder / "beside.py").write_text("SHADE = 0.25\n")
        with Packed("cpu", 1) as strategy:
            outcomes = [one.outcome for one in strategy.run([(one,) for one in trials])]
    assert {str(one.status) for one in outcomes} == {"failed"}
    assert all("has changed since the run began" in one.error for one in outcomes)

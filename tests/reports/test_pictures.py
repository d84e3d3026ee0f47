"""Pictures of a study: the images that its trials saw, and networks that come out the same."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from suite.data import load
from suite.ground.errors import RequestError
from suite.ground.identity import rebuild
from suite.reproduce.pictures import strips
from suite.tracking.journal import Journal
from suite.training.evaluation import predict
from suite.training.loop import Run
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.record import Record
from suite.vocabulary.views import Pictured
from tests.command_line import make_study, suite

STUDY = '''
"""Images of small digits."""

from suite import Budget, Data, Model, Recipe, Study, axis, images

study = Study(
    title="Seen",
    recipe=Recipe(
        data=Data("mnist5k", train_examples=100, image_size=16),
        model=Model("{model}"),
        budget=Budget(epochs=1),
        batch_size=50,
        shifts=("flip",),
    ),
    grid=(axis("augmentation", ((), ("flip", "noise"))),),
    seeds=1,
    views=tuple(
        images(of)
        for of in ("training images", "test images", "first weights", "feature maps", "mistakes")
    ),
)
'''


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a folder in which the study ran with a model."""
    made: dict[str, Path] = {}

    def run(model: str) -> Path:
        if model not in made:
            made[model] = tmp_path_factory.mktemp(model)
            make_study(made[model], STUDY.format(model=model), "seen")
            done = suite(made[model], "run", "seen")
            assert done.returncode == 0, done.stderr
        return made[model]

    return run


def records_of(folder: Path) -> list[Record]:
    records = Journal(folder / ".thumbrules" / "journal.jsonl").records.values()
    return sorted(records, key=lambda record: len(record.recipe.get("augmentation", ())))


def test_the_images_are_those_that_trials_saw(ran: Callable[[str], Path]) -> None:
    records = records_of(ran("softmax"))
    recipe = rebuild(Recipe, records[0].recipe)
    plain, changed = strips("training images", records)
    train = load(recipe.data, 0).train.inputs
    assert (plain.label, changed.label) == ((), ("flip", "noise"))
    assert np.array_equal(plain.pictures, train[:10].movedim(1, -1).numpy())
    assert not np.array_equal(plain.pictures, changed.pictures)
    as_it_is, flipped = strips("test images", records)
    assert (as_it_is.label, flipped.label) == ("as it is", "flip")
    mirrored = as_it_is.pictures[:, :, ::-1]
    same = [np.array_equal(*pair) for pair in zip(flipped.pictures, mirrored, strict=True)]
    kept = [np.array_equal(*pair) for pair in zip(flipped.pictures, as_it_is.pictures, strict=True)]
    assert all(a != b for a, b in zip(same, kept, strict=True))
    assert any(same)


def test_weights_and_mistakes_are_those_of_the_recorded_network(
    ran: Callable[[str], Path],
) -> None:
    records = records_of(ran("softmax"))
    run = Run(rebuild(Recipe, records[0].recipe), 0, "cpu")
    run.train()
    (weights,) = strips("first weights", records)
    assert weights.words == tuple("0123456789")
    assert weights.pictures.shape == (10, 16, 16, 1)
    unit = next(run.network.parameters()).detach()[3].view(16, 16)
    brightest, darkest = weights.pictures[3].argmax(), weights.pictures[3].argmin()
    assert (brightest, darkest) == (unit.argmax(), unit.argmin())
    (mistakes,) = strips("mistakes", records)
    test = run.examples.test
    said = predict(run.network, test.inputs).argmax(1)
    wrong = [i for i in range(len(test)) if said[i] != test.targets[i]]
    accuracy = records[0].outcome.final["test/accuracy"]
    assert mistakes.label == f"{len(wrong):,} / {len(test):,}"
    assert len(wrong) == round((1 - accuracy) * len(test))
    assert mistakes.words[0] == f"{test.targets[wrong[0]]} → {said[wrong[0]]}"


def test_feature_maps_follow_the_layers(ran: Callable[[str], Path]) -> None:
    found = strips("feature maps", records_of(ran("lenet")))
    shapes = [(strip.label, strip.pictures.shape) for strip in found]
    assert shapes == [
        ("as it is", (1, 16, 16, 1)),
        ("ReLU", (6, 16, 16, 1)),
        ("MaxPool2d", (6, 8, 8, 1)),
        ("ReLU", (10, 4, 4, 1)),
        ("MaxPool2d", (10, 2, 2, 1)),
    ]


def test_what_cannot_be_shown_as_it_was_is_not_shown(ran: Callable[[str], Path]) -> None:
    (record, *_) = records_of(ran("softmax"))

    def refused(of: Pictured, **changes: Any) -> str:
        parts: dict[str, Any] = {"outcome": record.outcome, "provenance": record.provenance}
        made = {name: dataclasses.replace(parts[name], **changes[name]) for name in changes}
        with pytest.raises(RequestError) as error:
            strips(of, [dataclasses.replace(record, **made)])
        return str(error.value)

    assert "ends with other weights here" in refused("mistakes", outcome={"weights_digest": "0"})
    assert "the data of trial" in refused("test images", outcome={"data_digest": "0"})
    assert "its network has no layers of channels" in refused("feature maps")
    plain = {path: value for path, value in record.recipe.items() if path != "data"}
    with pytest.raises(RequestError, match="the data of trial"):  # those that a recipe has unasked
        strips("training images", [dataclasses.replace(record, recipe=plain)])
    if not torch.cuda.is_available():
        assert "ran on a GPU, which is not here" in refused(
            "mistakes", provenance={"device": "cuda"}
        )


def test_a_page_shows_them(ran: Callable[[str], Path]) -> None:
    folder = ran("softmax")
    assert suite(folder, "report").returncode == 0
    page = (folder / "reports/html/seen.html").read_text()
    assert page.count('class="pictures"') == 6  # two ways to train, two splits, weights, mistakes
    assert page.count("Not shown: its network has no layers of channels.") == 1
    first = page.partition("data:image/png;base64,")[2].partition('"')[0]
    recipe = rebuild(Recipe, records_of(folder)[0].recipe)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(first))))
    assert np.array_equal(shown, load(recipe.data, 0).train.inputs[0, 0].numpy())
    chinese = (folder / "reports/html/seen.zh.html").read_text()
    assert "验证集最看好的试验" in chinese


def test_a_part_without_networks_has_no_images(tmp_path: Path) -> None:
    text = STUDY.format(model="softmax").replace("images(of)", 'images(of, part="probe")')
    text = text.replace(
        "seeds=1,", 'seeds=1, parts=(Part("probe", probe=probe, grid=(axis("x", (1,)),)),),'
    )
    text = text.replace("study = Study(", "def probe(cell, seed):\n    return {}\n\nstudy = Study(")
    text = text.replace("Model, ", "Model, Part, ")
    make_study(tmp_path, text, "seen")
    done = suite(tmp_path, "list")
    assert "part 'probe' trains no network: it has no training images" in done.stdout + done.stderr

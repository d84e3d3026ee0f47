"""Data sets of scikit-learn and torchvision by their names there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine

from suite import Data
from suite.data import load
from suite.data.sources import raw
from suite.ground.errors import RequestError


def refusal(data: Data) -> str:
    with pytest.raises(RequestError) as caught:
        load(data, 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_of_scikit_learn_is_standardised_and_its_classes_have_names() -> None:
    wine = load_wine()
    found = raw(Data("scikit_learn", set="wine"), 0)
    assert np.array_equal(found.inputs, wine.data)
    assert np.array_equal(found.targets, wine.target)
    assert found.names == ("class_0", "class_1", "class_2")
    train = load(Data("scikit_learn", set="wine"), 0).train.inputs
    assert np.allclose(train.mean(0), 0, atol=1e-5)
    assert np.allclose(train.std(0, correction=0), 1, atol=1e-5)


def test_values_of_scikit_learn_stay_values() -> None:
    examples = load(Data("scikit_learn", set="diabetes"), 0)
    assert examples.train.targets.shape == (296, 1)
    assert examples.train.targets.is_floating_point()


def test_what_scikit_learn_has_not_is_refused_with_the_nearest() -> None:
    assert "no table 'wines' (did you mean 'wine'?)" in refusal(Data("scikit_learn", set="wines"))
    assert "no table 'svmlight_file'" in refusal(Data("scikit_learn", set="svmlight_file"))


def idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes()
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture
def kuzushiji(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """A few images in the files of KMNIST."""
    monkeypatch.setenv("THUMBRULES_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "KMNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = {"train": rng.integers(0, 256, (5100, 8, 8)), "t10k": rng.integers(0, 256, (20, 8, 8))}
    for half, some in images.items():
        idx(folder / f"{half}-images-idx3-ubyte", some)
        idx(folder / f"{half}-labels-idx1-ubyte", np.arange(len(some)) % 10)
    return images


def test_images_of_torchvision_keep_their_own_test_split(kuzushiji: dict[str, np.ndarray]) -> None:
    data = Data("torchvision", set="KMNIST")
    examples = load(data, 0)
    assert np.array_equal(examples.test.inputs[:, 0], kuzushiji["t10k"])
    assert examples.test.targets.tolist() == [*range(10), *range(10)]
    assert (examples.shape, examples.outputs, len(examples.train)) == ((1, 8, 8), 10, 100)
    assert examples.names[1] == "ki"
    small = load(Data("torchvision", set="KMNIST", size=4), 0)
    assert small.shape == (1, 4, 4)


def test_what_torchvision_has_not_is_refused_with_the_nearest() -> None:
    said = refusal(Data("torchvision", set="FashionMNST"))
    assert said == "torchvision has no images 'FashionMNST' (did you mean 'FashionMNIST'?)"
    assert "needs more than a name" in refusal(Data("torchvision", set="EMNIST"))
    assert "needs more than a name" in refusal(Data("torchvision", set="CocoDetection"))

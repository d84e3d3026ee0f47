"""Two competitions: files in Kaggle's layouts are read, refused in one line, and answered."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studies import house_prices
from studies import leaves as leaves_study
from suite import Budget, Data
from suite.data import houses, leaves, load, sources, standardise
from suite.ground.errors import RequestError
from tests.command_line import suite

TRAIN = """Id,LotArea,Street,Alley,PoolArea,SalePrice
1,100,Pave,NA,NA,200000
2,,Grvl,NA,NA,100000
3,300,Pave,Gate,NA,150000
"""
TEST = """Id,LotArea,Street,Alley,PoolArea
11,200,Mud,NA,5
12,,Pave,Gate,NA
"""


def forget() -> None:
    sources.forget()
    load.cache_clear()


def generated(n: int, pixels: int, seed: int) -> tuple[Any, Any]:
    return leaves.generated(n, pixels, np.random.default_rng(seed))


def write_generated(folder: Path, train: int, test: int, *, pixels: int, seed: int = 0) -> None:
    """Write generated leaves as JPEGs in the competition's layout; species are named as generated."""
    images, labels = generated(train + test, pixels, seed)
    (folder / "images").mkdir(parents=True)
    files = [f"images/{i}.jpg" for i in range(len(images))]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / file, quality=90)
    names = [f"generated_{label:03d}" for label in labels]
    leaves.write_submission(folder / "train.csv", files[:train], names[:train])
    (folder / "test.csv").write_text("\n".join(["image", *files[train:]]) + "\n")


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with a small copy of both competitions."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("THUMBRULES_DATA", str(tmp_path))
    homes = tmp_path / houses.FOLDER
    homes.mkdir()
    (homes / "train.csv").write_text(TRAIN)
    (homes / "test.csv").write_text(TEST)
    write_generated(tmp_path / leaves.FOLDER, 60, 7, pixels=24)
    forget()
    yield tmp_path
    forget()


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(RequestError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_words_become_columns_and_an_unseen_word_is_all_zeros(kaggle: Path) -> None:
    features, prices = houses.priced(kaggle / houses.FOLDER)
    # LotArea, PoolArea; Street=Grvl, Street=Pave; Alley=Gate, Alley=missing
    nan = np.nan
    expected = [[100, nan, 0, 1, 0, 1], [nan, nan, 1, 0, 0, 1], [300, nan, 0, 1, 1, 0]]
    np.testing.assert_array_equal(features, np.array(expected, np.float32))
    np.testing.assert_allclose(np.exp(prices[:, 0]), [200_000, 100_000, 150_000], rtol=1e-5)
    asked, ids = houses.unpriced(kaggle / houses.FOLDER)
    assert ids == [11, 12]
    np.testing.assert_array_equal(asked, [[200, 5, 0, 0, 0, 1], [nan, nan, 0, 1, 1, 0]])


def test_a_table_is_standardised_on_the_rows_that_fit() -> None:
    nan = torch.nan
    table = torch.tensor([[1.0, 7.0, 0.0, nan], [3.0, 7.0, 1.0, nan], [nan, 9.0, 1.0, 4.0]])
    scaled = standardise(table, torch.tensor([0, 1]))
    assert scaled.tolist() == [[-1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0]]


@given(seed=st.integers(0, 10_000), missing=st.floats(0.0, 0.5))
def test_other_rows_have_no_say_in_the_scale(seed: int, missing: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    table = 1e4 + 100 * torch.randn(40, 3, generator=draw)
    table[torch.rand(table.shape, generator=draw) < missing] = torch.nan
    fit = torch.arange(30)
    scaled = standardise(table, fit)
    changed = table.clone()
    changed[30:] = 1e6
    assert torch.equal(scaled[fit], standardise(changed, fit)[fit])
    assert scaled.isfinite().all()
    assert scaled[fit].mean(0).abs().max() < 1e-3


def test_boston_is_a_source_of_the_core_without_its_column_on_race() -> None:
    examples = load(Data("boston"), 0)
    assert (examples.shape, examples.outputs) == ((12,), 1)
    assert examples.train.targets.mean().abs() < 1e-6
    features, _ = houses.boston()
    assert features.max(0)[10] < 25, "the pupils per teacher, then the share of poor households"
    assert features.max(0)[11] < 40


def test_ridge_regression_agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import Ridge

    features, prices = (torch.from_numpy(one) for one in houses.boston())
    fit, rows = torch.arange(100), torch.arange(100, 506)
    inputs = standardise(features, fit).double().numpy()
    model = Ridge(alpha=5.0).fit(inputs[:100], prices[:100, 0].double())
    # Scikit-learn centres the columns of 0 and 1, which are left as they are here.
    error = np.sqrt(np.mean((model.predict(inputs[100:]) - prices[100:, 0].numpy()) ** 2))
    assert house_prices._ridge_error(features, prices, fit, rows) == pytest.approx(error, rel=0.02)


HOUSE_FAULTS: dict[str, tuple[str, str | None, str]] = {
    "no file": ("train.csv", None, "train.csv is missing: put Kaggle's"),
    "no test": ("test.csv", None, "test.csv is missing: put Kaggle's"),
    "empty": ("train.csv", "", "train.csv cannot be read as a table"),
    "no rows": ("train.csv", "Id,LotArea,SalePrice\n", "train.csv has no rows"),
    "header": ("train.csv", TRAIN.replace("SalePrice", "Price"), "has no column 'SalePrice'"),
    "test header": ("test.csv", TEST.replace("Street", "Road"), "test.csv has no column 'Street'"),
    "price missing": (
        "train.csv",
        TRAIN.replace("100000", ""),
        "train.csv, line 3: SalePrice must be a number above 0",
    ),
    "words": ("test.csv", TEST.replace("200", "big"), "'LotArea' holds words where numbers"),
    "ragged": ("train.csv", TRAIN + "4,1,2,3,4,5,6,7,8\n", "cannot be read as a table"),
}


@pytest.mark.parametrize(("file", "content", "message"), HOUSE_FAULTS.values(), ids=HOUSE_FAULTS)
def test_a_faulty_table_is_refused_in_one_line(
    kaggle: Path, file: str, content: str | None, message: str
) -> None:
    path = kaggle / houses.FOLDER / file
    path.unlink()
    if content is not None:
        path.write_text(content)

    def read() -> None:
        houses.priced(path.parent)
        houses.unpriced(path.parent)

    assert message in refusal(read)


@pytest.mark.parametrize("name", ["house_prices", "classify_leaves"])
def test_without_a_folder_the_line_says_where_the_files_go(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THUMBRULES_DATA", raising=False)
    assert "THUMBRULES_DATA" in refusal(lambda: load.__wrapped__(Data(name), 0))  # type: ignore[arg-type]


def write_houses(folder: Path, n: int) -> None:
    """Write n houses whose price is ten times their area, and three to be priced."""
    areas = np.random.default_rng(0).uniform(1e4, 3e4, n + 3)
    rows = [
        f"{i},{'' if i % 9 == 4 else area:},{'ABC'[i % 3]},{10 * area}"
        for i, area in enumerate(areas)
    ]
    (folder / "train.csv").write_text("\n".join(["Id,Area,Zone,SalePrice", *rows[:n]]))
    asked = [row.rpartition(",")[0].replace("B", "unseen") for row in rows[n:]]
    (folder / "test.csv").write_text("\n".join(["Id,Area,Zone", *asked]))


def test_house_prices_hands_in_a_price_for_every_id(kaggle: Path) -> None:
    write_houses(kaggle / houses.FOLDER, 120)
    out = kaggle / "submission.csv"
    ran = suite(kaggle, "submit", "house_prices", str(out))
    assert ran.returncode == 0, ran.stderr
    assert "3 prices" in ran.stdout
    header, *rows = csv.reader(out.read_text().splitlines())
    assert header == ["Id", "SalePrice"]
    assert [row[0] for row in rows] == ["120", "121", "122"]
    truth = 10 * np.random.default_rng(0).uniform(1e4, 3e4, 123)[120:]
    np.testing.assert_allclose([float(row[1]) for row in rows], truth, rtol=0.35)


def test_submit_refuses_in_one_line(tmp_path: Path) -> None:
    out = str(tmp_path / "out.csv")
    for arguments in (("leaves", out), ("dropout", out), ("leaf", out), ("leaves", f"{out}/x.csv")):
        ran = suite(tmp_path, "submit", *arguments)
        assert (ran.returncode, ran.stderr.count("\n"), ran.stdout) == (2, 1, ""), ran.stderr


def test_generated_leaves_are_the_same_ones_and_then_some() -> None:
    few, many = generated(300, 16, 3), generated(600, 16, 3)
    assert np.array_equal(few[0], many[0][:300])
    assert many[1].max() == 175
    assert not np.array_equal(few[0], generated(300, 16, 4)[0])


def test_a_generated_leaf_is_nearest_to_one_of_its_species_far_above_chance() -> None:
    images, labels = generated(176 * 6, 24, 0)
    flat = torch.from_numpy(images).flatten(1).float()
    nearest = torch.cdist(flat[:176], flat[176:]).argmin(1)
    right = torch.from_numpy(labels)[176:][nearest] == torch.from_numpy(labels)[:176]
    assert right.float().mean() > 10 / 176


def test_the_loader_reads_what_was_drawn(kaggle: Path) -> None:
    listed = leaves.labelled(kaggle / leaves.FOLDER)
    drawn, labels = generated(67, 24, 0)
    assert [listed.names[i] for i in listed.labels] == [f"generated_{i:03d}" for i in labels[:60]]
    # JPEG blurs colours, so single pixels may be far off, but not many.
    decoded = leaves.decode(listed.files, 24).astype(float)
    assert np.abs(decoded - drawn[:60]).mean() < 12
    assert leaves.decode(listed.files[:2], 48).shape == (2, 3, 48, 48)


def test_leaves_go_through_the_core_and_changed_files_are_decoded_anew(kaggle: Path) -> None:
    first = load(Data("classify_leaves", pixels=16), 0)
    assert (first.shape, first.outputs) == ((3, 16, 16), 60)
    assert [len(split) for split in first[:3]] == [40, 10, 10]
    image = kaggle / leaves.FOLDER / "images" / "3.jpg"
    image.write_bytes((image.parent / "4.jpg").read_bytes())
    os.utime(image, ns=(1, 1))
    forget()
    assert load(Data("classify_leaves", pixels=16), 0).digest != first.digest


LEAF_FAULTS: dict[str, tuple[str, str | None, str]] = {
    "no file": ("train.csv", None, "train.csv is missing: put Kaggle's classify-leaves"),
    "header": ("train.csv", "name,label\n", "must begin with 'image,label', not 'name,label'"),
    "no rows": ("train.csv", "image,label\n", "train.csv names no image"),
    "no label": (
        "train.csv",
        "image,label\nimages/0.jpg,a\nimages/1.jpg,\n",
        "train.csv, line 3: 'images/1.jpg' has no label",
    ),
    "three columns": ("train.csv", "image,label\na.jpg,b,c\n", "line 2: 'a.jpg,b,c' is not"),
    "unreadable": ("images/5.jpg", "no image", "images/5.jpg cannot be read as an image"),
    "cut": ("images/5.jpg", "\xff\xd8\xff\xe0", "images/5.jpg cannot be read as an image"),
    "no image": ("images/5.jpg", None, "images/5.jpg is missing, though the table names it"),
}


@pytest.mark.parametrize(("file", "content", "message"), LEAF_FAULTS.values(), ids=LEAF_FAULTS)
def test_faulty_leaves_are_refused_in_one_line(
    kaggle: Path, file: str, content: str | None, message: str
) -> None:
    path = kaggle / leaves.FOLDER / file
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    assert message in refusal(lambda: load(Data("classify_leaves", pixels=16), 0))


def test_leaves_hands_in_a_species_for_every_image(
    kaggle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = dataclasses.replace(
        leaves_study.FULL, data=Data("classify_leaves", pixels=16), budget=Budget(steps=3)
    )
    monkeypatch.setattr(leaves_study, "FULL", short)
    out = kaggle / "submission.csv"
    assert "7 leaves" in leaves_study.submission(out)
    header, *rows = csv.reader(out.read_text().splitlines())
    folder = kaggle / leaves.FOLDER
    assert header == ["image", "label"]
    assert [row[0] for row in rows] == leaves.unlabelled(folder)
    assert {row[1] for row in rows} <= set(leaves.labelled(folder).names)
    scores = leaves_study.submissions({"source": "classify_leaves", "scale": 255}, 0)
    assert scores[leaves_study.NUMBERED] == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: Data("digits", pixels=16), "Data 'digits' does not use 'pixels'"),
        (lambda: Data("boston", random_labels=0.5), "Data 'boston' does not use 'random_labels'"),
    ],
)
def test_what_a_source_cannot_use_is_refused(data: Callable[[], Data], message: str) -> None:
    assert message in refusal(data)

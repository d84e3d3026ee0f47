"""One's own files become what training takes, by stated rules, or are refused in one line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from suite import Budget, Data, Model, Optimizer, Recipe, source
from suite.data import arrays, image_folder, load, outline, sequences, sources, standardise, table
from suite.data.described import described
from suite.data.origin import origin
from suite.execution.work import check
from suite.ground import contents
from suite.ground.errors import RequestError
from suite.ground.identity import canonical, flatten, rebuild, trial_id
from suite.reproduce.battery import battery
from suite.training import train
from suite.vocabulary.record import Status

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    yield tmp_path
    load.cache_clear()
    sources.forget()


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(RequestError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- Images ----------------------------------------------------------------------------------


def paint(place: str, colour: Any = (10, 20, 30), size: tuple[int, int] = (6, 4)) -> Path:
    """Save an image of one colour; of a number, in grey."""
    file = Path("photos", place)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(file)
    return file


def photos(n: int = 6, **sizes: int) -> Path:
    for name, count in (sizes or {"cat": n, "dog": n}).items():
        for i in range(count):
            paint(f"{name}/{i}.png", (i, 20, 200 if name == "dog" else 30), (6 + i, 4))
    return Path("photos")


def test_a_folder_a_class_becomes_images_of_one_size() -> None:
    found = image_folder(photos(), size=5)
    assert (found.inputs.shape, found.inputs.dtype) == ((12, 3, 5, 5), np.uint8)
    assert (found.names, found.outputs) == (("cat", "dog"), 2)
    assert found.targets.tolist() == [0] * 6 + [1] * 6
    # Files are sorted; a plain image stays plain, whatever becomes of its size.
    assert (found.inputs[8] == np.array([2, 20, 200])[:, None, None]).all()


def test_images_are_resized_as_pillow_does_it_with_antialiasing() -> None:
    photos()
    noise = np.random.default_rng(0).integers(0, 255, (20, 31, 3)).astype(np.uint8)
    Image.fromarray(noise).save("photos/cat/0.png")
    by_hand = Image.fromarray(noise).resize((8, 8), Image.Resampling.BILINEAR)
    found = image_folder("photos", size=8).inputs[0]
    assert np.array_equal(found, np.asarray(by_hand).transpose(2, 0, 1))


def test_any_format_nested_folders_and_links_are_read_and_hidden_files_are_not() -> None:
    photos()
    paint("cat/deeper/a.jpg")
    paint("cat/b.bmp")
    paint("cat/c.webp")
    paint("dog/d.gif")
    Path("photos/cat/.DS_Store").write_text("nothing")
    Path("photos/readme.txt").write_text("beside the classes")
    Path("elsewhere").mkdir()
    paint("../elsewhere/e.png")
    Path("photos/fox").symlink_to("../elsewhere")
    Path("photos/fox/again").symlink_to("..")  # a circle
    found = image_folder("photos", size=4)
    assert np.bincount(found.targets).tolist() == [9, 7, 1]


def test_an_image_is_turned_as_its_camera_was() -> None:
    photos()
    halves = Image.new("RGB", (8, 8))
    halves.paste((255, 255, 255), (0, 0, 8, 4))  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    halves.save("photos/cat/0.png", exif=exif)
    found = image_folder("photos", size=8).inputs[0, 0]
    assert (found[:4].max(), found[4:].min()) == (0, 255)


@pytest.mark.parametrize(("colour", "channels"), [("grey", 1), ("rgb", 3)])
def test_grey_beside_colour_becomes_what_is_asked_for(colour: Any, channels: int) -> None:
    photos()
    paint("cat/0.png", 77)
    found = image_folder("photos", size=4, colour=colour).inputs
    assert found.shape == (12, channels, 4, 4)
    assert (found[0] == 77).all()


def test_grey_images_have_one_channel() -> None:
    for i in range(6):
        paint(f"{'ab'[i % 2]}/{i}.png", i)
    assert image_folder("photos", size=4).inputs.shape == (6, 1, 4, 4)


def damage(place: str, content: bytes) -> None:
    Path("photos", place).write_bytes(content)


def cut() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3)).astype(np.uint8)
    Image.fromarray(noise).save("photos/cat/1.png")
    damage("cat/1.png", Path("photos/cat/1.png").read_bytes()[:1000])


def deep() -> None:
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save("photos/cat/0.png")


BAD_FOLDERS: dict[str, tuple[Callable[[], Any], str]] = {
    "not there": (lambda: Path("photos").rename("fotos"), "image_folder reads photos, which is not there (did you mean 'fotos'?)"),
    "a class without images": (lambda: Path("photos/fox").mkdir(), "photos/fox has no images"),
    "no image": (lambda: damage("cat/1.png", b"<html>"), "photos/cat/1.png cannot be read as an image"),
    "empty": (lambda: damage("cat/1.png", b""), "photos/cat/1.png cannot be read as an image"),
    "a link to nothing": (lambda: Path("photos/cat/x.png").symlink_to("y"), "image_folder cannot read photos/cat/x.png: No such file"),
    "cut off": (cut, "photos/cat/1.png cannot be read as an image: "),
    "grey beside colour": (lambda: paint("dog/2.png", 9), "photos/dog/2.png is grey and photos/cat/0.png in colour: colour='grey' or"),
    "16 bits": (deep, "photos/cat/0.png has more than 8 bits a channel: save it with 8"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "words"), BAD_FOLDERS.values(), ids=BAD_FOLDERS)
def test_a_folder_that_cannot_be_read_is_refused(spoil: Callable[[], Any], words: str) -> None:
    photos()
    spoil()
    assert words in refusal(lambda: image_folder("photos", size=4))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"cat": 5}, "photos needs a folder for each class, at least 2, and has only 'cat'"),
        ({"cat": 1, "dog": 1}, "photos has 2 images, too few for three splits"),
    ],
)
def test_too_little_is_refused(sizes: dict[str, int], words: str) -> None:
    photos(**sizes)
    assert refusal(lambda: image_folder("photos", size=4)) == words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"path": None}, "needs the path of a folder"),
        ({"size": 0}, "size must be a whole number, at least 1, not 0"),
        ({"colour": "red"}, "colour must be 'grey' or 'rgb', not 'red'"),
        ({"path": "photos/cat/0.png"}, "is a file, not a folder of classes"),
    ],
)
def test_a_wrong_argument_is_refused(arguments: dict[str, Any], words: str) -> None:
    given = {"path": photos(), "size": 4} | arguments
    assert words in refusal(lambda: image_folder(**given))


def test_images_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = image_folder(photos(), size=4)
    monkeypatch.setattr("suite.data.images._decoded", None)
    again = image_folder("photos", size=4)
    assert again.digest == first.digest
    assert np.array_equal(again.inputs, first.inputs)
    with pytest.raises(TypeError):
        image_folder("photos", size=5)


def test_progress_is_on_stderr_and_only_where_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    image_folder(photos(), size=4)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("suite.data.images.SILENT_FOR", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    image_folder("photos", size=5)
    out, err = capsys.readouterr()
    assert out == ""
    assert "decoding images" in err


# --- Tables ----------------------------------------------------------------------------------

N = 40


def houses(**columns: Any) -> pd.DataFrame:
    """A table with a number, words, and targets of three kinds."""
    plain = {
        "area": [50.0 + i for i in range(N)],
        "town": ["Ulm", "Bonn"] * (N // 2),
        "price": [100.5 + 3 * i for i in range(N)],
        "rooms": [1 + i % 3 for i in range(N)],
        "dear": ["yes" if i % 4 else "no" for i in range(N)],
        "owner": [i // 4 for i in range(N)],
    }
    frame = pd.DataFrame(plain | columns)
    frame.to_csv("x.csv", index=False)
    return frame


def features(**options: Any) -> Array:
    return table("x.csv", target="price", **options).inputs


def test_numbers_stay_and_words_become_indicators_in_sorted_order() -> None:
    frame = houses()
    found = features(drop=("rooms", "dear", "owner"))
    assert found.dtype == np.float64
    assert found[:2].tolist() == [[50, 0, 1], [51, 1, 0]]  # Bonn before Ulm
    assert np.array_equal(found[:, 0], frame.area)


def test_a_missing_word_is_one_of_its_own_and_a_missing_number_the_training_mean() -> None:
    towns = ["Ulm", "Bonn"] * (N // 2)
    houses(town=[None, *towns[1:]], area=[np.nan, *range(1, N)])
    found = features(drop=("rooms", "dear", "owner"))
    assert found[0, 1:].tolist() == [0, 0, 1]
    assert np.isnan(found[0, 0])
    examples = load(Data("table", path="x.csv", target="price", drop=("rooms", "dear", "owner")), 0)
    inputs = torch.cat([split.inputs for split in examples[:3]])
    unscaled = (inputs[:, 1] == 0) & (inputs[:, 2] == 0)
    assert inputs[unscaled, 0].tolist() == [0.0]


def test_numbers_that_are_categories_become_indicators() -> None:
    houses()
    found = features(categorical="rooms", drop=("area", "town", "dear", "owner"))
    assert found[:3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_truth_values_are_numbers() -> None:
    houses(sold=[True, False] * (N // 2))
    found = features(drop=("area", "town", "rooms", "dear", "owner"))
    assert found[:2].tolist() == [[1], [0]]


def test_features_and_values_are_standardised_on_the_training_split() -> None:
    houses()
    examples = load(Data("table", path="x.csv", target="price", drop="owner"), 0)
    assert examples.train.inputs[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert examples.train.inputs[:, 0].std(correction=0) == pytest.approx(1, rel=1e-5)
    assert examples.train.targets.mean() == pytest.approx(0, abs=1e-6)
    assert examples.train.targets.std(correction=0) == pytest.approx(1, rel=1e-5)
    raw = sources.raw(Data("table", path="x.csv", target="price", drop="owner"), 0)
    everything = torch.from_numpy(raw.targets)
    assert not torch.equal(standardise(everything, torch.arange(N))[:6], examples.test.targets)


KINDS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "numbers": ("price", {}, ()),
    "words": ("dear", {}, ("no", "yes")),
    "whole numbers": ("rooms", {}, ("1", "2", "3")),
    "whole numbers as values": ("rooms", {"target_is": "values"}, ()),
    "truth values": ("sold", {}, ("False", "True")),
    "numbers as classes": ("level", {"target_is": "classes"}, ("0.5", "1.5")),
    "-1 and 1": ("sign", {}, ("-1", "1")),
    "tens": ("tens", {}, ("10", "20", "30")),
}


@pytest.mark.parametrize("written", ["x.csv", "x.parquet", "frame"])
@pytest.mark.parametrize(("target", "options", "names"), KINDS.values(), ids=KINDS)
def test_what_a_target_is_its_column_says_or_the_user(
    target: str, options: dict[str, Any], names: tuple[str, ...], written: str
) -> None:
    frame = houses(
        sold=[True, False] * (N // 2),
        level=[0.5, 1.5] * (N // 2),
        sign=[-1, 1] * (N // 2),
        tens=[10 * (1 + i % 3) for i in range(N)],
    )
    frame.to_parquet("x.parquet")
    found = table(frame if written == "frame" else written, target=target, **options)
    assert found.names == names
    if names:
        assert (found.targets.dtype, found.targets.shape) == (np.int64, (N,))
        assert sorted(set(found.targets.tolist())) == list(range(len(names)))
        assert [names[one] for one in found.targets[:3]] == [str(one) for one in frame[target][:3]]
    else:
        assert (found.targets.dtype, found.targets.shape) == (np.float64, (N, 1))
        assert np.array_equal(found.targets[:, 0], frame[target].astype(np.float32))
    assert found.outputs == max(1, len(names))


def test_values_that_pandas_keeps_in_its_own_types_are_read_too() -> None:
    frame = houses().convert_dtypes()
    frame["town"] = frame["town"].astype("category")
    frame.loc[2, "area"] = pd.NA
    found = table(frame, target="dear", drop=("price", "owner"))
    assert np.isnan(found.inputs[2, 0])
    assert found.inputs[0].tolist() == [50, 0, 1, 1]
    assert table(frame, target="rooms").outputs == 3


def ones(**columns: Any) -> Callable[[], Any]:
    return lambda: houses(**columns)


def with_gap(value: Any, row: int = 7) -> list[Any]:
    return [*[1.5] * row, value, *[2.5] * (N - row - 1)]


BAD_TABLES: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "not there": (ones(), {"path": "y.csv"}, "table reads y.csv, which is not there (did you mean 'x.csv'?)"),
    "no path": (ones(), {"path": None}, "table needs the path of a file"),
    "a misspelt target": (ones(), {"target": "pricce"}, "x.csv has no column 'pricce' (did you mean 'price'?)"),
    "a misspelt category": (ones(), {"categorical": "rroms"}, "x.csv has no column 'rroms' (did you mean 'rooms'?)"),
    "a misspelt column to drop": (ones(), {"drop": "towm"}, "(did you mean 'town'?)"),
    "a misspelt group": (ones(), {"group": "onwer"}, "(did you mean 'owner'?)"),
    "no target": (ones(), {"target": ""}, "x.csv: target must name a column (choose from area, town,"),
    "the target left out": (ones(), {"drop": "price"}, "column 'price' is the target and cannot be in drop"),
    "a target without an entry": (ones(price=with_gap(None)), {}, "x.csv, line 9: column 'price' is the target and has no entry"),
    "an infinite number": (ones(area=with_gap(np.inf)), {}, "x.csv, line 9: column 'area' is infinite"),
    "a number too large": (ones(area=with_gap(1e101)), {}, "x.csv, line 9: column 'area' is infinite, or too large"),
    "an infinite target": (ones(price=with_gap(-np.inf)), {}, "x.csv, line 9: column 'price' is infinite"),
    "a column without an entry": (ones(area=[None] * N), {}, "x.csv: column 'area' has no entry at all"),
    "names": (ones(town=[f"town {i}" for i in range(N)]), {}, "column 'town' has 40 different words in 40 rows: leave it out by drop, or"),
    "whole numbers as values": (ones(price=range(N)), {}, "40 different whole numbers in 40 rows: say target_is='values'"),
    "words as values": (ones(), {"target": "dear", "target_is": "values"}, "column 'dear' holds words, not values"),
    "neither": (ones(), {"target_is": "value"}, "target_is must be 'values' or 'classes', not 'value'"),
    "a blank": (
        ones(dear=["yes", "no", "yes ", "no"] * (N // 4)),
        {"target": "dear"},
        "column 'dear', has labels that only blanks tell apart: 'yes', 'yes '",
    ),
    "one class": (ones(dear=["yes"] * N), {"target": "dear"}, "column 'dear', has one class only"),
    "labels that shall not count": (ones(rooms=[0, 1, -100, 2] * (N // 4)), {"target": "rooms"}, "needs classes from 0, not -100 (row 2)"),
    "nothing to learn from": (lambda: houses()[["price"]].to_csv("x.csv", index=False), {}, "x.csv has no column beside 'price'"),
    "two rows": (lambda: houses()[:2].to_csv("x.csv", index=False), {}, "x.csv has 2 rows, too few"),
    "nothing": (lambda: Path("x.csv").write_text(""), {}, "x.csv cannot be read as a table: No columns"),
    "rows of other lengths": (lambda: Path("x.csv").write_text("a,price\n1,2\n1,2,3\n"), {}, "x.csv cannot be read as a table: Error tok"),
    "a name too few": (lambda: Path("x.csv").write_text("a,price\n" + "1,2,3.5\n" * 9), {}, "has more entries in a row than names"),
    "no text": (lambda: Path("x.csv").write_bytes(b"a,price\n\xff\xfe,1\n"), {}, "x.csv cannot be read as a table: 'utf-8' codec"),
    "no Parquet": (lambda: Path("x.parquet").write_text("a,price\n"), {"path": "x.parquet"}, "x.parquet cannot be read as a table"),
    "a word among values": (ones(price=with_gap("dear")), {}, "x.csv, line 9: column 'price' has 'dear' among numbers"),
    "a line after entries of two lines": (ones(owner=["two\nlines"] * N, price=with_gap(None)), {"drop": "owner"}, "x.csv, line 16: column 'price'"),
    "the rows' numbers": (lambda: houses().to_csv("x.csv"), {}, "a column without a name counts the rows: leave it out, drop='Unnamed: 0'"),
    "one value": (ones(price=1.5), {}, "column 'price' is 1.5 in every row: there is nothing to predict"),
    "numbers with a comma": (ones(area=["1,5", "2", "3,25", "4"] * (N // 4)), {}, "x.csv, line 2: column 'area' has numbers with a comma"),
    "semicolons and commas": (lambda: Path("x.csv").write_text("a;price\n" + "1,5;2,5\n" * 9), {}, "has ';' between its columns: write it with commas"),
    "no UTF-8": (lambda: Path("x.csv").write_bytes("größe,price\n1,2\n".encode("latin-1")), {}, "save it as UTF-8"),
    "a spreadsheet": (lambda: Path("x.xlsx").write_bytes(b"PK"), {"path": "x.xlsx"}, "x.xlsx is no table that can be read: save it as .csv or .parquet"),
    "a folder": (lambda: Path("d").mkdir(), {"path": "d"}, "d cannot be read as a table"),
    "equal shares of values": (ones(), {"stratify": True}, "x.csv has values: splits are stratified by classes"),
    "both": (ones(), {"stratify": True, "group": "owner", "target": "dear"}, "made by group or stratified, not both"),
    "two groups": (ones(), {"group": "dear"}, "x.csv has 2 groups, too few for three splits"),
    "a group without an entry": (ones(owner=with_gap(None)), {"group": "owner"}, "line 9: column 'owner' is the group and has no entry"),
    "too few in an array of groups": (ones(), {"group": np.arange(3)}, "needs one group an example, (40,), not (3,)"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "options", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_table_that_cannot_be_used_is_refused(
    spoil: Callable[[], Any], options: dict[str, Any], words: str
) -> None:
    spoil()
    given: dict[str, Any] = {"path": "x.csv", "target": "price"} | options
    assert words in refusal(lambda: table(**given))


BAD_FRAMES: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "dates": (lambda one: one.assign(when=pd.Timestamp("2026-01-01")), "column 'when' holds datetime64"),
    "numbers and words": (lambda one: one.assign(town=[1, "Ulm"] * (N // 2)), "column 'town' holds mixed"),
    "lists": (lambda one: one.assign(town=[[1]] * N), "column 'town' holds mixed"),
    "a missing target": (lambda one: one.assign(price=with_gap(None)), "the table, row 7: column 'price'"),
    "two of a name": (lambda one: pd.concat([one, one[["area"]]], axis=1), "has two columns 'area'"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "words"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_frame_that_cannot_be_used_is_refused(
    spoil: Callable[[pd.DataFrame], Any], words: str
) -> None:
    assert words in refusal(lambda: table(spoil(houses()), target="price"))


def test_empty_lines_at_the_end_are_no_rows() -> None:
    houses()
    with Path("x.csv").open("a") as file:
        file.write("\n\n")
    assert len(features()) == N


# --- Arrays ----------------------------------------------------------------------------------


def save(names: tuple[str, str] = ("inputs", "targets"), **others: Any) -> tuple[Array, Array]:
    inputs, targets = np.arange(60.0).reshape(30, 2), np.arange(30) % 3
    np.savez("x.npz", **{names[0]: inputs, names[1]: targets} | others)
    return inputs, targets


@pytest.mark.parametrize("names", [("inputs", "targets"), ("x", "y"), ("X", "y")])
def test_arrays_are_found_by_their_names(names: tuple[str, str]) -> None:
    inputs, targets = save(names)
    found = arrays("x.npz")
    assert np.array_equal(found.inputs, inputs)
    assert np.array_equal(found.targets, targets)
    assert (found.outputs, found.names) == (3, ("0", "1", "2"))


def test_two_files_in_a_folder_are_arrays_too() -> None:
    inputs, targets = save()
    Path("d").mkdir()
    np.save("d/x.npy", inputs)
    np.save("d/y.npy", targets[:, None])  # a column of whole numbers is classes
    found = arrays("d")
    assert np.array_equal(found.targets, targets)


BAD_ARRAYS: dict[str, tuple[Callable[[], Any], str]] = {
    "not there": (lambda: None, "arrays reads x.npz, which is not there"),
    "other names": (lambda: save(("a", "b")), "x.npz needs arrays 'inputs' and 'targets' (or x and y), and has a, b"),
    "no archive": (lambda: Path("x.npz").write_text("hello"), "x.npz cannot be read as arrays"),
    "objects": (lambda: save(inputs=np.array([{}] * 30)), "x.npz cannot be read as arrays: Object arrays"),
    "uneven": (lambda: save(targets=np.arange(29)), "x.npz needs inputs (n, …) and n targets"),
    "a shape that broadcasts": (lambda: save(targets=np.ones((30, 1, 1))), "x.npz needs values (n,) or (n, 1), not (30, 1, 1)"),
    "a row": (lambda: save(targets=np.ones((1, 30))), "x.npz needs inputs (n, …) and n targets"),
    "pictures as targets": (lambda: save(targets=np.ones((30, 4, 4))), "needs targets (n,) or (n, values), not (30, 4, 4)"),
    "not a number": (lambda: save(inputs=np.full((30, 2), np.nan)), "x.npz has inputs that are no numbers, first in row 0, column 0"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "words"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_cannot_be_used_are_refused(spoil: Callable[[], Any], words: str) -> None:
    spoil()
    assert words in refusal(lambda: arrays("x.npz"))


def test_a_group_of_arrays_is_one_of_them() -> None:
    save(patient=np.repeat(np.arange(10), 3))
    assert arrays("x.npz", group="patient").groups is not None
    assert "has no array 'pateint' (did you mean 'patient'?)" in refusal(
        lambda: arrays("x.npz", group="pateint")
    )
    assert "needs the path of an .npz file" in refusal(lambda: arrays(None))


@pytest.mark.parametrize("pixels", [False, True])
def test_arrays_are_standardised_on_the_training_split_where_that_is_asked(pixels: bool) -> None:
    rng = np.random.default_rng(0)
    kind = np.uint8 if pixels else np.float64
    save(inputs=rng.integers(0, 256, (60, 1, 4, 4)).astype(kind), targets=rng.normal(500, 100, 60))
    plain = load(Data("arrays", path="x.npz"), 0)
    found = load(Data("arrays", path="x.npz", standardise=True), 0)
    train, held_out = found.train.targets, (plain.test.targets - plain.train.targets.mean())
    assert (float(train.mean()), float(train.std(correction=0))) == pytest.approx((0, 1), abs=1e-5)
    expected = held_out / plain.train.targets.std(correction=0)
    assert torch.allclose(found.test.targets, expected, atol=1e-4)
    assert torch.equal(found.train.inputs, plain.train.inputs) == pixels
    if not pixels:
        assert torch.allclose(found.train.inputs.mean(0), torch.zeros(1), atol=1e-5)


# --- Splits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_in_two_splits(seed: int) -> None:
    owners = np.random.default_rng(0).integers(0, 12, N)
    houses(owner=owners, row=np.arange(N) + 0.25)
    raw = table("x.csv", target="price", group="owner")
    data = Data("table", path="x.csv", target="price", group="owner")
    row = list(houses(owner=owners, row=np.arange(N) + 0.25).columns.drop(["price", "owner"]))
    assert raw.inputs.shape[1] >= len(row)
    from suite.data import splits

    parts = splits._parts(data, raw, seed)
    sets = [set(owners[part.numpy()].tolist()) for part in parts]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert sorted(torch.cat(parts).tolist()) == list(range(N))
    assert all(len(part) >= N // 6 for part in parts)
    few = splits._parts(dataclasses.replace(data, train_examples=5), raw, seed)
    assert torch.equal(few[0], parts[0][:5])
    assert torch.equal(few[2], parts[2])
    assert tuple(map(len, parts)) == outline(data, seed)[:3]


def test_groups_that_leave_nothing_to_train_on_are_refused() -> None:
    houses(owner=[0] * 3 + [1] * 3 + [2] * 34)
    data = Data("table", path="x.csv", target="price", group="owner")
    words = {str(e) for e in map(lambda seed: _tried(data, seed), range(8))}
    assert any("data 'table' has 3 groups, too few or too large" in one for one in words)


def _tried(data: Data, seed: int) -> str:
    try:
        load(data, seed)
    except RequestError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("seed", range(5))
def test_classes_have_the_same_shares_in_every_split(seed: int) -> None:
    photos(cat=60, dog=24, fox=12)
    data = Data("image_folder", path="photos", size=2, stratify=True)
    examples = load(data, seed)
    assert [len(split) for split in examples[:3]] == [64, 16, 16]
    for split, wanted in zip(examples[:3], ((40, 16, 8), (10, 4, 2), (10, 4, 2)), strict=True):
        counts = torch.bincount(split.targets, minlength=3)
        assert (counts - torch.tensor(wanted)).abs().max() <= 1
    few = load(dataclasses.replace(data, train_examples=16), seed)
    assert torch.equal(few.train.inputs, examples.train.inputs[:16])
    assert (torch.bincount(few.train.targets) - torch.tensor((10, 4, 2))).abs().max() <= 1
    assert torch.equal(few.test.targets, examples.test.targets)


# --- Names and ids ---------------------------------------------------------------------------

BUILT_IN: dict[str, Callable[[], Any]] = {
    "image_folder": lambda: (photos(), Data("image_folder", path="photos", size=8))[1],
    "table": lambda: (houses(), Data("table", path="x.csv", target="dear"))[1],
    "values": lambda: (houses(), Data("table", path="x.csv", target="price"))[1],
    "arrays": lambda: (save(), Data("arrays", path="x.npz"))[1],
}
CHANGES: dict[str, Callable[[], Any]] = {
    "image_folder": lambda: paint("dog/2.png", (9, 9, 9)),
    "table": lambda: houses(area=[51.0 + i for i in range(N)]),
    "values": lambda: houses(area=[51.0 + i for i in range(N)]),
    "arrays": lambda: save(inputs=np.ones((30, 2))),
}


def recipe(data: Any) -> Recipe:
    return Recipe(
        data=data,
        model=Model("mlp", widths=(4,)),
        optimizer=Optimizer(lr=0.05),
        budget=Budget(epochs=1),
        loss="mse" if getattr(data, "target", "") == "price" else "cross_entropy",
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_source_passes_the_battery_and_trains(name: str) -> None:
    data = BUILT_IN[name]()
    assert [one for one in battery(data) if one.holds is False] == []
    assert check(recipe(data), "cpu") > 0
    assert train(recipe(data), 0).status is Status.FINISHED
    assert origin(data) == str(data.path)


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_edited_file_is_another_trial_and_a_touched_one_is_not(name: str) -> None:
    made = recipe(BUILT_IN[name]())
    before, form, digest = trial_id(made, 0), canonical(made), load(made.data, 0).digest
    assert len(form["data"]["digest"]) == 16
    assert rebuild(Recipe, form) == made
    for file in contents.files_of(made.data.path, ""):
        file.touch()
    assert trial_id(made, 0) == before
    CHANGES[name]()
    assert trial_id(made, 0) != before
    assert load(made.data, 0).digest != digest
    words = refusal(lambda: rebuild(Recipe, form))
    assert words.startswith(
        f"what data '{made.data.name}' reads in {made.data.path} is not what it"
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_id_needs_the_file_unless_a_version_is_given(name: str) -> None:
    made = recipe(BUILT_IN[name]())
    away = dataclasses.replace(made.data, path="elsewhere")
    words = refusal(lambda: trial_id(recipe(away), 0))
    assert words == f"data '{away.name}' reads elsewhere, which is not there"
    of_version = [recipe(dataclasses.replace(away, version=one)) for one in ("1", "2")]
    assert len({trial_id(one, 0) for one in of_version}) == 2
    assert "digest" not in canonical(of_version[0])["data"]
    same = dataclasses.replace(made.data, version="1")
    assert load(same, 0).digest == load(made.data, 0).digest


def test_what_a_table_is_not_is_refused_when_it_is_read() -> None:
    houses()
    of_values = Data("table", path="x.csv", target="price", classes=2)
    assert refusal(lambda: load(of_values, 0)) == "data 'table' has no classes: no 'classes'"
    wrong = dataclasses.replace(recipe(Data("table", path="x.csv", target="dear")), loss="mse")
    assert "has classes: it needs a loss for classes" in refusal(lambda: check(wrong, "cpu"))


def test_a_link_to_nothing_has_no_digest() -> None:
    Path(photos(), "cat", "x.png").symlink_to("y")
    words = refusal(lambda: trial_id(recipe(Data("image_folder", path="photos")), 0))
    assert words == "data 'image_folder' cannot read photos/cat/x.png: No such file or directory"


def test_a_file_renamed_in_a_folder_is_another_trial() -> None:
    made = recipe(Data("image_folder", path=photos(), size=8))
    before = trial_id(made, 0)
    Path("photos/cat/0.png").rename("photos/cat/9.png")
    assert trial_id(made, 0) != before


def test_a_digest_is_read_once_for_as_long_as_no_file_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contents, "JUST_NOW", -1.0)
    first = contents.digest_of(photos(), "it")
    monkeypatch.setattr(contents, "_digest", None)
    assert contents.digest_of(Path("photos"), "it") == first
    contents._known.clear()  # as in another process
    assert contents.digest_of(Path("photos"), "it") == first
    monkeypatch.undo()


def test_one_look_at_a_folder_is_enough_for_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    made = recipe(Data("image_folder", path=photos(), size=8))
    with contents.one_look():
        first = trial_id(made, 0)
        monkeypatch.setattr(contents, "_listed", None)
        assert trial_id(made, 1) != first
        assert trial_id(made, 0) == first


def test_a_damaged_note_of_a_digest_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "JUST_NOW", -1.0)
    first = contents.digest_of(photos(), "it")
    for note in contents._place(Path("photos").resolve()).parent.iterdir():
        note.write_text("{")
    contents._known.clear()
    assert contents.digest_of(Path("photos"), "it") == first


def test_a_path_is_one_value_however_it_is_written() -> None:
    houses()
    one, other = (Data("table", path=path, target="price") for path in ("x.csv", Path("./x.csv")))
    assert one == other
    assert str(one) == "table path=x.csv target=price"
    assert flatten(recipe(one))["data.path"] == "x.csv"
    assert "Data.path must be a path, not 3" in refusal(lambda: Data("table", path=3))


@source
def shop(*, folder: Path = Path("photos"), size: int = 4) -> Any:
    """Photographs in a folder that is a field."""
    found = image_folder(folder, size=size)
    return found._replace(inputs=255 - found.inputs)


@source
def mirrored(*, file: Path = Path("x.csv")) -> Any:
    return table(file, target="dear", drop=("price",), group="owner")


def test_a_path_of_ones_own_source_stands_in_the_id_with_what_it_holds() -> None:
    photos()
    made = recipe(shop())
    before, examples = trial_id(made, 0), load(shop(), 0)
    assert examples.names == ("cat", "dog")
    assert int(examples.train.inputs.float().max()) > 240, "turned to their negatives"
    assert canonical(shop(folder="photos"))["digest"] == canonical(shop())["digest"]
    paint("dog/2.png", (9, 9, 9))
    assert trial_id(made, 0) != before
    assert load(shop(), 0).digest != examples.digest
    assert check(recipe(shop()), "cpu") > 0
    elsewhere = shop(folder="fotos")
    assert "data 'shop' reads fotos, which is not there (did you mean 'photos'?)" == refusal(
        lambda: trial_id(recipe(elsewhere), 0)
    )


def test_ones_own_source_may_return_what_a_reader_does() -> None:
    houses(area=[np.nan, *range(1, N)])
    examples = load(mirrored(), 0)
    assert examples.names == ("no", "yes")
    assert examples.train.inputs[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert not examples.train.inputs.isnan().any()


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([3, 9] * 18, ("3", "9")),
        ([10, 20, 30] * 12, ("10", "20", "30")),
        ([1, -1] * 18, ("-1", "1")),
        (["dog", "cat"] * 18, ("cat", "dog")),
        ([0, 1, 2] * 12, ("0", "1", "2")),
    ],
)
def test_labels_of_any_kind_are_classes_in_their_order(
    labels: list[Any], names: tuple[str, ...]
) -> None:
    @source
    def given() -> Any:
        return np.arange(36.0)[:, None], labels

    examples = load(given(), 0)
    assert (examples.outputs, examples.names) == (len(names), names)
    for inputs, targets in examples[:3]:
        wanted = [str(labels[int(one)]) for one in inputs[:, 0]]
        assert [names[one] for one in targets] == wanted


@pytest.mark.parametrize("labels", [[-1, 0] * 18, [-2, 2] * 18, [-1, 0, 1] * 12, [-100, 1] * 18])
def test_labels_below_0_are_refused_beside_any_but_1(labels: list[int]) -> None:
    @source
    def given() -> Any:
        return np.arange(36.0)[:, None], labels

    assert "needs classes from 0, not" in refusal(lambda: load(given(), 0))


# --- What a newcomer stumbled over ------------------------------------------------------------


def test_folders_called_as_splits_are_no_classes() -> None:
    for split in ("train", "test"):
        for i in range(4):
            paint(f"{split}/{'cat' if i % 2 else 'dog'}/{i}.png")
    said = refusal(lambda: image_folder("photos", size=4))
    assert said.startswith("photos has folders test, train, which are no classes: name one of them")
    assert len(image_folder("photos/train", size=4).names) == 2


def test_files_that_systems_put_beside_images_are_left_out() -> None:
    photos()
    Path("photos/cat/Thumbs.db").write_bytes(b"no image")
    assert len(image_folder("photos", size=4).inputs) == 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a;b\n1;x\n2;y\n3;x\n", "rows.csv has ';' between its columns: write it with commas"),
        ("a\tb\n1\tx\n2\ty\n3\tx\n", "rows.csv has '\\t' between its columns"),
        (
            "a,b\n1,x\n2,y\nunknown,x\n4,y\n",
            "rows.csv, line 4: column 'a' has 'unknown' among numbers",
        ),
    ],
)
def test_a_table_says_what_is_wrong_with_its_form(text: str, said: str) -> None:
    Path("rows.csv").write_text(text)
    assert said in refusal(lambda: table("rows.csv", target="b"))


def test_words_as_inputs_point_to_sequences() -> None:
    @source
    def uneven() -> Any:
        return [["a"], ["b", "c"], ["d"]], [0, 1, 0]

    @source
    def words() -> Any:
        return np.array([["a", "b"], ["c", "d"], ["e", "f"]]), [0, 1, 0]

    for one in (uneven, words):
        assert "`sequences` of suite.data" in refusal(lambda one=one: load(one(), 0))


def test_data_are_described_in_a_line() -> None:
    rows = "".join(f"{i},{'yes' if i % 4 == 0 else 'no'}\n" for i in range(60))
    Path("rows.csv").write_text("x,bought\n" + rows)
    assert described(Data("table", path="rows.csv", target="bought"), 0) == (
        "40 examples to train on, 10 to validate, 10 to test; 1 feature; 2 classes, the commonest, "
        "'no', with 75 % of the examples"
    )
    assert described(Data("synthetic_linear"), 0).endswith("; 2 features; 1 value to predict")
    assert "16 positions, 9 kinds of symbols; 9 classes at each" in described(Data("copying"), 0)


@pytest.mark.parametrize("scale", [1e30, 1e-30, 1.0])
@pytest.mark.parametrize("offset", [0.0, 1.7e9])
def test_numbers_of_any_size_are_standardised(scale: float, offset: float) -> None:
    drawn = np.random.default_rng(0).random((60, 2)) * 3000
    frame = pd.DataFrame({"x": offset * scale + drawn[:, 0] * scale, "y": drawn[:, 1] * scale})
    frame.to_csv("rows.csv", index=False)
    examples = load(Data("table", path="rows.csv", target="y"), 0)
    for part in (examples.train.inputs, examples.train.targets):
        assert part.dtype is torch.float32
        assert float(part.mean()) == pytest.approx(0, abs=1e-5)
        assert float(part.std(correction=0)) == pytest.approx(1, abs=1e-4)
    assert len(examples.train.inputs.unique()) == 40


def test_two_columns_of_a_name_are_refused_in_a_csv_too() -> None:
    Path("rows.csv").write_text("a,y,y\n" + "1,x,x\n2,y,y\n" * 9)
    assert refusal(lambda: table("rows.csv", target="y")) == "rows.csv has two columns 'y'"


def test_classes_that_are_long_numbers_stay_apart() -> None:
    rows = "".join(f"{i},1234567890123456789{i % 2}\n" for i in range(20))
    Path("rows.csv").write_text("x,y\n" + rows)
    assert table("rows.csv", target="y").outputs == 2
    rows = "".join(f"{i},{16777216 + i % 3}.0\n" for i in range(30))
    Path("rows.csv").write_text("x,y\n" + rows)
    assert table("rows.csv", target="y", target_is="classes").outputs == 3


def test_arrays_deeper_in_a_folder_are_not_those_of_the_folder() -> None:
    for place, fill in (("nest", 1), ("nest/old", 0)):
        Path(place).mkdir()
        np.save(f"{place}/inputs.npy", np.full((6, 2), fill, np.float32))
        np.save(f"{place}/targets.npy", np.arange(6) % 2)
    assert arrays("nest").inputs.min() == 1


def test_a_label_that_is_missing_among_words_is_refused() -> None:
    @source
    def gap() -> Any:
        return np.ones((6, 2)), ["x", float("nan"), "y"] * 2

    assert "without a label, first in row 1" in refusal(lambda: load(gap(), 0))


def test_words_that_pandas_takes_for_missing_are_classes_and_groups_where_words_stand() -> None:
    words = ["NA", "None", "cat", "null"]
    rows = [f"{i},{words[i % 4]},{words[(i + 1) % 4]}" for i in range(24)]
    Path("x.csv").write_text("\n".join(["size,kind,owner", *rows]))
    found = table("x.csv", target="kind", group="owner")
    assert found.names == ("NA", "None", "cat", "null")
    assert found.groups is not None
    assert len(set(found.groups.tolist())) == 4
    texts = sequences("x.csv", text="owner", target="kind")
    assert texts.names == found.names
    Path("x.csv").write_text("\n".join(["size,kind,owner", *rows, "3,,cat"]))
    said = "x.csv, line 26: column 'kind' is the target and has no entry"
    assert said in refusal(lambda: table("x.csv", target="kind"))
    numbers = ["size,kind", *(f"{i},{i % 3}" for i in range(20)), "1,NA"]
    Path("x.csv").write_text("\n".join(numbers))
    assert "line 22: column 'kind' is the target" in refusal(lambda: table("x.csv", target="kind"))


def test_arrays_that_would_be_misread_in_silence_are_refused() -> None:
    some = np.arange(30 * 12 * 12 * 3).reshape(30, 12, 12, 3).astype(np.uint8)
    np.savez("x.npz", x=some, y=np.arange(30) % 2)
    assert "images (30, 12, 12, 3) with their colours last" in refusal(lambda: arrays("x.npz"))
    np.savez("x.npz", x=some.transpose(0, 3, 1, 2), y=np.arange(30) % 2)
    assert arrays("x.npz").inputs.shape == (30, 3, 12, 12)
    np.savez("x.npz", x=some.transpose(0, 3, 1, 2), y=np.ones(30))
    assert "has the same values everywhere" in refusal(lambda: arrays("x.npz"))

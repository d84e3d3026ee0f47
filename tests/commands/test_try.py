"""One's own data in one command: what is tried, what is ranked, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats
from statsmodels.stats.multitest import multipletests

from suite import results
from suite.commands.proposal import data_of, name_of, proposed
from suite.commands.ranking import ranking, ranking_text
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from suite.vocabulary.metrics import METRICS
from tests.command_line import refused, suite, suite_json
from tests.synthetic import results_of

N = 60
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory, on a machine without mlflow, which takes seconds to load."""
    monkeypatch.setitem(sys.modules, "suite.tracking.mlflow_store", None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def frame() -> pd.DataFrame:
    inputs = RNG.normal(size=(N, 3))
    kinds = np.where(inputs[:, 0] > 0, "yes", "no")
    return pd.DataFrame(
        {"a": inputs[:, 0], "b": inputs[:, 1], "price": inputs[:, 2], "kind": kinds}
    )


def csv() -> None:
    frame().to_csv("My data (1).csv", index=False)


def photos(size: int = 20) -> None:
    for i in range(N):
        place = Path("photos", ("cat", "dog")[i % 2])
        place.mkdir(parents=True, exist_ok=True)
        pixels = RNG.integers(0, 256, (size, size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{i}.png")


def two_arrays() -> None:
    Path("two").mkdir()
    np.save("two/x.npy", RNG.integers(0, 256, (N, 1, 8, 8)).astype(np.uint8))
    np.save("two/y.npy", np.arange(N) % 3)


TABLE = ["softmax", "mlp", "deep"]
DATA: dict[str, tuple[Callable[[], object], list[str], list[str]]] = {
    "a table of classes": (csv, ["My data (1).csv", "--target", "kind"], TABLE),
    "a table of values": (csv, ["My data (1).csv", "--target", "price"], ["linear", *TABLE[1:]]),
    "Parquet": (lambda: frame().to_parquet("x.pq"), ["x.pq", "--target", "kind"], TABLE),
    "images": (photos, ["photos"], ["softmax", "mlp", "lenet", "resnet"]),
    "small images": (two_arrays, ["two"], ["softmax", "mlp", "resnet"]),
    "an archive": (
        lambda: np.savez("2020.npz", x=RNG.normal(9, 9, (N, 4)), y=RNG.normal(9, 9, N)),
        ["2020.npz"],
        ["linear", *TABLE[1:]],
    ),
    "texts": (
        lambda: Path("names.txt").write_text("".join(f"{'abcd'[i % 4] * 3}\n" for i in range(N))),
        ["names.txt"],
        ["lstm", "transformer"],
    ),
    "labels that are code": (
        lambda: frame()
        .assign(kind=["C:\\users\\N", 'a"""b'] * (N // 2))
        .to_csv("odd.csv", index=False),
        ["odd.csv", "--target", "kind", "--set", "data.drop=price"],
        TABLE,
    ),
    "what is built in": (
        lambda: None,
        ["digits", "--set", "data.train_examples=50"],
        ["softmax", "mlp", "resnet"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "arguments", "networks"), DATA.values(), ids=DATA)
def test_data_of_any_kind_get_a_ranking_and_a_study(
    make: Callable[[], object], arguments: list[str], networks: list[str], folder: Path
) -> None:
    make()
    form = suite_json(folder, "try", *arguments, "--tier", "smoke")
    study = discovery.load(form["study"])
    assert form["file"] == f"studies/{study.name}.py"
    assert set(study.grids()[0].axis("model").levels) == set(networks)
    assert {row["network"] for row in form["ranking"]} == set(networks)
    assert len(form["studies"][0]["findings"]) == len(networks) - 1
    assert form["ran"] == study.grids("smoke")[0].size
    assert study.recipe.loss.values == ("linear" in networks)
    scores = [row["score"] for row in form["ranking"]]
    assert scores == sorted(scores, reverse=METRICS[study.select].better == "higher")


def test_the_same_again_runs_nothing_and_ranks_the_same(folder: Path) -> None:
    csv()
    arguments = ("try", "My data (1).csv", "--target", "kind", "--tier", "smoke")
    first = suite_json(folder, *arguments)
    again = suite_json(folder, *arguments)
    assert (first["ran"], again["ran"], again["cached"]) == (36, 0, 36)
    assert again["ranking"] == first["ranking"]
    more = suite_json(folder, *arguments, "--seeds", "3")
    assert (more["ran"], more["cached"]) == (18, 36)
    assert suite(folder, "run", first["study"], "--tier", "smoke").returncode == 0


def test_it_says_what_a_run_takes_and_how_to_go_on(folder: Path) -> None:
    csv()
    done = suite(folder, "try", "My data (1).csv", "--target", "kind", "--tier", "smoke")
    assert "36 trials to run, 0 in the store already: about" in done.stderr
    *_, study, more = done.stdout.splitlines()
    assert study.startswith("studies/my_data_1.py is the study that ran")
    assert "`suite report my_data_1`" in more


def test_rows_that_were_added_are_no_other_file(folder: Path) -> None:
    """What the file says of the data was true when it was written."""
    arguments = ("try", "rows.csv", "--target", "kind", "--tier", "smoke", "--seeds", "1")
    rows = frame()
    rows.to_csv("rows.csv", index=False)
    assert suite_json(folder, *arguments)["ran"] == 18
    pd.concat([rows, rows.head(1)]).to_csv("rows.csv", index=False)
    assert suite_json(folder, *arguments)["ran"] == 18


def test_a_file_stays_where_another_run_is_going_on(folder: Path) -> None:
    csv()
    arguments = ("try", "My data (1).csv", "--target", "kind", "--tier", "smoke")
    with Journal().run_lock():
        done = suite(folder, *arguments)
    assert done.returncode == 2
    assert "another run is using" in done.stderr
    assert Path("studies/my_data_1.py").exists()


def test_a_file_of_another_text_is_left_alone(folder: Path) -> None:
    csv()
    Path("studies").mkdir()
    Path("studies/my_data_1.py").write_text("mine = 1\n")
    done = suite(folder, "try", "My data (1).csv", "--target", "kind")
    assert done.returncode == 2
    assert "`suite run my_data_1` goes on with it, --name gives another name" in done.stderr
    assert Path("studies/my_data_1.py").read_text() == "mine = 1\n"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("My data (1).csv", "my_data_1"),
        ("2020.csv", "data_2020"),
        ("class.csv", "data_class"),
        ("Häuser.parquet", "hauser"),
        ("数据.npz", "data"),
        ("a/photos/", "photos"),
        ("__init__.csv", "init"),
        ("x" * 99, "x" * 50),
    ],
)
def test_a_study_is_called_as_its_data_are(place: str, name: str) -> None:
    assert name_of(place) == name


def other_file() -> None:
    Path("x.xlsx").write_text("?")


def wordy() -> None:
    frame().assign(name=[f"n{i}" for i in range(N)]).to_csv("w.csv", index=False)


def whole() -> None:
    frame().assign(n=range(N), gap=[None, *range(1, N)]).to_csv("n.csv", index=False)


WRONG: dict[str, tuple[Callable[[], object], list[str], str]] = {
    "nothing there": (lambda: None, ["digts"], "built-in source 'digts' (did you mean 'digits'?)"),
    "a name too long": (lambda: None, ["x" * 300], "x cannot be read: File name too long"),
    "nothing like it": (csv, ["zzz"], "built-in source 'zzz' (choose from mnist5k, "),
    "a file beside it": (csv, ["My data.csv"], "(did you mean 'My data (1).csv'?)"),
    "another kind of file": (other_file, ["x.xlsx"], "x.xlsx is no file that can be read by its ending (choose from .csv"),
    "no target": (csv, ["My data (1).csv"], "(choose from a, b, price, kind): --target COLUMN"),
    "another target": (csv, ["My data (1).csv", "--target", "kin"], "(did you mean 'kind'?)"),
    "a target of images": (photos, ["photos", "--target", "x"], "--target names a column of a table, and photos is none"),
    "a folder of nothing": (lambda: Path("d").mkdir(), ["d"], "d needs a folder for each class"),
    "a field": (csv, ["My data (1).csv", "--set", "data.dorp=a"], "'dorp' (did you mean 'drop'?)"),
    "no field of the data": (csv, ["My data (1).csv", "--set", "batch_size=3"], "a field of the data here, such as data.drop, not 'batch_size'"),
    "words": (wordy, ["w.csv", "--target", "kind"], "60 different words in 60 rows: leave it out by drop, or name it in categorical: --set data."),
    "whole numbers": (whole, ["n.csv", "--target", "n"], "say target_is='values' or target_is='classes': --set data.target_is="),
    "a gap in the target": (whole, ["n.csv", "--target", "gap"], "n.csv, line 2: column 'gap' is the target and has no entry\n"),
    "name": (csv, ["My data (1).csv", "--name", "My data"], "a study's name is a lower-case Python name"),
    "another source": (csv, ["My data (1).csv", "--set", "data.name=arrays"], "a field of the data here"),
    "no text": (lambda: Path("t.txt").write_bytes(b"\xff" * 9), ["t.txt"], "cannot be read as text: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte\n"),
    "a name that is no text": (lambda: Path("caf\udce9.csv").write_text("a,y\n"), ["caf\udce9.csv", "--target", "y"], "has a character that cannot be written"),
    "tier": (csv, ["My data (1).csv", "--target", "kind", "--tier", "smok"], "(did you mean 'smoke'?)"),
    "a size": (photos, ["photos", "--set", "data.size=0"], "size must be"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "arguments", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_one_line_and_leaves_nothing(
    make: Callable[[], object],
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make()
    assert said in refused(["try", *arguments], monkeypatch, capsys)


def study_of(place: str, target: str | None = None, **fields: object) -> str:
    Path("studies").mkdir(exist_ok=True)
    name = name_of(place)
    text, _ = proposed(data_of(place, target, fields), name)
    Path(f"studies/{name}.py").write_text(text)
    return name


def test_a_path_and_a_column_may_have_any_name() -> None:
    odd = "a \"quoted' one\\n"
    frame().rename(columns={"kind": odd}).to_csv(f"{odd}.csv", index=False)
    study = discovery.load(study_of(f"{odd}.csv", odd))
    assert (str(study.recipe.data.path), study.recipe.data.target) == (f"{odd}.csv", odd)


def test_of_large_data_some_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 40_000
    np.savez("x.npz", x=np.arange(n, dtype=np.float32)[:, None], y=np.arange(n) % 2)
    study = discovery.load(study_of("x.npz"))
    data = study.recipe.data
    assert (data.train_examples, data.validation_examples, data.standardise) == (
        20_000,
        5_000,
        True,
    )
    assert "examples are left out" in Path("studies/x.py").read_text()
    np.savez("y.npz", x=np.zeros((12, 3, 80, 80), np.uint8), y=np.arange(12) % 2)
    assert discovery.load(study_of("y.npz")).recipe.data.image_size == 32


ACCURACY = {
    "softmax": (0.90, 0.91, 0.89, 0.92, 0.88),
    "mlp": (0.91, 0.91, 0.90, 0.92, 0.89),
    "deep": (0.80, 0.83, 0.79, 0.83, 0.78),
}


def test_intervals_and_p_values_are_scipy_s() -> None:
    csv()
    name = study_of("My data (1).csv", "kind")

    def accuracy(trial: Trial) -> float:
        best = trial.cell["optimizer.lr"] == 0.03
        return ACCURACY[trial.cell["model"]][trial.seed] - (0.0 if best else 0.3)

    execution, records = results_of(discovery.load(name), accuracy)
    Journal().extend([*records, execution])
    found = results(name).results
    ranked = ranking(found)
    assert [(one.network, one.rate, one.on_edge) for one in ranked] == [
        (network, 0.03, False) for network in ACCURACY
    ]  # validation is the same for all
    p_values = []
    for one in ranked:
        values = np.array(ACCURACY[one.network])
        interval = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
        assert (one.mean, one.low, one.high) == pytest.approx((values.mean(), *interval))
        if one is not ranked[0]:
            paired = stats.ttest_rel(values, ACCURACY["softmax"])
            between = paired.confidence_interval()
            assert (one.difference_low, one.difference_high) == pytest.approx(tuple(between))
            p_values.append(paired.pvalue)
    adjusted = multipletests(p_values, method="holm")[1]
    assert [one.adjusted_p for one in ranked[1:]] == pytest.approx(list(adjusted))
    form = {"study": name, "file": "f", "data": "d", "ran": 0, "cached": 90}
    text = ranking_text(form, ranked, found)
    assert "on test, mlp cannot be told from it with 5 seeds" in text
    assert "at the end of the rates" not in text


def test_a_rate_at_the_end_is_told() -> None:
    csv()
    name = study_of("My data (1).csv", "kind")
    execution, records = results_of(discovery.load(name), lambda _: 0.5)
    for record in records:  # of all rates the largest validates best
        record.outcome.final["validation/accuracy"] = record.cell["optimizer.lr"]
    Journal().extend([*records, execution])
    assert all(one.on_edge and one.rate == 0.1 for one in ranking(results(name).results))

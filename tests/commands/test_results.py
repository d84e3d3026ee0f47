"""Results in one's own hands: frames, files, and the cell that one would take."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite import results
from suite.ground.errors import RequestError
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.record import Status
from tests.command_line import TINY_TRIALS, make_study, suite, suite_json
from tests.synthetic import make_results, results_of, workplace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory in which `tiny` has run, with known numbers."""
    monkeypatch.chdir(tmp_path)
    return make_results(workplace(tmp_path))


def test_a_row_a_trial_with_every_field_that_varies_and_every_final_metric(folder: Path) -> None:
    trials = results("tiny").trials
    assert len(trials) == TINY_TRIALS
    first = ["id", "part", "seed", "status", "error", "spent", "batch_size", "optimizer.lr"]
    assert list(trials)[: len(first)] == first
    assert set(trials["optimizer.lr"][trials["part"] == "timing"]) == {0.1}  # which it holds fixed
    ten = trials[(trials["part"] == "main") & (trials["batch_size"] == 10) & (trials["seed"] == 1)]
    assert set(ten["test/accuracy"]) == {0.898}
    assert trials["cost/seconds"].notna().sum() == 6


def test_a_level_with_a_name_has_the_fields_that_it_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = """
from suite import Study, axis
study = Study(title="x", seeds=1, grid=(
    axis("scale", {"one": {"batch_size": 32, "optimizer.lr": 0.1}, "two": {"batch_size": 64, "optimizer.lr": 0.2}}),
    axis("model.widths", ((8,), (8, 8))),
))
"""
    make_study(tmp_path, text, "scaled")
    execution, records = results_of(discovery.load("scaled"), lambda trial: 0.5)
    Journal().extend([*records, execution])
    trials = results("scaled").trials
    rows = trials[["scale", "batch_size", "optimizer.lr"]].drop_duplicates()
    assert rows.to_numpy().tolist() == [["one", 32, 0.1], ["two", 64, 0.2]]
    assert suite(tmp_path, "results", "scaled", "--parquet", "x.parquet").returncode == 0
    assert set(pd.read_parquet("x.parquet")["model.widths"]) == {"(8,)", "(8, 8)"}


def test_a_row_a_point_of_a_curve(folder: Path) -> None:
    curves = results("tiny").curves
    assert list(curves) == [
        "id", "part", "batch_size", "optimizer.lr", "seed", "metric", "epoch", "value",
    ]  # fmt: skip
    assert len(curves) == TINY_TRIALS
    assert set(curves["id"]) == set(results("tiny").trials["id"])
    assert (curves[["metric", "epoch", "value"]] == ("validation/accuracy", 1.0, 0.5)).all(None)


def test_a_row_a_claim(folder: Path) -> None:
    (found,) = results("tiny").findings.to_dict("records")
    assert (found["says"], found["verdict"], found["n"]) == ("Ten beats twenty.", "supported", 3)
    assert found["effect"] == pytest.approx(0.1)
    assert found["low"] < 0.1 < found["high"]
    assert found["chosen"]["arm"] == {"optimizer.lr": {0: 0.03, 1: 0.03, 2: 0.03}}


def test_verdicts_say_which_level_each_seed_chose(folder: Path) -> None:
    form = suite_json(folder, "verdicts", "tiny")
    (finding,) = form["studies"][0]["findings"]
    chosen = {"optimizer.lr": {"0": 0.03, "1": 0.03, "2": 0.03}}
    assert finding["chosen"] == {"arm": chosen, "against": chosen}


def test_the_best_cell_with_its_interval_and_what_cannot_be_told_from_it(folder: Path) -> None:
    """Validation is equal at both batch sizes; the first of the grid is taken."""
    best = results("tiny").best("test/accuracy")
    assert best.cell == {"batch_size": 10, "optimizer.lr": 0.03}
    assert (best.select, best.score, best.n) == ("validation/accuracy", 0.9, 3)
    values = np.array([0.901, 0.898, 0.901])
    interval = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert best.mean == pytest.approx(0.9)
    assert (best.low, best.high) == pytest.approx(interval)
    assert best.runner_up is not None
    assert best.runner_up.cell == {"batch_size": 20, "optimizer.lr": 0.03}
    # Two rates of the same batch size measured the same, and three cells of the other, 0.1 less.
    paired = stats.ttest_rel(values, [0.799, 0.802, 0.799]).pvalue
    assert best.p == pytest.approx(5 * paired)
    assert best.runner_up.difference == pytest.approx(0.1)
    assert [cell["batch_size"] for cell in best.alike] == [10, 10]
    assert len(best.table) == 5
    assert "against the runner-up, batch_size=20, optimizer.lr=0.03" in repr(best)


def test_one_cell_stands_for_each_level_where_that_is_asked(folder: Path) -> None:
    best = results("tiny").best("test/accuracy", each="batch_size")
    assert best.cell == {"batch_size": 10, "optimizer.lr": 0.03}
    (rival,) = best.rivals
    assert rival.cell == {"batch_size": 20, "optimizer.lr": 0.03}
    ten, twenty = np.array([0.901, 0.898, 0.901]), np.array([0.799, 0.802, 0.799])
    paired = stats.ttest_rel(ten, twenty)
    assert (rival.p, rival.adjusted_p) == pytest.approx((paired.pvalue, paired.pvalue))
    assert (rival.low, rival.high) == pytest.approx(tuple(paired.confidence_interval()))
    assert rival.mean == pytest.approx(twenty.mean())
    interval = stats.t.interval(0.95, 2, twenty.mean(), stats.sem(twenty))
    assert rival.interval == pytest.approx(interval)


def test_a_cell_that_lost_a_seed_is_not_best_for_its_luck_at_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    workplace(tmp_path)
    execution, records = results_of(discovery.load("tiny"))
    lost = [
        dataclasses.replace(
            one, outcome=dataclasses.replace(one.outcome, status=Status.DIVERGED, final={})
        )
        if one.seed == 0 and one.cell == {"batch_size": 10, "optimizer.lr": 0.03}
        else one
        for one in records
    ]
    Journal().extend([*lost, execution])
    best = results("tiny").best("test/accuracy")
    assert best.cell == {"batch_size": 20, "optimizer.lr": 0.03}
    assert best.rivals[-1].seeds == best.rivals[-1].n == 2


def test_a_wrong_name_is_one_line_with_the_nearest(folder: Path) -> None:
    found = results("tiny")
    for ask, said in (
        (lambda: results("tini"), "there is no study 'tini' (did you mean 'tiny'?)"),
        (lambda: results("tiny", folder="nowhere"), "there is no folder 'nowhere'"),
        (lambda: results("tiny", archive="x.zst"), "there are no results at 'x.zst'"),
        (lambda: found.best("test/acuracy"), "did you mean 'test/accuracy'?"),
        (lambda: found.best("test/accuracy", "timin"), "did you mean 'timing'?"),
        (lambda: found.best("test/accuracy", each="batch"), "has no axis 'batch'"),
        (lambda: found.best("weights/norm"), "has no metric 'weights/norm'"),
    ):
        with pytest.raises(RequestError) as refused:
            ask()
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_results_of_another_folder_are_read_with_its_studies(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert len(results("tiny", folder=folder).trials) == TINY_TRIALS
    with pytest.raises(RequestError, match="there is no study 'tiny'"):
        results("tiny")


def test_an_archive_gives_what_the_journal_gives(folder: Path) -> None:
    assert suite(folder, "export", "all.tar.zst").returncode == 0
    here = results("tiny")
    (folder / ".thumbrules" / "journal.jsonl").unlink()
    pd.testing.assert_frame_equal(results("tiny", archive="all.tar.zst").trials, here.trials)
    pd.testing.assert_frame_equal(results("tiny", archive="all.tar.zst").curves, here.curves)
    with pytest.raises(RequestError, match=r"no results in .*`suite run tiny` makes them"):
        results("tiny")


OF_A_FILE = """
from suite import Budget, Data, Model, Recipe, Study, axis

study = Study(
    title="Of a file",
    recipe=Recipe(
        data=Data("table", path="few.csv", target="y"), model=Model("softmax"), budget=Budget(epochs=1)
    ),
    grid=(axis("optimizer.lr", (0.1, 0.2)),),
    seeds=1,
)
"""


def test_results_outlive_their_data(folder: Path, tmp_path: Path) -> None:
    make_study(folder, OF_A_FILE, "of_a_file")
    data = folder / "few.csv"
    data.write_text("x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(30)))
    assert suite(folder, "run", "of_a_file").returncode == 0
    assert suite(folder, "export", "all.tar.zst").returncode == 0
    data.rename(folder / "elsewhere.csv")
    shown = suite_json(folder, "results", "of_a_file")
    assert [one["optimizer.lr"] for one in shown["trials"]] == [0.1, 0.2]
    assert suite(folder, "verdicts", "of_a_file").returncode == 0
    found = results("of_a_file", folder=folder, archive=folder / "all.tar.zst")
    with contextlib.chdir(tmp_path.parent):  # nor does it matter where they are looked at
        assert found.trials["optimizer.lr"].tolist() == [0.1, 0.2]
    # What is there and has changed is another question, which has no results yet.
    data.write_text((folder / "elsewhere.csv").read_text() + "99,a\n")
    assert suite_json(folder, "results", "of_a_file")["trials"] == []


def test_the_shell_writes_csv_and_parquet(folder: Path) -> None:
    trials, curves = results("tiny").trials, results("tiny").curves
    assert suite(folder, "results", "tiny", "--csv", "t.csv").stdout == "t.csv\n"
    form = suite_json(folder, "results", "tiny", "--curves", "--parquet", "c.parquet")
    assert form == {"study": "tiny", "file": "c.parquet", "rows": TINY_TRIALS}
    read = pd.read_csv(
        "t.csv", dtype={"id": str}, keep_default_na=False, na_values={"cost/seconds": ""}
    )
    pd.testing.assert_frame_equal(read, trials, check_dtype=False)
    pd.testing.assert_frame_equal(pd.read_parquet("c.parquet"), curves, check_dtype=False)
    assert sorted(path.name for path in folder.iterdir()) == [
        ".thumbrules", "c.parquet", "studies", "t.csv",
    ]  # fmt: skip


def test_the_shell_shows_a_short_table_or_one_document(folder: Path) -> None:
    shown = suite(folder, "results", "tiny").stdout.splitlines()
    assert shown[0].split() == [
        "part", "batch_size", "optimizer.lr", "seed", "status", "validation/accuracy", "test/accuracy",
    ]  # fmt: skip
    assert shown[-1].startswith(f"{TINY_TRIALS} trials; --csv FILE")
    assert len(shown) < TINY_TRIALS
    form = json.loads(suite(folder, "results", "tiny", "--json").stdout)
    assert len(form["trials"]) == TINY_TRIALS
    assert form["trials"][0]["cost/seconds"] is None
    assert form["trials"][0]["test/accuracy"] == 0.901


def test_without_a_name_there_are_the_trials_of_all_studies(folder: Path) -> None:
    frames = {name: results(name) for name in discovery.names()}
    make_study(folder, "study = 1 /", "broken_one")
    done = suite(folder, "results", "--csv", "all.csv", "--json")
    trials = pd.read_csv(folder / "all.csv", dtype={"id": str})
    assert done.returncode == 0, done.stderr  # it has no results that could be left out
    assert trials["study"].unique().tolist() == json.loads(done.stdout)["studies"]
    for name, one in frames.items():
        own = trials[trials["study"] == name].reset_index(drop=True)
        assert own["id"].tolist() == one.trials["id"].tolist()
    curves = suite_json(folder, "results", "--curves")["curves"]
    assert len(curves) == sum(len(one.curves) for one in frames.values())
    assert "study" in suite(folder, "results").stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tini"], "there is no study 'tini' (did you mean 'tiny'?)"),
        (["tiny", "--csv", "no/t.csv"], "there is no folder no"),
        (["tiny", "--parquet", "studies"], "studies"),
        (["tiny", "--csv", "a", "--parquet", "b"], "give --csv or --parquet, not both"),
    ],
)
def test_a_bad_request_is_one_line(folder: Path, arguments: list[str], said: str) -> None:
    done = suite(folder, "results", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == [".thumbrules", "studies"]


def test_a_file_that_cannot_be_finished_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "t.csv").write_text("mine")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    done = suite(folder, "results", "tiny", "--csv", "t.csv")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "t.csv cannot be written: No space left on device" in done.stderr
    assert (folder / "t.csv").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == [".thumbrules", "studies", "t.csv"]

"""A wrong request gets one line that names the thing, exit code 2, and leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import SMOKE_TRIALS, TINY_STUDY, make_study, refused, suite


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


CASES = {
    "command": (["rum", "tiny"], "there is no command 'rum' (did you mean 'run'?)"),
    "option": (["run", "tiny", "--teir", "smoke"], "--tier"),
    "study": (["run", "tinny"], "there is no study 'tinny' (did you mean 'tiny'?)"),
    "no study": (["run"], "name a study, or give --notebook or --all"),
    "tier": (["run", "tiny", "--tier", "lapptop"], "'lapptop' (did you mean 'laptop'?)"),
    "path": (["run", "tiny", "--set", "optimizer.lrr=1"], "'lrr' (did you mean 'lr'?)"),
    "type": (["run", "tiny", "--set", "batch_size=big"], "batch_size must be a whole number"),
    "range": (["run", "tiny", "--set", "optimizer.lr=-1"], "must be at least 0"),
    "no value": (["run", "tiny", "--set", "batch_size"], "needs path=value"),
    "a path twice": (
        ["train", "--set", "optimizer.lr=0.1", "--set", "optimizer.lr=0.2"],
        "--set has optimizer.lr more than once (did you mean optimizer.lr=0.1,0.2?)",
    ),
    "a path of data twice": (
        ["try", "x.csv", "--set", "data.drop=id", "--set", "data.drop=date"],
        "(did you mean data.drop=id,date?)",
    ),
    "source": (["train", "--set", "data.name=mnist5"], "(did you mean 'mnist5k'?)"),
    "model": (["train", "--set", "model.name=lenett"], "(did you mean 'lenet'?)"),
    "a file that is not there": (
        ["train", "--set", "data.name=table", "--set", "data.path=x.csv"],
        "data 'table' reads x.csv, which is not there",
    ),
    "no file at all": (["train", "--set", "data.name=arrays"], "arrays needs the path of an .npz"),
    "unused field": (
        ["train", "--set", "model.name=lenet", "--set", "model.depth=8"],
        "'lenet' does not use 'depth'",
    ),
    "no name at all": (["results", ""], "there is no study ''"),
    "a precision that is a GPU's": (
        ["plan", "tiny", "--set", "precision=tf32", "--device", "cpu"],
        "did you mean 'float32'?",
    ),
    "bits on mps": (
        ["reproduce", "tiny", "--across", "device=mps"],
        "equal bits are not promised on",
    ),
    "level": (["run", "tiny", "--only", "batch_size=11"], "batch_size=11 is not in the grid"),
    "axis": (["run", "tiny", "--only", "batchsize=10"], "(did you mean 'batch_size'?)"),
    "seeds": (["run", "tiny", "--seeds", "0"], "--seeds"),
    "workers": (["run", "tiny", "--workers", "two"], "--workers"),
    "strategy": (["run", "tiny", "--strategy", "pakced"], "(did you mean 'packed'?)"),
    "verdicts of an unknown study": (["verdicts", "tinny"], "(did you mean 'tiny'?)"),
    "verdicts before a run": (["verdicts", "tiny"], "'tiny' has no results yet"),
    "report before a run": (["report"], "no study has results yet"),
    "new with a bad name": (["new", "My Study"], "lower-case Python name"),
    "new over a study": (["new", "tiny"], "exists already"),
    "new with a hidden name": (["new", "_tiny"], "lower-case Python name"),
    "new with a keyword": (["new", "class"], "lower-case Python name"),
    "no level": (["run", "tiny", "--only", "batch_size=()"], "--only batch_size names no level"),
    "a rate beyond float32": (["train", "--set", "optimizer.lr=1e308"], "must be at most 1e+30"),
    "a batch beyond counting": (["train", "--set", "batch_size=1e30"], "must be at most 1e+09"),
    "a value too deep to read": (
        ["train", "--set", "batch_size=" + "-" * 5000 + "1"],
        "whole number",
    ),
    "a network too large": (
        ["train", "--set", "model.widths=99999999999", "--set", "data.name=digits"],
        "do not fit this machine",
    ),
    "too many examples": (
        ["train", "--set", "data.train_examples=9000"],
        "has 3000 examples to train and validate on, not 9000 + 1000",
    ),
}


@pytest.mark.parametrize(("arguments", "said"), CASES.values(), ids=CASES)
@pytest.mark.usefixtures("workplace")
def test_a_wrong_request_is_refused(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert said in refused(arguments, monkeypatch, capsys)


PROBED = (
    TINY_STUDY.replace(
        "study = Study(",
        """
def probe(cell, seed):
    return {"test/loss": float(cell["inputs"]) + seed}


study = Study(""",
    )
    .replace(
        "    claims=(",
        """    claims=(
        Trend(
            part="probed", of="test/loss", over="inputs", per="doubling", direction="higher",
            matters=0.1, says="It grows.", source="",
        ),""",
    )
    .replace("parts=(", 'parts=(Part("probed", probe=probe, grid=(axis("inputs", (2, 20)),)),')
    .replace("curves, lines", "curves, lines, Trend")
)
PROBED_CASES = {
    "a word for a number": ("--set", "inputs=x", "axis 'inputs' has levels like 2, 20, not 'x'"),
    "words for numbers": ("--set", 'inputs=["a","b"]', "axis 'inputs' has levels like 2, 20"),
    "no logarithm": ("--set", "inputs=[0,2]", "axis 'inputs' needs levels above 0 for a slope"),
    "an unknown level": ("--only", "inputs=3", "--only: inputs=3 is not in the grid"),
}


@pytest.mark.parametrize(("option", "value", "said"), PROBED_CASES.values(), ids=PROBED_CASES)
def test_a_level_that_a_probe_cannot_take_is_refused(
    option: str,
    value: str,
    said: str,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_study(workplace, PROBED)
    assert said in refused(["run", "tiny", option, value], monkeypatch, capsys)


def test_what_can_be_set_of_a_probe_is_an_axis(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_study(workplace, PROBED)
    said = "its probes have no axis 'input' (did you mean 'inputs'?)"
    assert said in refused(["run", "tiny", "--set", "probed.input=2"], monkeypatch, capsys)
    assert suite(workplace, "plan", "tiny", "--set", "probed.inputs=2").returncode == 0
    text = """
from suite import Study, axis


def probe(cell, seed):
    return {"test/loss": 1.0}


study = Study(title="T", probe=probe, grid=(axis("size", (1, 2)),), seeds=1)
"""
    make_study(workplace, text, "probes")
    for path in ("siz", "optimizer.lr"):
        line = refused(["run", "probes", "--set", f"{path}=1"], monkeypatch, capsys)
        assert f"its probes have no axis '{path}'" in line
    assert suite(workplace, "plan", "probes", "--set", "size=1").returncode == 0


def test_a_study_without_its_file_is_listed_and_an_edited_one_makes_other_trials(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of_file = 'Data("table", path="x.csv", target="kind")'
    make_study(workplace, TINY_STUDY.replace('Data("digits", train_examples=200)', of_file))
    assert suite(workplace, "list").returncode == 0
    said = "data 'table' reads x.csv, which is not there"
    assert said in refused(["run", "tiny", "--tier", "smoke"], monkeypatch, capsys)
    rows = [f"{i},{'ab'[i % 2]}" for i in range(60)]
    options = ("tiny", "--tier", "smoke", "--json")
    for head, there in (("size,kind", 0), ("width,kind", 0), ("size,kind", SMOKE_TRIALS)):
        (workplace / "x.csv").write_text("\n".join([head, *rows]))
        planned = json.loads(suite(workplace, "plan", *options).stdout)
        assert planned["cached"] == there
        done = suite(workplace, "run", "tiny", "--tier", "smoke")
        assert done.returncode == 0, done.stderr


def test_one_level_of_a_probe_can_be_kept_or_set(workplace: Path) -> None:
    make_study(workplace, PROBED)
    kept = suite(workplace, "run", "tiny", "--only", "inputs=20", "--seeds", "2")
    assert kept.returncode == 0, kept.stderr
    assert "Warning" not in kept.stderr
    assert suite(workplace, "run", "tiny", "--set", "inputs=2.5", "--seeds", "2").returncode == 0


BROKEN = {
    "syntax error": (TINY_STUDY.replace("seeds=3,", "seeds=3 ="), "tiny.py, line"),
    "unknown field": (TINY_STUDY.replace('"sgd", momentum', '"sgd", momentun'), "'momentum'?"),
    "unknown arm": (TINY_STUDY.replace('arm={"batch_size": 10}', 'arm={"batch_size": 11}'), "11"),
    "unknown metric": (TINY_STUDY.replace('of="test/accuracy"', 'of="test/acuracy"'), "accuracy"),
    "unknown tier": (TINY_STUDY.replace('"smoke"', '"smoek"'), "'smoke'?"),
    "selects on test": (
        TINY_STUDY.replace("seeds=3,", 'seeds=3, select="test/accuracy",'),
        "must be a validation metric",
    ),
    "exception": (TINY_STUDY + "\n1 / 0\n", "division by zero"),
    "no study": ("x = 1\n", "defines no `study"),
    "exit": ("raise SystemExit(0)\n", "SystemExit"),
    "two axes of one path": (
        TINY_STUDY.replace(
            'grid=(axis("batch_size", (10, 20)), axis(', 'grid=(axis("optimizer.lr", (1, 2)), axis('
        ),
        "has two axes 'optimizer.lr'",
    ),
    "an axis over a whole part": (
        TINY_STUDY.replace(
            'axis("optimizer.lr", (0.01, 0.03, 0.1))', 'axis("budget", (Budget(),))'
        ),
        "must be a field of budget, such as 'budget.epochs'",
    ),
    "a part named like a field": (TINY_STUDY.replace('Part("timing"', 'Part("data"'), "'data'"),
    "a claim without a target": (
        TINY_STUDY.replace('of="test/accuracy"', 'of="target/epochs"'),
        "needs the study to have a target",
    ),
    "a claim on seconds of shared machines": (
        TINY_STUDY.replace('of="test/accuracy"', 'of="cost/seconds"'),
        "needs a part whose trials run alone",
    ),
    "an arm against itself": (
        TINY_STUDY.replace('against={"batch_size": 20}', 'against={"batch_size": 10}'),
        "compares an arm with itself",
    ),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_study_file_is_named(
    text: str,
    said: str,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_study(workplace, text)
    line = refused(["run", "tiny"], monkeypatch, capsys)
    assert "studies/tiny.py" in line
    assert said in line


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:////nowhere/at/all/mlflow.db",
        "sqlite:////dev/null",
        "sqlite:////dev/null/mlflow.db",
        "sqlite:///",
    ],
)
@pytest.mark.usefixtures("workplace")
def test_a_store_that_cannot_be_written_is_named(
    uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert f"{uri} cannot be written" in refused(["run", "tiny"], monkeypatch, capsys)


def test_a_store_that_is_no_database_is_named(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "mlflow.db").write_text("not a database, but long enough to be taken for one" * 9)
    assert "cannot be written" in refused(["run", "tiny"], monkeypatch, capsys)


def test_a_corrupt_journal_line_is_named(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / ".thumbrules").mkdir()
    (workplace / ".thumbrules" / "journal.jsonl").write_text('{"kind": "trial", "body": {}}\n')
    assert "journal.jsonl, line 1 is damaged" in refused(["run", "tiny"], monkeypatch, capsys)


def test_a_large_plan_says_how_many_trials_at_once(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.commands.requests.MOST_TRIALS", 10)
    done = suite(workplace, "plan", "tiny")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = suite(workplace, "plan", "tiny", "--yes")
    assert done.returncode == 0
    assert done.stderr.startswith("24 trials: ")


WARNS = """
import warnings
from torch import nn
from suite import Budget, Data, Recipe, Study, axis, model


@model
def warning(shape, outputs, fits=True):
    warnings.warn("said by a library", stacklevel=2)
    return nn.Sequential(nn.Flatten(), nn.Linear(64 if fits else 63, outputs))


study = Study(
    title="T", recipe=Recipe(data=Data("digits"), model=warning(), budget=Budget(epochs=1)),
    grid=(axis("model.fits", (True, False)),), seeds=1,
)
"""


def test_what_is_warned_of_does_not_stand_beside_a_refusal(workplace: Path) -> None:
    make_study(workplace, WARNS, "warns")
    for how in (("plan",), ("run", "--strategy", "sequential")):
        done = suite(workplace, how[0], "warns", *how[1:])
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_no_traceback_reaches_a_user(workplace: Path) -> None:
    done = suite(workplace, "run", "nothing_like_it")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("uri", ["foo", "ftp://x/y", "sqlite://x.db", "file:./runs"])
@pytest.mark.usefixtures("workplace")
def test_a_store_of_no_known_kind_is_named(
    uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert f"'{uri}' must begin with" in refused(["run", "tiny"], monkeypatch, capsys)


def test_a_store_that_cannot_be_asked_is_not_an_empty_one(workplace: Path) -> None:
    dead = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = suite(workplace, "verdicts", "tiny", **dead)
    assert done.returncode == 2
    assert "http://127.0.0.1:9 cannot be asked" in done.stderr


def test_a_second_run_in_a_folder_waits_its_turn(workplace: Path) -> None:
    from suite.tracking.journal import Journal

    with Journal().run_lock():
        done = suite(workplace, "run", "tiny", "--tier", "smoke", "--strategy", "sequential")
    assert done.returncode == 2
    assert "another run is using .thumbrules" in done.stderr


def test_a_value_typed_without_quotes_is_what_its_field_takes(workplace: Path) -> None:
    rows = [f"{i},{i % 5},{'ab'[i % 2]}" for i in range(60)]
    (workplace / "x.csv").write_text("\n".join(["2020,1,kind", *rows]))
    data = ("--set", "data.name=table", "--set", "data.path=x.csv", "--set", "budget.steps=1")
    for options in (
        ("data.target=kind", "data.drop=1"),
        ("data.target=1", "model.norm=none"),
        ("data.target=kind", "data.drop=1,2020", "data.categorical=2020"),
    ):
        settings = [part for one in options for part in ("--set", one)]
        done = suite(workplace, "train", *data, *settings)
        assert done.returncode == (2 if "data.categorical=2020" in options else 0), done.stderr
        assert done.stderr.count("\n") == (done.returncode != 0)


def test_a_link_that_leads_nowhere_is_one_line(workplace: Path) -> None:
    for name, to in (("loop.csv", "loop.csv"), ("gone.csv", "nothing")):
        (workplace / name).symlink_to(to)
        table = ("--set", "data.name=table", "--set", "data.target=a")
        for asked in (("try", name), ("train", *table, "--set", f"data.path={name}")):
            done = suite(workplace, *asked)
            assert (done.returncode, done.stderr.count("\n")) == (2, 1)
            assert f"(did you mean '{name}'?)" not in done.stderr


def test_a_data_folder_that_is_a_file_is_told(workplace: Path) -> None:
    done = suite(
        workplace, "train", "--set", "data.name=cifar10", THUMBRULES_DATA="studies/tiny.py"
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "THUMBRULES_DATA names 'studies/tiny.py', which is no folder" in done.stderr

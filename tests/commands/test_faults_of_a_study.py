"""What a study's own code does wrong is told in one line, and stays its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from suite.tracking.journal import DEFAULT as JOURNAL
from suite.tracking.journal import Journal
from suite.vocabulary.record import files_read
from tests.command_line import make_study, suite, suite_json, suite_process

PROBES = """
import os, sys
from suite import Study, axis, define_metric

WORTH = define_metric("test/worth_{name}", "worth")
print("loaded")


class Own(BaseException):
    pass


def measured(cell, seed):
    print("measured")
    if cell["bad"]:
        {fault}
    return {{WORTH: 1.0 + seed}}


study = Study(title="T", probe=measured, grid=(axis("bad", (False, True)),), seeds=2)
"""
FAULTS = {
    "exits": ("sys.exit(0)", "SystemExit: 0"),
    "raises": ("raise KeyError('gone')", "KeyError: 'gone'"),
    "generator": ("raise GeneratorExit", "GeneratorExit: "),
    "own": ("raise Own('mine')", "Own: mine"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_a_probe_raises_is_its_trials_failure(tmp_path: Path, name: str) -> None:
    fault, said = FAULTS[name]
    make_study(tmp_path, PROBES.format(name=name, fault=fault), name)
    done = suite(tmp_path, "run", name, "--json")
    assert done.returncode == 1
    form = json.loads(done.stdout)  # what is printed by a study is no part of it
    (study,) = form["studies"]
    assert (study["trials"], study["failed"]) == (4, 2)
    assert study["errors"] == [
        {
            "error": f"{said} (studies/{name}.py, line 16)",
            "trials": 2,
            "again": name in ("exits", "raises"),
        }
    ]
    assert "2 trials failed" in done.stderr


def test_a_failure_that_is_certain_is_not_tried_again_and_one_that_may_pass_is(
    tmp_path: Path,
) -> None:
    for name, fault, again in (("sure", "raise ValueError('no')", 0), ("luck", "open('gone')", 2)):
        make_study(tmp_path, PROBES.format(name=name, fault=fault), name)
        assert suite(tmp_path, "run", name).returncode == 1
        done = suite(tmp_path, "run", name, "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["ran"] == again
        assert ("not tried again" in done.stderr) == (again == 0)
        # Other code may do better, and is another trial.
        make_study(tmp_path, PROBES.format(name=name, fault="pass"), name)
        assert suite_json(tmp_path, "run", name)["ran"] == 4


CHANGES = '''
import os
import numpy as np
import torch
from suite import Budget, Data, Model, Recipe, Study, axis, model


@model
def meddling(shape, outputs):
    """A network that changes its process when it is built."""
    os.chdir("/")
    os.environ["HOME"] = "/nowhere"
    os.environ["MEDDLED"] = "yes"
    np.seterr(all="raise")
    torch.set_default_dtype(torch.float32)
    made = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, outputs))
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    return made


study = Study(
    title="T",
    recipe=Recipe(data=Data("digits", train_examples=60), model=meddling(), budget=Budget(epochs=1)),
    grid=(axis("optimizer.lr", (0.1, 0.2)),),
    seeds=1,
)
'''


def test_what_a_study_changes_of_its_process_ends_with_its_trial(tmp_path: Path) -> None:
    make_study(tmp_path, CHANGES, "meddling_study")
    before = dict(os.environ), Path.cwd(), torch.get_default_dtype(), torch.get_num_threads()
    done = suite(tmp_path, "run", "meddling_study", "--strategy", "sequential")
    assert done.returncode == 0, done.stderr
    after = dict(os.environ), Path.cwd(), torch.get_default_dtype(), torch.get_num_threads()
    assert before == after


RATIOS = """
from suite import Difference, Study, axis, define_metric

WORTH = define_metric("test/worth", "worth")


def measured(cell, seed):
    return {WORTH: 1.0 + seed if cell["x"] else -1.0}


study = Study(
    title="T",
    probe=measured,
    grid=(axis("x", (0, 1)),),
    seeds=3,
    claims=(
        Difference(of=WORTH, arm={"x": 1}, against={"x": 0}, direction="higher", scale="ratio",
                   matters=1.5, says="More.", source=""),
    ),
)
"""


def test_one_study_that_cannot_be_read_or_drawn_costs_no_other_its_verdict_or_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_study(tmp_path, RATIOS, "ratios")
    for name in ("other", "third"):
        make_study(tmp_path, PROBES.format(name=name, fault="pass"), name)
    assert suite(tmp_path, "run", "ratios", "other", "third").returncode == 0
    assert suite(tmp_path, "report").returncode == 0  # a ratio of what is not positive is drawn
    pages = {path.name for path in (tmp_path / "reports/html").glob("*.html")}
    assert {"ratios.html", "other.html", "index.html"} <= pages

    make_study(tmp_path, "study = 1 /", "third")
    done = suite(tmp_path, "verdicts", "--json")
    assert done.returncode == 1
    assert [one["name"] for one in json.loads(done.stdout)["studies"]] == ["other", "ratios"]
    assert "study 'third' is left out: " in done.stderr

    monkeypatch.setattr("reports.site._Easels.expect", lambda *_: None)  # draw here
    make_study(tmp_path, PROBES.format(name="third", fault="pass"), "third")
    for i, fault in enumerate((ValueError("no figure"), FileNotFoundError("no data"))):

        def broken(*_: object, fault: Exception = fault) -> None:
            raise fault

        monkeypatch.setattr("reports.figures.difference.draw", broken)
        done = suite(tmp_path, "report", "--out", f"again{i}")
        assert done.returncode == 1
        assert f"study 'ratios' is left out: {type(fault).__name__}: {fault}" in done.stderr
        made = {path.name for path in (tmp_path / f"again{i}").glob("*.html")}
        assert {"other.html", "third.html", "index.html"} <= made
        assert "ratios.html" not in made
    assert suite(tmp_path, "verdicts", "third", "--json").returncode == 0
    alone = make_and_ask(tmp_path)
    assert (alone.returncode, alone.stderr.count("\n")) == (2, 1)


def make_and_ask(folder: Path) -> object:
    make_study(folder, "study = 1 /", "third")
    return suite(folder, "verdicts", "third")


def test_results_without_their_study_are_named(tmp_path: Path) -> None:
    for name in ("kept", "gone"):
        make_study(tmp_path, PROBES.format(name=name, fault="pass"), name)
    assert suite(tmp_path, "run", "kept", "gone").returncode == 0
    (tmp_path / "studies/gone.py").unlink()
    said = "of gone there are results and no study here"
    assert f"{said}: left out" in suite(tmp_path, "verdicts").stderr
    (tmp_path / "studies/kept.py").unlink()
    done = suite(tmp_path, "verdicts")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "of kept, gone there are results and no study here" in done.stderr


def test_a_damaged_journal_is_not_called_a_changed_study(tmp_path: Path) -> None:
    make_study(tmp_path, PROBES.format(name="x", fault="pass"), "x")
    assert suite(tmp_path, "run", "x").returncode == 0
    journal = tmp_path / ".thumbrules/journal.jsonl"
    journal.write_text(
        journal.read_text().replace('"status": "finished"', '"status": "fanished"', 1)
    )
    done = suite(tmp_path, "report", "x")
    assert done.returncode == 2
    assert "is damaged" in done.stderr
    assert "has changed" not in done.stderr


READS = """
from pathlib import Path

from suite import Study, axis, define_metric

WORTH = define_metric("test/worth", "worth")


def measured(cell, seed):
    Path("out.txt").write_text("what it writes is no input")
    return {WORTH: float(Path("data", "numbers.txt").read_text())}


study = Study(title="T", probe=measured, grid=(axis("x", (0, 1)),), seeds=2)
"""


@pytest.mark.parametrize("strategy", ["sequential", "packed"])
def test_what_a_probe_read_is_not_served_when_it_is_another(tmp_path: Path, strategy: str) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "numbers.txt"
    file.write_text("1.5")
    make_study(tmp_path, READS, "reads")
    how = ("--strategy", strategy)
    assert suite_json(tmp_path, "run", "reads", *how)["ran"] == 4
    assert suite_json(tmp_path, "run", "reads", *how)["ran"] == 0
    file.write_text("2.5")
    done = suite(tmp_path, "run", "reads", *how)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("suite: data/numbers.txt is another one than when trial ")
    assert suite(tmp_path, "forget", "reads", "--yes").returncode == 0
    assert suite_json(tmp_path, "run", "reads", *how)["ran"] == 4
    (record,) = {one.provenance.data_source for one in Journal(tmp_path / JOURNAL).records.values()}
    assert list(files_read(record)) == ["data/numbers.txt"]


def test_results_of_what_a_study_was_are_said_to_be(tmp_path: Path) -> None:
    make_study(tmp_path, READS, "reads")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers.txt").write_text("1.5")
    assert suite_json(tmp_path, "run", "reads")["ran"] == 4
    assert suite(tmp_path, "verdicts", "reads").stderr == ""
    make_study(tmp_path, READS + "\nBESIDE = 1\n", "reads")
    for command in ("verdicts", "results", "report"):
        done = suite(tmp_path, command, "reads")
        assert "study 'reads', or what it reads, has changed since its latest run" in done.stderr
        assert "none of the 4 trials that it has is asked for now" in done.stderr


A_NETWORK_READS = """
from pathlib import Path

import torch

from suite import Budget, Data, Recipe, Study, axis, model


@model
def as_wide_as_a_file_says(shape, outputs):
    width = int(Path("width.txt").read_text())
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, width), torch.nn.Linear(width, outputs)
    )


study = Study(
    title="T",
    recipe=Recipe(
        data=Data("digits", train_examples=60),
        model=as_wide_as_a_file_says(),
        budget=Budget(epochs=1),
    ),
    grid=(axis("optimizer.lr", (0.1, 0.2)),),
    seeds=1,
)
"""


@pytest.mark.parametrize("strategy", ["sequential", "packed"])
def test_what_a_network_read_is_not_served_when_it_is_another(
    tmp_path: Path, strategy: str
) -> None:
    file = tmp_path / "width.txt"
    file.write_text("4")
    make_study(tmp_path, A_NETWORK_READS, "reads")
    how = ("--strategy", strategy)
    assert suite_json(tmp_path, "run", "reads", *how)["ran"] == 2
    assert suite_json(tmp_path, "run", "reads", *how)["ran"] == 0
    file.write_text("5")
    done = suite(tmp_path, "run", "reads", "--seeds", "2", *how)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("suite: width.txt is another one than when trial ")


LOUD = """
import os, subprocess
import numpy as np
from suite import Budget, Model, Recipe, Study, axis, source


@source
def loud():
    print("printed")
    os.write(1, b"written")
    subprocess.run(["echo", "by a program"])
    return np.arange(60.0).reshape(30, 2), np.arange(30) % 2


study = Study(
    title="T", recipe=Recipe(data=loud(), model=Model("softmax"), budget=Budget(epochs=1)),
    grid=(axis("optimizer.lr", (0.1,)),), seeds=1,
)
"""


@pytest.mark.parametrize("strategy", ["sequential", "packed"])
def test_whatever_a_study_prints_json_is_json(tmp_path: Path, strategy: str) -> None:
    make_study(tmp_path, LOUD, "loud_one")
    for ran in (1, 0):
        done = suite_process(tmp_path, "run", "loud_one", "--json", "--strategy", strategy)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["ran"] == ran


def test_what_a_probe_says_that_is_no_text_does_not_stop_its_study(tmp_path: Path) -> None:
    make_study(tmp_path, PROBES.format(name="odd", fault=r"raise ValueError('bad \udce9')"), "odd")
    done = suite(tmp_path, "run", "odd", "--json")
    (study,) = json.loads(done.stdout)["studies"]
    assert (done.returncode, study["failed"]) == (1, 2)
    nothing = PROBES.format(name="none", fault="return None")
    make_study(tmp_path, nothing, "none_at_all")
    done = suite(tmp_path, "run", "none_at_all", "--json")
    (study,) = json.loads(done.stdout)["studies"]
    assert study["errors"][0]["error"] == "TypeError: a probe returns metrics by name, not None"


SWITCHES = """
import os, warnings
import numpy as np
import torch
from suite import Budget, Data, Model, Recipe, Study, axis, lines

os.chdir("/")
warnings.simplefilter("error")
np.seterr(all="raise")
torch.set_num_threads(2)
torch.use_deterministic_algorithms(False)
torch.set_grad_enabled(False)
torch.set_flush_denormal(True)
torch.backends.mkldnn.enabled = False
torch.backends.cudnn.benchmark = True
"""
PLAIN = """
from suite import Budget, Data, Model, Recipe, Study, axis

study = Study(
    title="T",
    recipe=Recipe(data=Data("digits", train_examples=60), model=Model("mlp", widths=(4,)), budget=Budget(epochs=1)),
    grid=(axis("optimizer.lr", (0.1, 0.2)),),
    seeds=1,
)
"""


@pytest.mark.parametrize("strategy", ["sequential", "packed"])
def test_what_a_study_switches_at_its_top_is_no_other_s(tmp_path: Path, strategy: str) -> None:
    found = []
    for name, others in (("alone", ()), ("beside", ("switching",))):
        folder = tmp_path / name
        folder.mkdir()
        make_study(folder, PLAIN, "plain")
        for one in others:
            make_study(folder, SWITCHES + PLAIN.replace("(0.1, 0.2)", "(0.3,)"), one)
        done = suite(folder, "run", *others, "plain", "--strategy", strategy)
        assert done.returncode == 0, done.stderr
        records = Journal(folder / JOURNAL).records.values()
        found.append({r.id: r.outcome.weights_digest for r in records if r.study == "plain"})
    assert found[0] == found[1]
    assert len(found[0]) == 2


@pytest.mark.parametrize("line", ["default_dtype(torch.float64)", "default_device('meta')"])
def test_a_study_that_sets_how_every_network_is_made_is_refused(tmp_path: Path, line: str) -> None:
    make_study(tmp_path, f"import torch\ntorch.set_{line}\n" + PLAIN, "own_way")
    make_study(tmp_path, PLAIN, "plain")
    done = suite(tmp_path, "run", "own_way", "plain")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (
        f"studies/own_way.py: it sets PyTorch's {line.split('(')[0].replace('_', ' ')}"
        in done.stderr
    )
    assert suite(tmp_path, "run", "plain").returncode == 0

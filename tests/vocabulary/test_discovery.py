"""Every file of the studies folder is a study, and a faulty one is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.ground.errors import RequestError
from suite.vocabulary import discovery
from suite.vocabulary.components import own_names, within
from suite.vocabulary.data import Data
from suite.vocabulary.discovery import load, names
from suite.vocabulary.loss import Loss
from suite.vocabulary.model import Activation, Initialisation, Model
from suite.vocabulary.optimizer import Optimizer, Schedule
from suite.vocabulary.transformation import Transform

GOOD = 'from suite import Study\nstudy = Study("A good one")\n'


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "studies"
    folder.mkdir()
    return folder


def refusal(name: str) -> str:
    with pytest.raises(RequestError) as caught:
        load(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_names_are_those_of_the_files_here_but_for_private_ones(studies: Path) -> None:
    for name in ("zeta", "alpha", "_draft", "__init__"):
        (studies / f"{name}.py").write_text(GOOD)
    (studies / "notes.txt").write_text("no study")
    assert names() == ["alpha", "zeta"]


def test_without_a_folder_here_the_studies_that_came_along_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "batch_size_and_learning_rate" in names()


def test_a_study_has_the_name_of_its_file(studies: Path) -> None:
    (studies / "good.py").write_text(GOOD)
    study = load("good")
    assert (study.name, study.title) == ("good", "A good one")


def test_a_study_is_read_anew_each_time(studies: Path) -> None:
    (studies / "good.py").write_text(GOOD)
    load("good")
    (studies / "good.py").write_text(GOOD.replace("A good one", "A much better one"))
    assert load("good").title == "A much better one"


def test_an_unknown_study_is_met_with_the_nearest(studies: Path) -> None:
    (studies / "weight_decay.py").write_text(GOOD)
    assert refusal("wieght_decay") == (
        "there is no study 'wieght_decay' (did you mean 'weight_decay'?)"
    )


def test_an_empty_folder_has_no_studies(studies: Path) -> None:
    assert names() == []
    assert refusal("any") == "there is no study 'any' (there is none)"


def test_a_file_outside_the_folder_is_no_study(studies: Path) -> None:
    (studies.parent / "outside.py").write_text(GOOD)
    (studies / "inside.py").write_text(GOOD)
    assert refusal("../outside").startswith("there is no study '../outside'")


FAULTS = {
    "syntax": (
        "\n\nstudy = Study((\n",
        "studies/faulty.py, line 3: '(' was never closed",
    ),
    "exception": (
        "x = 1\ny = x / 0\n",
        "studies/faulty.py, line 2: ZeroDivisionError: division by zero",
    ),
    "called": (
        "def f():\n    return {}['a']\n\nf()\n",
        "studies/faulty.py, line 2: KeyError: 'a'",
    ),
    "import": (
        "from suite import Studdy\n",
        "studies/faulty.py, line 1: ImportError: cannot import name 'Studdy' from 'suite'",
    ),
    "request": (
        "from suite import Optimizer\n\nOptimizer(lrr=1)\n",
        "studies/faulty.py, line 3: Optimizer has no field 'lrr' (did you mean 'lr'?)",
    ),
    "an end": ("raise SystemExit(3)\n", "studies/faulty.py, line 1: SystemExit: 3"),
    "a class of its own": (
        "class Mine(BaseException): ...\n\nraise Mine('no')\n",
        "studies/faulty.py, line 3: Mine: no",
    ),
    "one that says nothing": (
        "class Mine(Exception):\n    def __str__(self): return 1 / 0\n\nraise Mine\n",
        "studies/faulty.py, line 4: Mine",
    ),
    "several lines": ("raise ValueError('a\\nb')\n", "studies/faulty.py, line 1: ValueError: a"),
    "too deep": ("x = " + "-" * 100_000 + "1\n", "studies/faulty.py"),
    "nested": ("x = " + "(" * 150 + ")" * 150 + "\n", "studies/faulty.py"),
    "a null byte": ("x = '\0'\n", "studies/faulty.py"),
    "nothing": ("x = 1\n", "studies/faulty.py: it defines no `study = Study(...)`"),
    "wrong type": ("study = 'title'\n", "studies/faulty.py: it defines no `study = Study(...)`"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_file_is_named_with_its_line(studies: Path, text: str, message: str) -> None:
    (studies / "faulty.py").write_text(text)
    assert refusal("faulty").startswith(message)


def test_what_is_no_file_is_no_study_and_a_link_to_nothing_cannot_be_read(studies: Path) -> None:
    (studies / "folder.py").mkdir()
    (studies / "dangling.py").symlink_to("nowhere.py")
    assert names() == ["dangling"]
    assert refusal("dangling") == "studies/dangling.py cannot be read: No such file or directory"


def test_the_shipped_studies_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in names():
        study = load(name)
        assert study.claims, f"{name} claims nothing"
        for tier in ("smoke", "laptop", "full"):
            assert study.trials(study.grids(tier))


def test_no_two_studies_here_give_one_name_to_two_components() -> None:
    """Or whoever names one of their own, in `train` or another study, could not tell them apart."""
    with within(discovery.all_names()):
        for kind in (Activation, Data, Initialisation, Loss, Model, Optimizer, Schedule, Transform):
            own_names(kind)

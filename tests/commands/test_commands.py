"""The commands do what the README says."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command_line import TINY_TRIALS, make_study, suite, suite_json

PROJECT = Path(__file__).parents[2]


def test_list_names_every_study_claim_and_tier() -> None:
    form = suite_json(PROJECT, "list")
    names = {study["name"] for study in form["studies"]}
    assert names == {path.stem for path in (PROJECT / "studies").glob("[a-z]*.py")}
    for study in form["studies"]:
        assert set(study["tiers"]) == {"smoke", "laptop", "full"}
        assert all(claim["says"] for claim in study["claims"])


def test_list_says_of_every_claim_of_the_notes_who_tests_it_or_why_nobody_does() -> None:
    form = suite_json(PROJECT, "list")
    assert [one["number"] for one in form["coverage"]] == list(range(1, 77))
    testing = {
        (claim["number"], study["name"]) for study in form["studies"] for claim in study["claims"]
    }
    for one in form["coverage"]:
        assert bool(one["studies"]) != bool(one["reason"])
        assert all((one["number"], study) in testing for study in one["studies"])
    assert {number for number, _ in testing} - {None} <= set(range(1, 77))


def test_a_notebook_is_run_by_its_name_and_its_claims_cite(tmp_path: Path) -> None:
    make_study(tmp_path)
    file = tmp_path / "studies" / "tiny.py"
    other = file.read_text().replace("study = Study(", 'study = Study(notebook="folklore", ')
    cited = other.replace("source=", 'cites="Goyal et al. 2017", source=')
    (tmp_path / "studies" / "told.py").write_text(cited)
    form = suite_json(tmp_path, "plan", "--notebook", "folklore")
    assert [study["name"] for study in form["studies"]] == ["told"]
    form = suite_json(tmp_path, "list")
    assert form["citations"] == [{"cites": "Goyal et al. 2017", "studies": ["told"]}]
    assert [study["notebook"] for study in form["studies"]] == ["notes", "folklore"]
    done = suite(tmp_path, "plan", "--notebook", "folklor")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "suite: there is no notebook 'folklor' (did you mean 'folklore'?)",
    )
    assert suite(tmp_path, "plan", "--notebook", "notes", "--all").returncode == 2


def test_plan_counts_cells_and_estimates_their_cost(tmp_path: Path) -> None:
    make_study(tmp_path)
    form = suite_json(tmp_path, "plan", "tiny")
    assert (form["trials"], form["cached"]) == (TINY_TRIALS, 0)
    assert [cohort["alone"] for cohort in form["cohorts"]] == [False, True]
    assert form["process_seconds"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["studies"]


def test_plan_narrows_as_it_is_told(tmp_path: Path) -> None:
    make_study(tmp_path)
    narrow = ["--only", "batch_size=10", "--set", "optimizer.lr=0.03", "--seeds", "1"]
    form = suite_json(tmp_path, "plan", "tiny", *narrow, "--strategy", "sequential")
    main, timing = form["studies"][0]["grids"]
    assert main["axes"] == {"batch_size": [10], "optimizer.lr": [0.03]}
    assert timing["axes"] == {"batch_size": [10]}
    assert form["trials"] == 2
    assert form["cohorts"][0]["strategy"] == "sequential"


def test_train_prints_final_metrics_and_leaves_nothing(tmp_path: Path) -> None:
    recipe = ["data.name=digits", "model.widths=16", "budget.epochs=2"]
    settings = [word for setting in recipe for word in ("--set", setting)]
    form = suite_json(tmp_path, "train", *settings)
    assert form["recipe"]["model.widths"] == [16]
    assert 0 <= form["final"]["test/accuracy"] <= 1
    assert form["weights_digest"] == suite_json(tmp_path, "train", *settings)["weights_digest"]
    assert list(tmp_path.iterdir()) == []


def test_a_new_study_runs_and_gets_its_verdict_and_page(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    assert suite(tmp_path, "new", "my_question").stdout == "studies/my_question.py\n"
    run = suite_json(tmp_path, "run", "my_question", "--tier", "smoke")
    (finding,) = run["studies"][0]["findings"]
    assert finding["n"] == 2
    assert suite_json(tmp_path, "verdicts") == {"studies": run["studies"]}
    done = suite(tmp_path, "report", "--out", "site")
    assert done.stdout == "site/index.html\n"
    page = (tmp_path / "site" / "my_question.html").read_text()
    assert "Twenty epochs end in higher test accuracy than two." in page


def test_a_broken_study_does_not_keep_others_from_running(tmp_path: Path) -> None:
    make_study(tmp_path)
    make_study(tmp_path, "study =", "broken")
    done = suite(tmp_path, "run", "tiny", "--tier", "smoke", "--strategy", "sequential")
    assert done.returncode == 0, done.stderr


def test_a_broken_study_is_named_beside_the_list_of_the_others(tmp_path: Path) -> None:
    make_study(tmp_path)
    make_study(tmp_path, "study =", "broken")
    done = suite(tmp_path, "list", "--json")
    assert done.returncode == 0
    assert [study["name"] for study in json.loads(done.stdout)["studies"]] == ["tiny"]
    assert done.stderr == "suite: studies/broken.py, line 1: invalid syntax\n"


def test_a_set_level_replaces_an_axis_and_claims_say_what_is_missing(tmp_path: Path) -> None:
    make_study(tmp_path)
    arguments = ["--tier", "smoke", "--set", "batch_size=20", "--strategy", "sequential"]
    form = suite_json(tmp_path, "run", "tiny", *arguments)
    (finding,) = form["studies"][0]["findings"]
    assert finding["verdict"] == "undecided"
    assert "no trials of one of the arms" in finding["reason"]


def test_results_go_to_standard_output_and_progress_to_standard_error(tmp_path: Path) -> None:
    make_study(tmp_path)
    done = suite(tmp_path, "run", "tiny", "--tier", "smoke", "--json")
    json.loads(done.stdout)
    assert "16 of 16 trials done" in done.stderr


def test_a_page_is_drawn_again_only_if_what_it_shows_has_changed(tmp_path: Path) -> None:
    make_study(tmp_path)
    page = tmp_path / "reports/html/tiny.html"

    def drawn() -> int:
        assert suite(tmp_path, "report").returncode == 0
        return page.stat().st_mtime_ns

    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    first = drawn()
    assert drawn() == first
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke", "--seeds", "3")
    assert drawn() > first


def test_verdicts_say_in_what_a_run_was_another_than_the_file_asks_for(tmp_path: Path) -> None:
    make_study(tmp_path)
    changed = ("--tier", "smoke", "--set", "model.widths=4", "--seeds", "3")
    suite_json(tmp_path, "run", "tiny", *changed)
    assert "(tiny, smoke tier, model.widths=4, seeds=3)" in suite(tmp_path, "verdicts").stdout


READS = """
import numpy as np
from suite import Budget, Model, Recipe, Study, axis, source

@source
def written():
    numbers = np.loadtxt("numbers.txt")
    return numbers[:, :2], numbers[:, 2].astype(int)

study = Study(
    title="Written",
    recipe=Recipe(data=written(), model=Model("softmax"), budget=Budget(epochs=1)),
    grid=(axis("optimizer.lr", (0.1,)),),
    seeds=1,
)
"""


def test_results_are_not_served_where_a_source_reads_something_else_now(tmp_path: Path) -> None:
    make_study(tmp_path, READS, "written")
    file = tmp_path / "numbers.txt"
    lines = [f"{i} {i * i % 7} {i % 2}" for i in range(30)]
    file.write_text("\n".join(lines))
    assert suite_json(tmp_path, "run", "written")["ran"] == 1
    assert suite_json(tmp_path, "run", "written")["ran"] == 0
    file.write_text("\n".join([*lines[:-1], "29 99 1"]))
    for asked in ((), ("--seeds", "2")):  # nor beside those that are new
        done = suite(tmp_path, "run", "written", *asked)
        assert done.returncode == 2
        assert done.stderr.startswith("suite: data 'written' gives other examples than when trial ")
        assert done.stderr.count("\n") == 1
    versioned = READS.replace("@source", '@source(version="2")')
    make_study(tmp_path, versioned, "written")
    assert suite_json(tmp_path, "run", "written")["ran"] == 1
    file.unlink()  # nobody can say what has become of it
    make_study(tmp_path, READS, "written")
    assert suite_json(tmp_path, "run", "written")["ran"] == 0

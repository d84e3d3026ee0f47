"""Results that come along: looked at without training, compared with, and taken in place of one's own."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from suite.tracking import result_sets
from suite.tracking.journal import Journal
from tests.command_line import SMOKE_TRIALS, TINY_STUDY, make_study, suite

TIMED = 2 * 2
JOURNAL = Path(".thumbrules/journal.jsonl")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the study ran, and its archive as it is published."""
    folder = tmp_path_factory.mktemp("elsewhere")
    make_study(folder)
    assert suite(folder, "run", "tiny", "--tier", "smoke").returncode == 0
    assert suite(folder, "export", "laptop.tar.zst", "--slim").returncode == 0
    assert not (folder / "reports").exists()
    return folder


@pytest.fixture
def here(tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_study(tmp_path)
    monkeypatch.setattr(result_sets, "published", lambda: elsewhere / "laptop.tar.zst")
    return tmp_path


def test_beside_other_studies_published_ones_are_not_looked_for(here: Path) -> None:
    (here / "studies" / "tiny.py").rename(here / "studies" / "another.py")
    done = suite(here, "published")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "has none of the published studies" in done.stderr
    assert not (here / "reports").exists()


def test_published_results_have_a_site_before_any_run(here: Path) -> None:
    done = suite(here, "published")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "reports/html/published/index.html\n"
    assert (here / "reports/html/published/tiny.zh.html").exists()
    assert not (here / ".thumbrules").exists()


def test_a_run_says_in_a_few_lines_how_far_it_agrees(here: Path) -> None:
    assert suite(here, "run", "tiny", "--tier", "smoke").returncode == 0
    done = suite(here, "compare", "published", ".", "--brief")
    assert done.returncode == 0, done.stderr
    equal, verdicts = done.stdout.splitlines()
    assert equal.startswith(". against published: All 16 trials that both have are equal bit")
    assert verdicts == "the same verdicts: 1 of 1"


def test_verdicts_of_another_tier_are_not_counted_as_others(here: Path) -> None:
    assert suite(here, "run", "tiny").returncode == 0
    *_, verdicts, tiers = suite(here, "compare", "published", ".", "--brief").stdout.splitlines()
    assert verdicts == "the same verdicts: 0 of 0"
    assert tiers == "run at another tier, verdicts not compared: tiny"


def test_only_what_others_have_not_trained_is_trained(here: Path) -> None:
    wider = TINY_STUDY.replace(
        'axis("batch_size", (10, 20)), axis("opt', 'axis("batch_size", (10, 20, 40)), axis("opt'
    )
    make_study(here, wider)
    done = suite(here, "run", "tiny", "--tier", "smoke", "--against", "published", "--json")
    assert done.returncode == 0, done.stderr
    same = SMOKE_TRIALS - TIMED
    assert f"{same} trials taken from published" in done.stderr
    own = 3 * 2
    assert json.loads(done.stdout)["ran"] == own + TIMED  # never what a clock measured
    with contextlib.chdir(here):
        records = Journal().records.values()
    assert {one.provenance.taken_from for one in records if one.part == "timing"} == {""}
    assert sum(one.provenance.taken_from == "published" for one in records) == same
    suite(here, "report")
    page = (here / "reports/html/tiny.html").read_text()
    assert f"published: {same} trials on " in page
    assert "seeds 0, 1" in page


def test_no_password_is_written_down(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from suite.runs import borrowed

    address = "https://user:secret@example.org/results"
    archived = result_sets.result_set("published")
    monkeypatch.setattr(borrowed, "result_set", lambda _: archived)
    done = suite(here, "run", "tiny", "--tier", "smoke", "--against", address)
    assert "taken from https://example.org/results" in done.stderr
    assert "secret" not in (here / JOURNAL).read_text() + done.stderr


def test_what_was_taken_is_not_compared(here: Path) -> None:
    suite(here, "run", "tiny", "--tier", "smoke", "--against", "published")
    done = suite(here, "compare", "published", ".", "--brief")
    assert f"{SMOKE_TRIALS - TIMED} were taken from elsewhere and are not compared" in done.stdout
    assert f"All {TIMED} trials that both have" in done.stdout


def test_trials_of_other_examples_are_not_taken(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suite.runs import borrowed

    monkeypatch.setattr(borrowed, "data_digest", str)  # as of data that are another file here
    done = suite(here, "run", "tiny", "--tier", "smoke", "--against", "published", "--json")
    assert json.loads(done.stdout)["ran"] == SMOKE_TRIALS


def test_what_is_no_result_set_is_refused_before_anything_trains(here: Path) -> None:
    done = suite(here, "run", "tiny", "--against", "publishd")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not (here / JOURNAL).exists()

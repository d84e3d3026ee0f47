"""A newcomer reads the first study's page while the others train."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from reports.pages import meanwhile
from suite.runs.pages import Pages
from suite.tracking.journal import Journal
from tests.command_line import TINY_STUDY, make_study, suite


def test_each_study_has_its_page_when_it_is_whole_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untimed = re.sub("    parts=.*\n", "", TINY_STUDY)
    make_study(tmp_path, untimed)
    make_study(
        tmp_path, untimed.replace("=200", "=201").replace('seeds": 2', 'seeds": 3'), "a_longer_one"
    )
    site = tmp_path / "reports" / "html"
    pages: list[list[str]] = []

    def ready(_: Pages) -> None:
        with contextlib.chdir(tmp_path):
            meanwhile.main()
        pages.append(sorted(path.name for path in site.glob("*.html") if path.stem[0] in "at"))

    monkeypatch.setattr(Pages, "ready", ready)
    done = suite(tmp_path, "run", "--all", "--tier", "smoke", "--pages")
    assert done.returncode == 0, done.stderr
    assert pages == [["tiny.html", "tiny.zh.html"]]  # the last one's are the report's to write


def test_a_study_that_is_another_now_costs_no_other_its_page(tmp_path: Path) -> None:
    make_study(tmp_path)
    make_study(tmp_path, TINY_STUDY.replace("=200", "=201"), "changed")
    assert suite(tmp_path, "run", "--all", "--tier", "smoke").returncode == 0
    make_study(tmp_path, "study =", "changed")
    with contextlib.chdir(tmp_path):
        meanwhile.main()
    assert (tmp_path / "reports/html/tiny.html").exists()


def test_a_shorter_study_is_whole_before_a_longer_one_begins(tmp_path: Path) -> None:
    make_study(tmp_path)
    longer = TINY_STUDY.replace("=200", "=201").replace('seeds": 2', 'seeds": 3')
    make_study(tmp_path, longer, "a_longer_one")
    suite(tmp_path, "run", "--all", "--tier", "smoke", "--strategy", "sequential")
    records = Journal(tmp_path / ".thumbrules/journal.jsonl").records.values()
    order = [one.study for one in records if one.part == "main"]
    assert order == sorted(order, reverse=True)


def test_a_run_of_several_studies_ends_in_a_line_for_each_and_what_fell(tmp_path: Path) -> None:
    make_study(tmp_path)
    opposite = TINY_STUDY.replace('direction="higher"', 'direction="lower"')
    wrong = opposite.replace('of="test/accuracy"', 'of="cost/steps"').replace("0.01,", "1.0,", 1)
    make_study(tmp_path, wrong.replace("matters=0.01", "matters=1"), "wrong")
    done = suite(tmp_path, "run", "--all", "--tier", "smoke", "--seeds", "4")
    lines = done.stdout.splitlines()
    assert lines[1].startswith("tiny   ")
    assert lines[2] == "wrong  1 refuted"
    assert lines[4] == "Refuted:"
    assert lines[5].startswith("  Ten beats twenty. (wrong: ")
    assert "suite verdicts" in lines[-1]

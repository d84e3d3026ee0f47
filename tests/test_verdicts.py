"""What came out, as the documents have it: one notebook after another, and a row for each rule."""

from __future__ import annotations

import dataclasses

import pytest

from suite.evidence.results import Results
from suite.language.catalogue import writing
from tests import verdicts
from tests.reports.test_tricks import results


def named(name: str, notebook: str, *sources: str) -> Results:
    made = results(notebook, *sources)
    study = dataclasses.replace(made.study, title=name, name=name)
    ran = dataclasses.replace(made.records[0].provenance, packages={"torch": "2"})
    records = tuple(dataclasses.replace(record, provenance=ran) for record in made.records)
    return dataclasses.replace(made, study=study, records=records)


NOTES = named("dropout", "notes", "n")
RULES = [named("one", "folklore", "a|b", "c", "a|b"), named("two", "folklore", "c", "d")]


def test_the_page_has_the_practitioners_first_and_closes_them_with_seeds_against_tricks() -> None:
    lines = list(verdicts.page([NOTES, *RULES]))
    heads = [line.strip() for line in lines if line.strip().startswith("#")]
    assert heads == [
        "# The verdicts that came out",
        "## What practitioners tell each other",
        "### one",
        "### two",
        "### Seeds differ by more than most tricks gain (Bouthillier et al. 2021)",
        "## A student’s notes",
        "### dropout",
    ]
    assert any("3 of 3 rules move test accuracy by less" in line for line in lines)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_rule_has_one_row_its_first_claim_being_the_headline(language: str) -> None:
    with writing(language):
        rows = [line for line in verdicts.rules([NOTES, *RULES]) if line.startswith("| ")]
    head, *rules, closing = [row.replace("\\|", "/").split(" | ") for row in rows]
    assert [row[0].lstrip("| ").partition(" (")[0] for row in rules] == ["a/b", "c", "d"]
    assert [row[2].partition("<br>")[0] for row in rules] == ["0", "1", "1"]
    assert [row[4][0] == "1" for row in rules] == [True, True, False]  # one other claim, or none
    assert {len(row) for row in [head, *rules, closing]} == {5}
    assert "Bouthillier" in closing[0]


def test_both_readmes_have_places_for_both_tables() -> None:
    for language, file in verdicts.READMES.items():
        with writing(language):
            text = verdicts.with_tables(file.read_text("utf-8"), [NOTES, *RULES])
            for table in (verdicts.rules, verdicts.grids):
                assert "\n".join(table([NOTES, *RULES])) in text
            assert verdicts.with_tables(text, [NOTES, *RULES]) == text

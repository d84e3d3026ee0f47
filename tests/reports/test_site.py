"""The written site: whole, closed to markup that is not its own, and in every language."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from reports import site
from reports.figures import mark
from reports.pages import benchmarks
from reports.site import render
from reports.writer import WriteError, write_pages
from suite import Difference, Study, curves, lines
from suite.evidence import findings
from suite.evidence.results import Results
from suite.vocabulary import discovery
from suite.vocabulary.record import Links, Outcome, Status
from tests.pages import latin_words
from tests.reports.test_shown import DECAY, EXECUTION, LABELS, RATE, RECORDS, STUDY

HOSTILE = "<script>alert(1)</script> \"><img src=x onerror='alert(2)'> {{ 7 * 7 }} %(x)s {n}"
PAGES = ("example.html", "example.zh.html", "index.html", "index.en.html", "index.zh.html")


def a_claim(**changes: object) -> Difference:
    fields = {
        "of": "weights/norm", "arm": {DECAY: 0.1, LABELS: 0.0}, "against": {DECAY: 0.0, LABELS: 0.0},
        "direction": "higher", "matters": 0.05, "says": "So.", "source": "",
    }  # fmt: skip
    return Difference(**fields | changes)


def results(**changes: object) -> Results:
    views = (lines("weights/norm", over=DECAY), curves("weights/norm", colour=DECAY))
    study = dataclasses.replace(STUDY, **{"claims": (a_claim(),), "views": views} | changes)
    return Results(study, EXECUTION, study.grids(), RECORDS, 0)


class Markup(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.language = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""


def test_texts_of_a_study_and_of_errors_never_become_markup(tmp_path: Path) -> None:
    claim = a_claim(says=HOSTILE, because=HOSTILE, source=HOSTILE)
    view = lines("weights/norm", over=DECAY, caption=HOSTILE)
    lost = Outcome(status=Status.FAILED, error=HOSTILE)
    one = results(
        title=HOSTILE, question=HOSTILE, notes=HOSTILE, docstring=HOSTILE, claims=(claim,), views=(view,)
    )  # fmt: skip
    records = (*RECORDS[:-1], dataclasses.replace(RECORDS[-1], outcome=lost))
    execution = dataclasses.replace(EXECUTION, command=HOSTILE)
    render([dataclasses.replace(one, records=records, execution=execution)], tmp_path)
    for name in PAGES:
        page = Markup(tmp_path / name)
        assert page.tags.count("script") == 1
        assert "img" not in page.tags
        assert not {attribute for attribute in page.attributes if attribute.startswith("on")}
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "{{ 7 * 7 }}" in text


def test_a_page_allows_its_own_script_and_no_other(tmp_path: Path) -> None:
    render([results()], tmp_path)
    for name in PAGES:
        text = (tmp_path / name).read_text(encoding="utf-8")
        (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hashed}';" in text
        )
        assert text.index("Content-Security-Policy") < text.index("<script>")


@pytest.mark.parametrize("first", ["en", "zh"])
def test_every_page_is_there_in_every_language_and_the_index_in_the_one_asked_for(
    tmp_path: Path, first: str
) -> None:
    assert render([results()], tmp_path, first=first) == tmp_path / "index.html"
    languages = {name: Markup(tmp_path / name).language for name in PAGES}
    zh = "zh-Hans"
    assert languages == {
        "example.html": "en", "example.zh.html": zh, "index.en.html": "en", "index.zh.html": zh,
        "index.html": {"en": "en", "zh": zh}[first],
    }  # fmt: skip


SAVED = {
    "machine_info": {
        "cpu": {"brand_raw": "Abacus", "count": 2}, "python_implementation": "CPython",
        "python_version": "3.11",
    },
    "commit_info": {"id": "c0ffee", "dirty": True},
    "datetime": "2025-01-02T03:04:05",
    "benchmarks": [
        {"extra_info": {"table": {"title": "Steps", "columns": ["engine"], "rows": [["packed"]]}}}
    ],
}  # fmt: skip


def test_benchmarks_are_linked_with_the_front_page_in_their_language(tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(SAVED))
    assert benchmarks.render(saved, tmp_path) == tmp_path / "benchmarks.html"
    render([results()], tmp_path)
    links = {
        name: set(re.findall(r'href="((?:index|benchmarks)[^"]*)"', (tmp_path / name).read_text()))
        for name in ("index.en.html", "index.zh.html", "benchmarks.html", "benchmarks.zh.html")
    }
    assert links == {
        "index.en.html": {"benchmarks.html", "index.zh.html"},
        "index.zh.html": {"benchmarks.zh.html", "index.en.html"},
        "benchmarks.html": {"benchmarks.zh.html", "index.en.html"},
        "benchmarks.zh.html": {"benchmarks.html", "index.zh.html"},
    }
    data = {"Steps", "engine", "packed", "Abacus", "CPython", "ffee"}
    chinese = (tmp_path / "benchmarks.zh.html").read_text()
    assert latin_words(chinese) <= data | {"Thumbrules", "English"}


def test_a_page_that_cannot_be_written_in_one_language_is_written_in_none(tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(SAVED))
    paths = {"en": tmp_path / "page.html", "zh": tmp_path / "nowhere" / "page.html"}
    with pytest.raises(WriteError):
        write_pages("benchmarks.html", lambda: benchmarks.read(saved), paths)
    assert list(tmp_path.iterdir()) == [saved]


def test_a_page_that_shows_the_same_already_is_left_alone(tmp_path: Path) -> None:
    render([results()], tmp_path)
    before = (tmp_path / "example.zh.html").stat().st_mtime_ns
    render([results()], tmp_path)
    assert (tmp_path / "example.zh.html").stat().st_mtime_ns == before
    (tmp_path / "example.zh.html").unlink()
    render([results()], tmp_path)
    assert (tmp_path / "example.zh.html").exists()


def test_a_page_is_made_again_if_its_links_alone_are_others(tmp_path: Path) -> None:
    render([results()], tmp_path)
    for address in ("http://one/#/experiments/1", "http://two/#/experiments/1"):
        links = {"example": Links(address, f"{address}/compared")}
        render([results()], tmp_path, tracking_links=lambda: links)
        for name in ("example.html", "example.zh.html"):
            assert f'href="{address}"' in (tmp_path / name).read_text(encoding="utf-8")


def test_a_page_keeps_its_links_while_nobody_can_say_what_they_are(tmp_path: Path) -> None:
    links = {"example": Links("http://one/#/experiments/1", "")}
    render([results()], tmp_path, tracking_links=lambda: links)
    before = (tmp_path / "example.html").read_text(encoding="utf-8")
    render([results()], tmp_path, tracking_links=lambda: None)
    assert (tmp_path / "example.html").read_text(encoding="utf-8") == before
    (tmp_path / "example.html").unlink()
    render([results()], tmp_path, tracking_links=lambda: None)
    assert "http://one" not in (tmp_path / "example.html").read_text(encoding="utf-8")
    render([results()], tmp_path, tracking_links=lambda: links)
    assert (tmp_path / "example.html").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("name", ["example.csv", "example.cells.csv", "example.curves.csv"])
def test_a_table_that_is_gone_is_written_again(tmp_path: Path, name: str) -> None:
    render([results()], tmp_path)
    before = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    render([results()], tmp_path)
    assert (tmp_path / name).read_bytes() == before


def test_the_tables_hold_every_trial_and_every_cell(tmp_path: Path) -> None:
    one = results()
    render([one], tmp_path)
    trials = pd.read_csv(tmp_path / "example.csv")
    assert list(trials["id"]) == [record.id for record in RECORDS]
    assert {"seed", "status", DECAY, LABELS, RATE, "weights/norm"} <= set(trials.columns)
    cells = pd.read_csv(tmp_path / "example.cells.csv")
    assert len(cells) == len(one.grids[0].cells)
    first = trials[(trials[DECAY] == 0.1) & (trials[LABELS] == 0.0) & (trials[RATE] == 1.0)]
    cell = cells[(cells[DECAY] == 0.1) & (cells[LABELS] == 0.0) & (cells[RATE] == 1.0)]
    assert cell["weights/norm mean"].item() == pytest.approx(first["weights/norm"].mean())
    assert cell["weights/norm n"].item() == cell["finished"].item() == 2


def test_the_curves_are_a_file_beside_the_page_which_links_to_it_if_there_are_any(
    tmp_path: Path,
) -> None:
    render([results()], tmp_path)
    points = pd.read_csv(tmp_path / "example.curves.csv")
    lengths = [len(curve) for one in RECORDS for curve in one.outcome.curves.values()]
    assert len(points) == sum(lengths) > 0
    assert list(points)[-3:] == ["metric", "epoch", "value"]
    link = 'href="example.curves.csv" download'
    assert all(link in (tmp_path / page).read_text(encoding="utf-8") for page in PAGES[:2])
    bare = [
        dataclasses.replace(one, outcome=dataclasses.replace(one.outcome, curves={}))
        for one in RECORDS
    ]
    none = results()
    render([dataclasses.replace(none, records=tuple(bare))], tmp_path / "none")
    assert link not in (tmp_path / "none" / "example.html").read_text(encoding="utf-8")
    assert len(pd.read_csv(tmp_path / "none" / "example.curves.csv")) == 0


def mark_of(**changes: object) -> mark.Mark:
    study: Study = dataclasses.replace(STUDY, claims=(a_claim(**changes),))
    (finding,) = findings(study, study.grids(), RECORDS)
    found = mark.mark(finding)
    assert found is not None
    return found


def test_the_side_of_the_claim_is_right_and_the_band_ends_at_what_matters() -> None:
    low, high = mark.band()
    assert mark.WIDTH - high == pytest.approx(low)
    as_claimed, other_way = mark_of(), mark_of(direction="lower")  # the effect is 0.1
    assert as_claimed.at > high
    assert other_way.at == pytest.approx(mark.WIDTH - as_claimed.at)
    assert mark_of(matters=0.1).at == pytest.approx(high)
    assert low < mark_of(matters=0.2).at < high
    far = mark_of(matters=0.001)
    assert (far.at, far.beyond) == (mark.WIDTH - mark.EDGE, (1,))
    assert far.low <= far.at <= far.high


def test_what_python_compiled_is_no_code_that_draws() -> None:
    compiled = Path(site.__file__).parent / "__pycache__" / "left_over.pyc"
    before = site._code.__wrapped__()
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(b"of another Python")
    try:
        assert site._code.__wrapped__() == before
    finally:
        compiled.unlink()


def test_results_are_sent_to_another_process_with_what_their_study_file_defines() -> None:
    study = discovery.load("layers")  # whose parts call probes
    sent = Results(study, EXECUTION, study.grids(), (), 3)
    sent.findings  # noqa: B018 - worked out, and sent along
    there = pickle.loads(site._packed(sent))  # noqa: S301 - just packed
    assert there.study is study
    assert there.grids == sent.grids
    assert "findings" in vars(there)
    assert there.missing == 3

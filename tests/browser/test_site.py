"""What the pages do for a reader: with a mouse, a keyboard, a phone, a printer, or no script."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from suite.vocabulary import discovery

Open = Callable[..., Page]
PHONE = {"width": 390, "height": 800}
FRONT, STUDY = "index.html", "dropout.html"
PAGES = (FRONT, STUDY, "augmentation.html", "layers.html", "index.zh.html", "dropout.zh.html")
STUDIES = ("augmentation", "dropout", "layers", "linear_regression", "residual")
CLAIMS = sum(len(discovery.load(name).claims) for name in STUDIES)
# Words in figures of which more than two pixels lie outside.
CUT = """() => [...document.querySelectorAll("svg[role=img] text")].filter((text) => {
  const frame = text.ownerSVGElement.getBoundingClientRect(), box = text.getBoundingClientRect();
  return Math.max(frame.left - box.left, box.right - frame.right,
                  frame.top - box.top, box.bottom - frame.bottom) > 2;
}).map((text) => text.textContent)"""


def shown(page: Page) -> list[str]:
    return page.locator("table.claims tbody tr:visible").all_inner_texts()


def test_the_front_page_shows_every_claim_in_the_order_of_the_notes(open_page: Open) -> None:
    page = open_page(FRONT)
    assert len(shown(page)) == CLAIMS
    titles = page.locator("section.chapter h3").all_inner_texts()
    assert [title[:2] for title in titles] == sorted(title[:2] for title in titles)
    numbers = [int(text.split(" · ")[0]) for text in page.locator("td .source").all_inner_texts()]
    assert numbers == sorted(numbers)
    assert page.locator("svg.mark").count() > CLAIMS / 2


def test_filters_narrow_each_other_are_announced_and_live_in_the_address(open_page: Open) -> None:
    page = open_page(FRONT)
    page.get_by_label("Chapter").select_option("F")
    in_chapter = shown(page)
    assert 0 < len(in_chapter) < CLAIMS
    page.get_by_label("supported").check()
    both = shown(page)
    assert set(both) < set(in_chapter)
    assert all("supported" in row for row in both)
    expect(page.locator("form.filters output")).to_have_text(
        f"{len(both)} of {CLAIMS} claims shown"
    )
    assert page.locator("form.filters output").get_attribute("aria-live") == "polite"
    page.reload()
    assert shown(page) == both
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("table.claims tbody tr:visible")).to_have_count(CLAIMS)


def test_search_finds_words_in_claims_and_in_the_notes_own_language(open_page: Open) -> None:
    page = open_page(FRONT)
    search = page.get_by_role("searchbox")
    search.fill("DROPOUT gap")
    assert shown(page)
    assert all("dropout" in row.lower() and "gap" in row.lower() for row in shown(page))
    search.fill("丢弃法")
    assert shown(page)
    search.fill("no such words")
    assert not shown(page)
    expect(page.get_by_text("No claim matches.")).to_be_visible()


def test_on_a_phone_pictures_lie_side_by_side_and_chapters_are_folded(open_page: Open) -> None:
    page = open_page(FRONT, viewport={"width": 390, "height": 844})
    rows = page.locator("table.claims tbody tr:visible")
    expect(rows).to_have_count(0)
    assert page.locator(".tiles").first.bounding_box()["height"] < 844
    page.locator("section.chapter summary").first.click()
    expect(rows.first).to_be_visible()
    page.get_by_role("searchbox").fill("dropout gap")
    expect(rows.first).to_be_visible()
    assert all("dropout" in row.lower() for row in shown(page))


def test_a_study_begins_with_its_answer(open_page: Open) -> None:
    """On the first screen of a laptop: every verdict, a line each, and the figure that carries it."""
    page = open_page(STUDY, viewport={"width": 1440, "height": 900})
    claims = len(discovery.load("dropout").claims)
    assert page.locator(".verdicts li").count() == claims
    for one in (page.locator(".verdicts li").last, page.locator(".answer figure svg:visible")):
        box = one.bounding_box()
        assert box["y"] + box["height"] <= 900
    for line in page.locator(".verdicts li").all():
        assert line.bounding_box()["height"] < 40
    assert page.evaluate("document.documentElement.scrollHeight") <= 5000


def test_a_claim_opens_by_its_link_and_all_by_a_button(open_page: Open) -> None:
    page = open_page(STUDY)
    expect(page.locator("#claim-2 .facts")).to_be_hidden()
    page.locator(".verdicts a").nth(1).click()
    expect(page.locator("#claim-2 .facts").first).to_be_visible()
    expect(page.locator("#claim-1 .facts").first).to_be_hidden()
    page.get_by_role("button", name="Open all").click()
    for fold in page.locator("details.more, details.fold").all():
        assert fold.get_attribute("open") is not None
    page.goto(f"{page.url.partition('#')[0]}#claim-3")
    page.reload()
    expect(page.locator("#claim-3 .facts").first).to_be_visible()


def test_a_figure_answers_the_keyboard_and_a_pointer(open_page: Open) -> None:
    page = open_page(STUDY)
    figure = page.locator(".answer figure svg:visible")
    tip = page.locator(".answer .drawing.narrow .tip")
    expect(tip).to_be_hidden()
    figure.focus()
    page.keyboard.press("ArrowRight")
    first = tip.inner_text()
    assert "dropout" in first and "n = " in first
    page.keyboard.press("ArrowRight")
    assert tip.inner_text() != first
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.locator("#claim-1 svg:visible [data-point]").first.hover(force=True)
    expect(page.locator("#claim-1 .tip").first).to_contain_text("seed ")
    page.locator(".answer figure svg:visible [data-legend]").first.hover()
    dimmed = page.locator(".answer figure svg:visible [data-series].dim")
    assert {one.get_attribute("data-series") for one in dimmed.all()} == {"1"}


def predict_first(page: Page) -> None:
    page.get_by_role("button", name="Predict first").click()


def test_a_prediction_made_with_the_keyboard_reveals_the_evidence(open_page: Open) -> None:
    page = open_page(STUDY)
    card = page.locator("#claim-1")
    expect(card.locator("div.outcome").first).to_be_visible()
    predict_first(page)
    expect(card.locator("div.outcome").first).to_be_hidden()
    expect(card.locator(".badge").first).to_be_hidden()
    page.get_by_role("button", name="Predict first").focus()
    for _ in range(10):  # past the claim's own link to its first button
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#claim-1 .predict button')"):
            break
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(card.locator(".effect")).to_be_visible()
    expect(card.locator(".badge").first).to_be_visible()
    expect(card.locator(".predicted")).to_be_focused()
    expect(card.locator(".predicted")).to_contain_text("You expected “The other way”")
    expect(page.locator(".score")).to_contain_text("of 1 predictions right")
    expect(page.locator("#claim-2 .effect")).to_be_hidden()


def test_what_came_out_waits_for_the_last_prediction(open_page: Open) -> None:
    page = open_page(STUDY)
    predict_first(page)
    for hidden in (".tallies", ".answer figure", ".verdicts .size >> nth=0"):
        expect(page.locator(hidden)).to_be_hidden()
    for choices in page.locator(".predict").all():
        choices.locator("button").first.click()
    expect(page.locator(".tallies")).to_be_visible()
    expect(page.locator(".answer figure")).to_be_visible()


def test_a_claim_that_cannot_go_the_other_way_does_not_offer_it(open_page: Open) -> None:
    page = open_page("layers.html")
    predict_first(page)
    choices = page.locator("#claim-1 .predict button").all_inner_texts()
    assert choices == ["As claimed", "Not so", "Cannot tell"]


def test_to_predict_first_is_a_mode_of_all_pages(open_page: Open, site: Path) -> None:
    page = open_page(FRONT)
    expect(page.locator("td .badge").first).to_be_visible()
    page.get_by_role("button", name="Predict first").press("Enter")
    expect(page.locator("td .badge").first).to_be_hidden()
    expect(page.locator(".striking")).to_be_hidden()
    page.goto(f"{site.as_uri()}/layers.html")
    expect(page.locator("#claim-1 .effect")).to_be_hidden()
    button = page.get_by_role("button", name="Predict first")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    expect(page.locator("#claim-1 .effect")).to_be_visible()


def test_a_page_that_is_denied_storage_still_works(open_page: Open, site: Path) -> None:
    page = open_page(FRONT)
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } })"
    )
    page.goto(f"{site.as_uri()}/{STUDY}")
    expect(page.locator("#claim-1 .effect")).to_be_visible()
    predict_first(page)
    expect(page.locator("#claim-1 .effect")).to_be_hidden()


def test_a_link_to_a_claim_reveals_it_alone(open_page: Open) -> None:
    page = open_page(STUDY)
    predict_first(page)
    page.evaluate("location.hash = '#claim-2'")
    expect(page.locator("#claim-2 .effect")).to_be_visible()
    expect(page.locator("#claim-1 .effect")).to_be_hidden()
    page.evaluate("location.hash = '#claim-3'")
    expect(page.locator("#claim-3 .effect")).to_be_visible()
    expect(page.locator("#claim-2 .effect")).to_be_visible()


@pytest.mark.parametrize("medium", ["no script", "print"])
def test_without_a_script_and_on_paper_everything_is_shown(open_page: Open, medium: str) -> None:
    page = open_page(STUDY, java_script_enabled=medium == "print")
    if medium == "print":
        predict_first(page)
        page.emulate_media(media="print")
        expect(page.locator("#claim-1 .facts").first).to_be_visible()
    for outcome in page.locator("div.outcome, .card .badge >> nth=0").all():
        expect(outcome).to_be_visible()
    expect(page.locator(".predict").first).to_be_hidden()
    expect(page.locator(".scripted").first).to_be_hidden()


def test_the_front_page_begins_with_pictures_and_what_fell(open_page: Open) -> None:
    page = open_page(FRONT)
    order = page.locator(".tiles, .striking, table.claims >> nth=0")
    tops = [one.bounding_box()["y"] for one in order.all()]
    assert tops == sorted(tops)
    for tile in page.locator(".tiles li").all():
        expect(tile.locator("svg")).to_be_visible()
        assert tile.locator("a").get_attribute("href").endswith(".html")


def test_without_a_script_the_front_page_shows_every_claim_and_no_dead_control(
    open_page: Open,
) -> None:
    page = open_page(FRONT, java_script_enabled=False)
    assert len(shown(page)) == CLAIMS
    expect(page.locator("form.filters")).to_be_hidden()


def test_a_column_sorts_as_numbers_both_ways(open_page: Open) -> None:
    page = open_page(STUDY)
    page.get_by_role("button", name="Open all").click()
    page.locator("details:has(> .scroll table.sortable) > summary").first.click()
    table = page.locator("table.sortable").first
    header = table.locator("thead th").first
    for direction in ("ascending", "descending"):
        header.get_by_role("button").click()
        assert header.get_attribute("aria-sort") == direction
        levels = [float(text) for text in table.locator("tbody th:first-child").all_inner_texts()]
        assert levels == sorted(levels, reverse=direction == "descending")
        assert len(set(levels)) > 1


def test_every_trial_can_be_downloaded(open_page: Open, tmp_path: Path) -> None:
    page = open_page(STUDY)
    page.get_by_role("button", name="Open all").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Every trial as CSV").click()
    download.value.save_as(tmp_path / "trials.csv")
    trials = pd.read_csv(tmp_path / "trials.csv")
    study = discovery.load("dropout")
    assert len(trials) == len({trial.id for trial in study.trials(study.grids("smoke"))})
    assert {"id", "seed", "status", "model.dropout", "test/accuracy"} <= set(trials.columns)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_does_not_jump(open_page: Open, site: Path, name: str) -> None:
    page = open_page(name, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shifts") < 0.01
    assert (site / name).stat().st_size < 2_000_000


@pytest.mark.parametrize("width", [1100, 390])
@pytest.mark.parametrize("language", ["", ".zh"])
def test_no_figure_cuts_its_words(open_page: Open, width: int, language: str) -> None:
    for study in STUDIES:
        page = open_page(f"{study}{language}.html", viewport={"width": width, "height": 800})
        page.get_by_role("button", name="Open all" if not language else "全部展开").click()
        assert page.evaluate(CUT) == []


@pytest.mark.parametrize("name", [FRONT, STUDY])
def test_the_other_language_is_one_link_away(open_page: Open, name: str) -> None:
    page = open_page(name)
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("link", name="中文").click()
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    page.get_by_role("link", name="English").click()
    assert page.evaluate("document.documentElement.lang") == "en"


def test_dark_pages_are_dark(open_page: Open) -> None:
    page = open_page(STUDY, color_scheme="dark")
    channels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)")
    assert max(map(int, channels[:3])) < 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_fault(open_page: Open, name: str, scheme: str) -> None:
    """With every claim revealed, so that what is hidden at first is looked at too."""
    page = open_page(name, color_scheme=scheme)
    for button in page.locator(".openall").all():
        button.click()
    page.evaluate(Path(os.environ["AXE"]).read_text(encoding="utf-8"))
    faults = page.evaluate("axe.run().then((result) => result.violations)")
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in faults] == []

"""MLflow's own UI on the store of a real run, opened by the links that the pages and `suite ui` give."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from reports.cli import LOCAL_UI
from suite.vocabulary import discovery
from tests.command_line import command
from tests.servers import free_port

STUDY = "dropout"


@pytest.fixture(scope="module")
def ui(site: Path) -> Iterator[str]:
    """Run `suite ui` on the site's store; yield its address."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        command("ui", "--port", str(port)),
        cwd=site.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(4)]
    assert any(line.startswith(f"{STUDY}: {address}/#/experiments/") for line in said), said
    deadline = time.monotonic() + 120
    while True:
        with suppress(OSError):
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
            break
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.3)
    yield address
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()


def link(site: Path, page: Page, words: str) -> str:
    page.goto(f"{site.as_uri()}/{STUDY}.html")
    found = page.get_by_role("link", name=words, include_hidden=True).first.get_attribute("href")
    assert found is not None and found.startswith(LOCAL_UI)
    return found.removeprefix(LOCAL_UI)


def test_its_link_opens_the_headline_by_arm_before_all_else(
    site: Path, ui: str, page: Page
) -> None:
    page.goto(ui + link(site, page, "Trials in MLflow"))
    charts = page.locator(".js-plotly-plot")
    curves, bars = (charts.filter(has=page.locator(one)) for one in (".scatterlayer", ".barlayer"))
    expect(curves.locator(".points path").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("validation/accuracy", exact=True)).to_be_visible()
    expect(page.get_by_text("generalisation_gap", exact=True)).to_be_visible()
    study = discovery.load(STUDY)
    (grid,) = (grid for grid in study.grids("smoke") if grid.name == "main")
    arms = len(grid.axis("data.train_examples").levels) * len(grid.axis("model.dropout").levels)
    expect(bars.locator(".bars .point")).to_have_count(arms)
    groups = page.locator(".ag-row").filter(has_text="Group:").filter(has_text="dropout")
    expect(groups.first).to_be_visible()
    expect(page.get_by_text("training minus test accuracy by arm").last).to_be_visible()
    expect(charts).to_have_count(2)  # those of other metrics are folded


def test_the_map_has_logarithms_where_rates_are_geometric(site: Path, ui: str, page: Page) -> None:
    page.goto(ui + link(site, page, "a map over two axes"))
    contour = page.locator(".js-plotly-plot").filter(has=page.locator(".contourlayer, .contour"))
    expect(contour.locator(".xtitle")).to_have_text("log10 optimizer.lr", timeout=60_000)
    expect(contour.locator(".ytitle")).to_have_text("model.dropout")
    expect(page.locator(".js-plotly-plot")).to_have_count(1)


def test_what_was_varied_stands_side_by_side(site: Path, ui: str, page: Page) -> None:
    page.goto(ui + link(site, page, "one seed of every cell"))
    labels = page.locator(".parcoords .dimension .label")
    expect(labels).to_have_text(
        [
            re.compile(one)
            for one in ("data.t", "model.d", "log10", "gen")  # long ones are cut
        ],
        timeout=60_000,
    )


def test_the_views_are_listed_by_their_names(site: Path, ui: str, page: Page) -> None:
    page.goto(ui + link(site, page, "one seed of every cell"))
    page.get_by_role("button", name="What was varied, one seed").click(timeout=60_000)
    for name in ("training minus test accuracy by arm", "training minus test accuracy over log10"):
        expect(page.get_by_text(name).first).to_be_visible()


def test_the_ui_is_for_this_machine_only(ui: str) -> None:
    port = int(ui.rsplit(":", 1)[1])
    lines = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=False).stdout
    found = [line.split()[3] for line in lines.splitlines() if line.split()[3].endswith(f":{port}")]
    if not found:
        pytest.skip("this machine does not say who listens")
    assert all(address.startswith("127.0.0.1:") for address in found)

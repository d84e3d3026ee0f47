"""MLflow's own UI on the store of a real run, opened by the links that the pages and `suite ui` give."""

from __future__ import annotations

import os
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
    found = page.get_by_role("link", name=words).first.get_attribute("href")
    assert found is not None and found.startswith(LOCAL_UI)
    return found.removeprefix(LOCAL_UI)


def test_the_compare_view_shows_what_was_varied(site: Path, ui: str, page: Page) -> None:
    page.goto(ui + link(site, page, "one seed of every cell"))
    expect(page.get_by_text("Parallel Coordinates Plot").first).to_be_visible(timeout=60_000)
    # What varies stands in the plot; what is the same in all runs does not.
    expect(page.get_by_text("model.dropout").first).to_be_visible(timeout=60_000)
    chosen = page.locator(".du-bois-light-select-selection-item, [title='model.dropout']")
    assert chosen.count() > 0
    expect(page.locator(".parcoords .axis-title", has_text="test/accuracy")).to_be_visible()


def test_the_main_parts_charts_stand_at_once(site: Path, ui: str, page: Page) -> None:
    study = discovery.load(STUDY)
    main = [trial for trial in study.trials(study.grids("smoke")) if trial.part == "main"]
    page.set_viewport_size({"width": 1400, "height": 3000})  # charts below the fold are not drawn
    page.goto(ui + link(site, page, "Trials in MLflow"))
    charts = page.locator(".js-plotly-plot")
    expect(charts.filter(has=page.locator(".point")).nth(3)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("matching runs")).to_have_text(f"{len(main)} matching runs")


def test_the_ui_is_for_this_machine_only(ui: str) -> None:
    port = int(ui.rsplit(":", 1)[1])
    lines = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=False).stdout
    found = [line.split()[3] for line in lines.splitlines() if line.split()[3].endswith(f":{port}")]
    if not found:
        pytest.skip("this machine does not say who listens")
    assert all(address.startswith("127.0.0.1:") for address in found)

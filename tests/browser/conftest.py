"""The real site, built from a real run, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.command_line import suite

STUDIES = ("augmentation", "dropout", "layers", "linear_regression", "residual")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for arguments in (("run", *STUDIES, "--tier", "smoke"), ("report", "--out", "html")):
        done = suite(folder, *arguments)
        assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=ARGUMENTS
            )
        except Error:
            pytest.skip("no browser: neither Debian's chromium nor playwright's own is installed")
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Callable[..., Page]]:
    """Give a function that opens a page; afterwards nothing may have failed or left the disk."""
    faults: list[str] = []
    contexts = []

    def open_page(name: str, **options: object) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(SHIFTS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: said.type == "error" and faults.append(said.text))
        page.on("request", lambda asked: faults.extend(_outside(asked.url)))
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def _outside(url: str) -> list[str]:
    return [] if url.startswith(("file://", "data:")) else [f"it asks for {url}"]

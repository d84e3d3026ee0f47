"""What the documents tell a reader to type is typed here, page by page, in a copy of the project.

A page is tried from top to bottom, by the language of its blocks: `sh` is run, `python` is written
to the file that its first line names, `diff` is applied; `text` cannot run here.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"sh", "python", "diff", "text"}


def blocks(page: Path) -> list[Token]:
    return [token for token in MarkdownIt().parse(page.read_text()) if token.type == "fence"]


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_every_block_says_whether_it_can_be_tried(page: Path) -> None:
    for block in blocks(page):
        assert block.info in LANGUAGES, f"{label(page)}: a block in '{block.info}'"


def sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {
        one.name
        for one in functions
        if any("nox.session" in ast.unparse(d) for d in one.decorator_list)
    }


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_the_sessions_that_a_page_names_are_the_noxfile_s(page: Path) -> None:
    named = re.findall(r"nox -s ((?:[a-z]+ ?)+)", page.read_text())
    assert {session for names in named for session in names.split()} <= sessions()


def anchors(page: Path) -> set[str]:
    """Return what headings are called in links: words in small letters, joined by hyphens."""
    tokens = MarkdownIt().parse(page.read_text())
    heads = [tokens[i + 1].content for i, one in enumerate(tokens) if one.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)]*)\)", page.read_text()):
        if "://" not in target:
            file = page.parent / target if target else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def test_the_reference_has_every_word_of_a_study_file() -> None:
    import suite

    written = (ROOT / "docs" / "reference.md").read_text()
    documented = set(re.findall(r"^### (\w+)", written, re.MULTILINE))
    plain = {"Axis"}  # what axis() makes
    assert set(suite.__all__) - plain <= documented

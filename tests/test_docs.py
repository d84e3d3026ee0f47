"""What the documents tell a reader to type is typed here, page by page, in a copy of the project.

A page is tried from top to bottom, by the language of its blocks: `sh` is run, `python` is written
to the file that its first line names, `diff` is applied; `text` cannot run here.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from suite.evidence.tricks import SOURCE
from suite.language.catalogue import gettext, writing
from suite.vocabulary import discovery
from suite.vocabulary.study import FOLKLORE

ROOT = Path(__file__).parents[1]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
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


def test_the_readme_has_one_command_for_each_of_studies_and_tests() -> None:
    """Continuous integration reads the second."""
    typed = [line for one in blocks(README) for line in one.content.splitlines() if "nox" in line]
    make = "python -m pip install nox && python -m nox -s"
    assert typed == [f"{make} studies", f"{make} tests"]


def sections(page: Path) -> list[str]:
    """Return what lies between a page's headings; of what a study says in its own words, nothing."""
    return re.split("^## ", re.sub(r"[^|\n]*<br>", "", page.read_text("utf-8")), flags=re.MULTILINE)


def inline(token: Token, kind: str) -> list[Token]:
    return [one for one in token.children or () if one.type == kind]


def facts(section: str) -> dict[str, list[str]]:
    """Return what a translation must have too: blocks, commands, links, numbers."""
    tokens = MarkdownIt("commonmark").enable("table").parse(section)
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", re.sub("```.*?```", "", section, flags=re.DOTALL))
    targets = (str(a.attrs["href"]) for one in tokens for a in inline(one, "link_open"))
    return {
        "blocks": [f"{one.info}\n{one.content}" for one in tokens if one.type == "fence"],
        "code": sorted(c.content for one in tokens for c in inline(one, "code_inline")),
        "links": [one for one in targets if not one.startswith(("#", "README"))],
        "images": [str(a.attrs["src"]) for one in tokens for a in inline(one, "image")],
        "numbers": sorted(re.findall(r"[−-]?\d+(?:[.,]\d+)*", prose)),
    }


def test_both_readmes_have_the_same_figures_commands_and_links() -> None:
    for english, chinese in zip(sections(README), sections(CHINESE), strict=True):
        assert facts(chinese) == facts(english), english.partition("\n")[0]


def test_a_fact_that_one_readme_lacks_is_seen() -> None:
    one = facts("In 16 minutes, `suite run`, [more](docs/tasks.md).\n\n| says 3<br>−2.5 [1, 4] |")
    assert one["numbers"] == ["1", "16", "3", "4", "−2.5"]
    assert (one["code"], one["links"]) == (["suite run"], ["docs/tasks.md"])


@pytest.mark.parametrize(("page", "language"), [(README, "en"), (CHINESE, "zh")])
def test_the_rules_in_the_readme_are_those_of_the_studies(page: Path, language: str) -> None:
    table = page.read_text("utf-8").partition("<!-- rules -->")[2].partition("<!-- /rules -->")[0]
    rows = re.findall(r"^\| (.*?) \([^()]*\) \|", table, re.MULTILINE)
    studies = (discovery.load(name) for name in discovery.names())
    claims = [claim for one in studies if one.notebook == FOLKLORE for claim in one.claims]
    with writing(language):
        assert set(rows) <= {gettext(SOURCE), *(gettext(claim.source) for claim in claims)}


def test_a_release_has_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cited = re.findall("^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+) \(", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert [version] == cited == [newest[1]]

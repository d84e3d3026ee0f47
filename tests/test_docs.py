"""What the documents tell a reader to type is typed here, page by page, in a copy of the project.

A page is tried from top to bottom, by the language of its blocks: `sh` is run, `python` is written
to the file that its first line names, `diff` is applied; `text` cannot run here.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from suite.commands.run import run as run_command

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PROJECT = ("suite", "studies", "reports", "tests", "docs", "pyproject.toml", "constraints.txt")
LANGUAGES = {"sh", "python", "diff", "text"}
NOX = re.compile(
    r"(?:python -m pip install nox && )?python -m nox -s (?P<sessions>\w+(?: \w+)*)(?: -- (?P<rest>.+))?"
)


def blocks(page: Path) -> list[Token]:
    return [token for token in MarkdownIt().parse(page.read_text()) if token.type == "fence"]


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project, without what was built or run in it."""
    unwanted = shutil.ignore_patterns("__pycache__", "html", ".*")
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=unwanted)
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_every_block_says_whether_it_can_be_tried(page: Path) -> None:
    for block in blocks(page):
        assert block.info in LANGUAGES, f"{label(page)}: a block in '{block.info}'"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=label)
def test_what_a_page_says_to_type_can_be_typed(page: Path, project: Path) -> None:
    for block in blocks(page):
        where = f"{label(page)}, line {(block.map or [0])[0] + 1}"
        if block.info == "python":
            write(project, block.content, where)
        elif block.info == "diff":
            run(["git", "apply", "-"], project, where, block.content)
        elif block.info == "sh" and "nox" in block.content:
            check_nox(block.content, where)
        elif block.info == "sh":
            run(["bash", "-eu", "-c", block.content], project, where)


def write(project: Path, text: str, where: str) -> None:
    named = re.match(r"# (\S+\.py)\n", text)
    assert named, f"{where}: its first line names no file"
    (project / named[1]).write_text(text)


def run(command: list[str], project: Path, where: str, given: str | None = None) -> None:
    """Run a command as in a fresh clone's environment, in which this clone is installed."""
    there = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(project),
        "GIT_CEILING_DIRECTORIES": str(project.parent),  # in a repository, `git apply` skips files
    }
    done = subprocess.run(
        command,
        input=given,
        cwd=project,
        env=os.environ | there,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{where}:\n{done.stdout}\n{done.stderr}"


def check_nox(text: str, where: str) -> None:
    """Making an environment takes minutes: hold the line against the noxfile and `suite run`."""
    for line in text.splitlines():
        found = NOX.fullmatch(line)
        assert found, f"{where}: {line}"
        if found["sessions"] == "studies" and found["rest"]:
            run_command.make_context("run", shlex.split(found["rest"]))


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


def test_the_reference_is_what_the_code_says() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "tests.reference"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    written = (ROOT / "docs" / "reference.md").read_text()
    assert made.stdout == written, "run python -m tests.reference > docs/reference.md"


def test_the_reference_has_every_word_of_a_study_file() -> None:
    import suite

    written = (ROOT / "docs" / "reference.md").read_text()
    documented = set(re.findall(r"^### (\w+)", written, re.MULTILINE))
    plain = {"Axis", "Transformation"}  # what axis() makes, and a choice of names
    assert set(suite.__all__) - plain <= documented

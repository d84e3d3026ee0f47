"""What the documents tell a reader to type is typed here, page by page, in a copy of the project."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from suite.commands.run import run as run_command
from tests.command_line import suite
from tests.test_docs import CHINESE, PAGES, README, ROOT, blocks, label

PROJECT = ("suite", "studies", "reports", "tests", "docs", "pyproject.toml", "constraints.txt")


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


NOX = re.compile(
    r"(?:python -m pip install nox && )?python -m nox -s (?P<sessions>\w+(?: \w+)*)(?: -- (?P<rest>.+))?"
)


def check_nox(text: str, where: str) -> None:
    """Making an environment takes minutes: hold the line against the noxfile and `suite run`."""
    for line in text.splitlines():
        found = NOX.fullmatch(line)
        assert found, f"{where}: {line}"
        if found["sessions"] == "studies" and found["rest"]:
            run_command.make_context("run", shlex.split(found["rest"]))


def write(project: Path, text: str, where: str) -> None:
    named = re.match(r"# (\S+\.py)\n", text)
    assert named, f"{where}: its first line names no file"
    (project / named[1]).write_text(text)


# The Chinese README has the blocks of the other, which a test holds it to.
TYPED = [page for page in PAGES if blocks(page) and page != CHINESE]


@pytest.mark.parametrize("page", TYPED, ids=label)
def test_what_a_page_says_to_type_can_be_typed(page: Path, project: Path) -> None:
    for block in blocks(page):
        where = f"{label(page)}, line {(block.map or [0])[0] + 1}"
        if block.info == "python":
            write(project, block.content, where)
        elif block.info == "diff":
            run(["git", "apply", "-"], project, where, block.content)
        elif block.info == "sh" and "nox" in block.content:
            check_nox(block.content, where)
        elif block.info == "sh" and is_plain(block.content) and not changes_code(page):
            for line in block.content.splitlines():
                done = suite(project, *shlex.split(line)[1:])
                assert done.returncode == 0, f"{where}: {line}\n{done.stderr}"
        elif block.info == "sh":
            run(["bash", "-eu", "-c", block.content], project, where)


def test_commands_in_the_readme_s_lines_can_be_typed() -> None:
    typed = re.findall(r"`(python -m nox [^`]*)`", README.read_text())
    assert typed
    for line in typed:
        check_nox(line, label(README))


def is_plain(text: str) -> bool:
    """Whether a block calls the command line and nothing else."""
    return all(line.startswith("suite ") and "|" not in line for line in text.splitlines())


def changes_code(page: Path) -> bool:
    """Whether a page changes the project's own code, which this process has loaded unchanged."""
    return any(block.info == "diff" for block in blocks(page))


def test_the_reference_is_what_the_code_says() -> None:
    """In a process of its own, in which no test has defined a metric."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.reference"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    written = (ROOT / "docs" / "reference.md").read_text()
    assert made.stdout == written, "run python -m tests.reference > docs/reference.md"

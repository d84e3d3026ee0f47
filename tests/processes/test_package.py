"""What is built is whole: a wheel, made from the source distribution, that runs in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("reports", "studies", "suite")
BUILD = (
    "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
)
TYPE = """
import shlex, sys, suite
from suite.cli import cli
print(suite.__file__)
for line in sys.argv[1:]:
    cli.main(shlex.split(line), standalone_mode=False)
"""
PUBLISHED = Path("reports/published/laptop.tar.zst")
MOST_BYTES = 8_000_000


def build(kind: str, project: Path, out: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, f"build_{kind}", str(out)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return next(out.iterdir())


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for package in PACKAGES
        for path in (folder / package).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what a clone holds, with published results, whether this one has them or not."""
    folder = tmp_path_factory.mktemp("project")
    unwanted = shutil.ignore_patterns("__pycache__", "html", ".*")
    for path in ROOT.iterdir():
        if path.name in (*PACKAGES, "docs", "tests"):
            shutil.copytree(path, folder / path.name, ignore=unwanted)
        elif path.is_file():
            shutil.copy(path, folder)
    (folder / PUBLISHED).parent.mkdir(exist_ok=True)
    (folder / PUBLISHED).touch()
    return folder


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an unpacked wheel."""
    folder = tmp_path_factory.mktemp("built")
    source = build("sdist", project, folder / "sdist")
    with tarfile.open(source) as packed:
        packed.extractall(folder, filter="data")
    unpacked = next(folder.glob("thumbrules-*"))
    assert {path.name for path in project.iterdir() if path.is_file()} <= {
        *(path.name for path in unpacked.iterdir()),
        ".gitignore",
        ".pre-commit-config.yaml",
    }
    with zipfile.ZipFile(build("wheel", unpacked, folder / "wheel")) as packed:
        packed.extractall(folder / "site-packages")
    return folder / "site-packages"


def test_a_wheel_holds_every_file_of_its_packages(project: Path, wheel: Path) -> None:
    assert files(wheel) == files(project)


def test_a_wheel_runs_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """In one process, which loads everything once: before there are studies here, those that come along."""
    typed = (
        "list",
        "new my_question",
        "run my_question --tier smoke --strategy sequential",
        "report",
    )
    done = subprocess.run(
        [sys.executable, "-c", TYPE, *typed],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(wheel / "suite" / "__init__.py")
    assert "\ndropout (notes)" in done.stdout
    assert "my_question, smoke tier" in done.stdout
    page = (tmp_path / "reports" / "html" / "my_question.zh.html").read_text("utf-8")
    assert "全部判定" in page


def test_published_results_are_small_enough_to_come_along() -> None:
    for file in (ROOT / PUBLISHED.parent).glob("*"):
        assert file.stat().st_size <= MOST_BYTES, file

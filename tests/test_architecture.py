"""Arrows run down only: which room may import which, and who may know torch, MLflow and pandas."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up: a room imports from rooms above its line and never from one below. `suite`
# is the vocabulary of a study file, suite/__init__.py.
ROOMS: dict[str, str] = {
    "errors": "",
    "parent": "",
    "seeds": "",
    "record": "",
    "wording": "",
    "fields": "errors",
    "metrics": "errors",
    "recipe": "errors fields metrics",
    "claims": "errors fields metrics wording",
    "views": "errors fields metrics",
    "identity": "errors fields",
    "grid": "errors fields recipe identity",
    "study": "errors fields metrics recipe claims views identity grid",
    "suite": "metrics recipe claims views grid study",
    "coverage": "study",
    "discovery": "errors recipe study",
    "data": "errors seeds recipe",
    "models": "errors seeds recipe",
    "training": "errors seeds record recipe data models",
    "tracking": "errors record recipe identity grid study",
    "evidence": "errors record wording metrics claims grid study",
    "execution": "errors parent seeds record metrics recipe identity grid study discovery data models training",
    "progress": "metrics grid study execution",
    "coordinator": "errors record recipe identity grid study execution tracking progress",
    "listing": "errors metrics recipe claims identity grid study coverage discovery execution coordinator",
    "keeping": "errors record wording recipe identity evidence execution tracking training",
    "pictures": "errors seeds record wording recipe views identity data training execution keeping",
    "reports": "errors parent record wording metrics recipe claims views identity grid study coverage discovery "
    "evidence pictures",
    "conclusions": "errors record wording metrics recipe claims identity grid study evidence reports",
    "arguments": "errors fields",
    "stored": "errors record wording study discovery evidence tracking coordinator reports conclusions",
    "comparing": "errors record wording evidence discovery reports stored",
    "sharing": "arguments errors record evidence tracking reports stored comparing",
    "reproduce": "errors record wording metrics recipe identity grid study discovery execution tracking evidence "
    "progress arguments",
    "cli": "arguments errors fields record wording recipe identity grid study discovery training tracking evidence "
    "execution progress coordinator listing conclusions reports reproduce stored sharing keeping",
    "__main__": "cli",
}
# A package, and the only rooms that may import it, at the top of a file or inside a function.
GUARDED: dict[str, str] = {
    "torch": "data models training execution keeping pictures",
    "torchvision": "data",
    "ray": "execution",
    "mlflow": "tracking",
    "zstandard": "tracking",
    "pandas": "data evidence reports reproduce",  # data and reproduce: inside functions
    "scipy": "evidence reports",
    "statsmodels": "evidence",
    "matplotlib": "reports",
    "seaborn": "reports",
}


def room_of(file: Path) -> str:
    """Return the room that a file of suite/ or reports/ lies in."""
    top, *below = file.relative_to(ROOT).with_suffix("").parts
    if top == "reports":
        return top
    return "suite" if below == ["__init__"] else below[0]


def room_named(module: str, name: str = "") -> str:
    """Return the room that `from module import name` of suite or reports takes something from."""
    top, *below = module.split(".")
    if top == "reports":
        return top
    if not below and name and name in {path.stem for path in (ROOT / "suite").iterdir()}:
        below = [name]
    return below[0] if below else "suite"


def imported(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each module that a file imports, anywhere in it, with the name taken from it."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}, line {node.lineno}: imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


def files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def label(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_the_table_itself_runs_down_only() -> None:
    above: set[str] = set()
    for room, allowed in ROOMS.items():
        assert set(allowed.split()) <= above, room
        above.add(room)


def test_the_walk_finds_files() -> None:
    found = {room_of(file) for file in files("suite")}
    assert {"suite", "recipe", "data", "models", "training", "evidence", "tracking"} <= found


@pytest.mark.parametrize("file", files("suite", "reports"), ids=label)
def test_a_file_imports_only_from_rooms_below_its_own(file: Path) -> None:
    room = room_of(file)
    assert room in ROOMS, f"give '{room}' a line in the table of rooms"
    allowed = {room, *ROOMS[room].split()}
    for module, name in imported(file):
        if module.split(".")[0] in ("suite", "reports"):
            wanted = room_named(module, name)
            assert wanted in allowed, f"{label(file)} imports {wanted}; {room} must not"
        assert module.split(".")[0] not in ("studies", "tests"), f"{label(file)} imports {module}"


@pytest.mark.parametrize("file", files("suite", "reports"), ids=label)
def test_guarded_packages_stay_in_their_rooms(file: Path) -> None:
    room = room_of(file)
    for package in {module.split(".")[0] for module, _ in imported(file)} & set(GUARDED):
        assert room in GUARDED[package].split(), f"{label(file)} imports {package}"


@pytest.mark.parametrize("file", files("studies"), ids=label)
def test_a_study_imports_the_vocabulary_alone(file: Path) -> None:
    """Its probes may import what they measure, but inside their functions: listing loads none."""
    light = {"__future__", "collections.abc", "functools", "math", "typing", "suite", "suite.seeds"}
    for node in ast.parse(file.read_text()).body:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert set(modules) <= light, f"{label(file)} imports {modules}"


@pytest.mark.parametrize("file", files("studies"), ids=label)
def test_a_study_touches_nothing_but_vocabulary_data_models_and_training(file: Path) -> None:
    rooms = {"suite", "seeds", "data", "models", "training", "recipe", "fields"}
    for module, name in imported(file):
        if module.split(".")[0] == "suite":
            assert room_named(module, name) in rooms, f"{label(file)} imports {module}"


LOADED = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"


def loaded_by(code: str) -> set[str]:
    """Return the packages that a new Python process has loaded after `code`."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split())


QUICK = {
    "loading every study": "import suite, suite.discovery as d\n"
    "for name in d.names():\n    study = d.load(name); study.trials(study.grids())",
    "the command line": "import suite.cli",
    "planning": "import suite.execution.plan",
}


@pytest.mark.parametrize("code", QUICK.values(), ids=QUICK)
def test_what_must_answer_at_once_loads_nothing_large(code: str) -> None:
    loaded = loaded_by(code)
    assert "suite" in loaded
    assert not loaded & {"torch", "torchvision", "pandas", "mlflow", "scipy", "sklearn"}


@pytest.mark.parametrize(
    "module", ["suite.evidence", "suite.evidence.results", "suite.tracking", "suite.coordinator"]
)
def test_evidence_and_tracking_load_no_torch(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"torch", "torchvision"}

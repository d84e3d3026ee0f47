"""Arrows run down only: which room may import which, and who may know torch, MLflow and pandas."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.cli import COMMANDS

ROOT = Path(__file__).parent.parent

# From the ground up: a room imports from rooms above its line and never from one below. `suite`
# is what a study file imports, suite/__init__.py.
ROOMS: dict[str, str] = {
    "ground": "",
    "seeds": "",
    "vocabulary": "ground",
    "data": "ground seeds vocabulary",
    "models": "ground seeds vocabulary",
    "tracking": "ground vocabulary",
    "evidence": "ground vocabulary",
    "training": "ground seeds vocabulary data models",
    "language": "ground vocabulary evidence",
    "execution": "ground seeds vocabulary data models training",
    "runs": "ground vocabulary tracking evidence language execution",
    "suite": "ground vocabulary evidence runs",  # inside `results`: a study file loads neither
    "reproduce": "ground seeds vocabulary data models tracking evidence training execution",
    "commands": "ground vocabulary data tracking evidence training language execution runs reproduce",
    "cli": "ground execution",
    "__main__": "cli",
    "reports": "ground vocabulary tracking evidence language runs reproduce commands",
}
# The one way up: the table of commands names what stands above it.
UP = {("cli", "reports")}
MOST_ROOMS, MOST_ARROWS = 16, 60
# A package, and the only rooms that may import it, at the top of a file or inside a function.
GUARDED: dict[str, str] = {
    "torch": "seeds data models training execution reproduce",
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


def test_every_room_has_a_line_and_every_line_a_room() -> None:
    assert {room_of(file) for file in files("suite", "reports")} == set(ROOMS)


def test_the_house_can_be_drawn_from_memory() -> None:
    for top, most in (("suite", MOST_ROOMS), ("reports", 8)):
        held = {"__pycache__", "published"}  # the latter holds results, no code
        entries = [one for one in (ROOT / top).iterdir() if one.name not in held]
        assert len(entries) <= most, sorted(one.name for one in entries)
    arrows = {
        (room_of(file), room_named(module, name))
        for file in files("suite")
        for module, name in imported(file)
        if module.split(".")[0] == "suite"
    }
    assert len({(one, other) for one, other in arrows if one != other}) <= MOST_ARROWS


def test_the_table_of_commands_names_each_command_and_its_first_line_of_help() -> None:
    for name, (words, place) in COMMANDS.items():
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert command.name == name
        assert words.endswith(".") and command.help
        room = room_named(module)
        assert room == "commands" or ("cli", room) in UP


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
    light = {
        "__future__",
        "collections.abc",
        "dataclasses",
        "functools",
        "math",
        "pathlib",
        "statistics",
        "typing",
    }
    light |= {"suite", "suite.seeds"}
    for node in ast.parse(file.read_text()).body:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert set(modules) <= light, f"{label(file)} imports {modules}"


@pytest.mark.parametrize("file", files("studies"), ids=label)
def test_a_study_touches_nothing_but_vocabulary_data_models_and_training(file: Path) -> None:
    rooms = {"suite", "seeds", "data", "models", "training"}
    for module, name in imported(file):
        if module.split(".")[0] == "suite":
            assert room_named(module, name) in rooms, f"{label(file)} imports {module}"

"""What large grids and full stores cost: seconds and memory of whole processes, and their growth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.command_line import command, make_study

SIZES = (100, 1_000, 10_000)
# Studies of as many trials as the real ones have, 320 on average; the smallest has one of a third.
PER_STUDY = 320
STUDY = '''
"""Tiny networks on tiny data, to fill a store."""

from suite import Budget, Data, Difference, Model, Recipe, Study, axis, curves, lines

study = Study(
    title="Scale {number}",
    recipe=Recipe(
        data=Data("digits", train_examples=40, validation_examples=40),
        model=Model("mlp", widths=(4,)),
        batch_size=20,
        budget=Budget(epochs=3),
    ),
    grid=(
        axis("optimizer.lr", (0.001, 0.003, 0.01, 0.03, 0.1)),
        axis("optimizer.weight_decay", ({number}e-5, {number}.5e-5)),
    ),
    seeds={seeds},
    claims=(
        Difference(
            of="test/accuracy", arm={{"optimizer.weight_decay": {number}e-5}},
            against={{"optimizer.weight_decay": {number}.5e-5}},
            direction="higher", matters=0.01, says="Less beats more.", source="",
        ),
    ),
    views=(
        lines("test/accuracy", over="optimizer.lr", colour="optimizer.weight_decay"),
        curves("validation/loss", colour="optimizer.lr"),
    ),
)
'''
LARGE = '''
"""A grid of 100,000 trials."""

from suite import Recipe, Study, axis

study = Study(
    title="Large",
    recipe=Recipe(),
    grid=(
        axis("batch_size", tuple(range(10, 20))),
        axis("optimizer.lr", tuple(0.001 * (i + 1) for i in range(100))),
        axis("optimizer.momentum", (0.0, 0.9)),
    ),
    seeds=50,
)
'''


# A process's own figure would count the memory of the one that it was forked from.
MEASURE = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.perf_counter() - started)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9)
"""


def measured(folder: Path, *arguments: str) -> list[float]:
    """Return the seconds, and the 10⁹ bytes at most of its largest process, that a command takes."""
    measure = [sys.executable, "-c", MEASURE, *command(*arguments)]
    done = subprocess.run(measure, cwd=folder, check=True, capture_output=True, text=True)
    return list(map(float, done.stdout.split()))


def filled(folder: Path, trials: int) -> None:
    """Make studies, and run them, until the folder's store holds so many trials."""
    folder.mkdir()
    studies = -(-trials // PER_STUDY)
    for number in range(studies):
        text = STUDY.format(number=number + 1, seeds=-(-trials // studies // 10))
        make_study(folder, text, f"scale_{number}")
    measured(folder, "run", "--all")


def test_planning_a_large_grid(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    make_study(tmp_path, LARGE, "large")
    found = benchmark.pedantic(measured, args=(tmp_path, "plan", "large"), rounds=1)
    benchmark.extra_info["table"] = {
        "title": "Planning 100,000 trials",
        "columns": ["", "seconds", "10⁹ bytes"],
        "rows": [["plan", *found], ["target", 10, 1]],
    }


@pytest.mark.skipif("FULL_STORE" not in os.environ, reason="takes ten minutes: set FULL_STORE")
def test_a_full_store(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    rows = []
    for size in SIZES:
        filled(tmp_path / str(size), size)
        row = [f"{size:,} trials"]
        for arguments in (["run", "--all"], ["verdicts"], ["report"]):
            row += measured(tmp_path / str(size), *arguments)
        rows.append(row)
    benchmark.pedantic(measured, args=(tmp_path / "100", "verdicts"), rounds=1)
    benchmark.extra_info["table"] = {
        "title": "A store, and what it takes to find all cached, to conclude and to report",
        "columns": ["", "run, s", "GB", "verdicts, s", "GB", "report, s", "GB"],
        "rows": [*rows, ["target at 10,000", 15, "", "", "", 60, ""]],
    }

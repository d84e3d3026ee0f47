"""Trials start side by side only where their memory is there, and bundles are parted to fit."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.execution.memory import Memory, kind
from suite.execution.sequential import Sequential
from suite.ground.memory import free
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.model import Model
from suite.vocabulary.optimizer import Optimizer
from suite.vocabulary.recipe import Budget, Recipe

SMALL = Recipe(
    data=Data("digits", train_examples=300), model=Model(widths=(8,)), budget=Budget(epochs=20)
)
TRIALS = [Trial("t", "main", {}, SMALL, seed) for seed in range(12)]


def test_parts_of_a_batch_take_less() -> None:
    with Sequential("cpu") as strategy:
        whole = Recipe(data=Data("mnist5k"), model=Model("lenet"), batch_size=2000)
        parted = dataclasses.replace(whole, gradient_accumulation=10)
        strategy.check([whole, parted])
        assert strategy.memory.needs[kind(parted)] < 0.8 * strategy.memory.needs[kind(whole)]


@given(
    need=st.integers(0, 50),
    budget=st.integers(-10, 300),
    cells=st.lists(st.integers(1, 12), max_size=5),
    workers=st.integers(1, 4),
)
def test_parted_bundles_hold_every_trial_once_and_fit(
    need: int, budget: int, cells: list[int], workers: int
) -> None:
    memory = Memory(budget)
    memory.needs[kind(SMALL)] = need
    bundles = [tuple(TRIALS[:count]) for count in cells]
    parts = list(memory.parted(bundles, workers))
    assert sorted(t.seed for part in parts for t in part) == sorted(
        t.seed for bundle in bundles for t in bundle
    )
    for part in parts:
        assert len(part) == 1 or memory.of(part) * workers <= budget


def test_a_smaller_trial_overtakes_one_that_must_wait() -> None:
    large = dataclasses.replace(SMALL, batch_size=150)
    memory = Memory(10)
    memory.needs = {kind(large): 9, kind(SMALL): 3}
    big, small = (Trial("t", "main", {}, recipe, 0) for recipe in (large, SMALL))
    assert not memory.fits((big,), [(small,)])
    assert memory.fits((small,), [(small,)])
    assert memory.fits((big,), [])


def test_what_moves_no_memory_is_one_kind() -> None:
    moved = dataclasses.replace(SMALL, optimizer=Optimizer("adam", lr=1.0), budget=Budget(epochs=3))
    assert kind(moved) == kind(SMALL)
    assert kind(dataclasses.replace(SMALL, batch_size=7)) != kind(SMALL)


def test_a_container_has_no_more_than_its_limit(tmp_path: Path) -> None:
    machine = free(tmp_path)
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("2000000\n")
    assert free(tmp_path) == 3_000_000
    # What is read from files is counted as used, and makes room for whatever needs it.
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 400000\nactive_file 50000\n")
    assert free(tmp_path) == 3_450_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free(tmp_path) == pytest.approx(machine, rel=0.5)


@pytest.mark.skipif(sys.platform != "linux", reason="others do not say")
@pytest.mark.parametrize("which", ["AS", "DATA"])
def test_a_process_has_no_more_than_its_limit(which: str) -> None:
    code = f"""
import psutil, resource
from suite.ground.memory import free
taken = psutil.Process().memory_info()
limit = {{"AS": taken.vms, "DATA": taken.data}}["{which}"] + 50_000_000
resource.setrlimit(resource.RLIMIT_{which}, (limit, limit))
print(free())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) == pytest.approx(50_000_000, rel=0.1)

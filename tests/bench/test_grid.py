"""A grid of 48 trials as whole processes: ours, tracked into an existing store, beside peers.

Peers run one seed of the eight and are scaled up, less their start-up, which is measured with no
trial at all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import make_study, suite_json
from pytest_benchmark.fixture import BenchmarkFixture

from suite.data.sources import DEBIAN_FASHION_MNIST

PEERS = Path(__file__).parent / "peers"
SEEDS = 8
STUDY = '''
"""The grid of the benchmark."""

from suite import Budget, Data, Model, Recipe, Study, axis

study = Study(
    title="Benchmark",
    recipe=Recipe(
        data=Data("fashion_mnist", train_examples=20_000, validation_examples=4_000),
        model=Model("mlp", widths=(256,)),
        budget=Budget(epochs=3),
    ),
    grid=(axis("batch_size", (64, 256)), axis("optimizer.lr", (0.03, 0.1, 0.3))),
    seeds=8,
    tiers={"smoke": {"seeds": 1, "budget.epochs": 1}},
)
'''

pytestmark = pytest.mark.skipif(
    not DEBIAN_FASHION_MNIST.exists(), reason="Fashion-MNIST is not installed"
)


def whole_process(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def peer(python: str, script: str, *arguments: str) -> float:
    """Return the seconds of 48 trials, from a whole process with six of them and one with none."""
    start_up = whole_process([python, str(PEERS / script), "0", *arguments])
    six = whole_process([python, str(PEERS / script), "1", *arguments])
    return start_up + SEEDS * (six - start_up)


def existing_store(folder: Path) -> None:
    make_study(folder, STUDY, "grid")
    suite_json(folder, "run", "grid", "--tier", "smoke")


def ours(folder: Path) -> None:
    form = suite_json(folder, "run", "grid", "--strategy", "packed")
    assert form["ran"] == 6 * SEEDS


def test_grid_beside_peers(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    existing_store(tmp_path)
    benchmark.pedantic(ours, args=(tmp_path,), rounds=1)
    mine = benchmark.stats.stats.median
    rows = {"plain loop on resident tensors": peer(sys.executable, "plain.py")}
    peers_python = os.environ.get("PEERS_PYTHON")
    if peers_python:
        rows["Lightning, same curves"] = peer(peers_python, "lightning_loop.py")
        rows["Lightning, nothing logged"] = peer(peers_python, "lightning_loop.py", "bare")
    print(f"\n48 trials, packed and tracked: {mine:.1f} s")
    for name, seconds in rows.items():
        benchmark.extra_info[name] = seconds / mine
        print(f"{name}: {seconds:.1f} s (8 × 6 trials), {seconds / mine:.2f} times ours")

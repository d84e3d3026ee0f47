"""Grids of 48 trials as whole processes: ours, tracked into an existing store, beside peers.

Peers run one seed of the eight and are scaled up, less their start-up, which is measured with no
trial at all. Lightning is measured twice: logging nothing, and logging the curves that ours keeps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from suite.data.sources import DEBIAN_FASHION_MNIST
from tests.command_line import make_study, suite_json, suite_process

PEERS = Path(__file__).parent / "peers"
SEEDS = 8
STUDY = '''
"""The grid of the benchmark."""

from suite import Budget, Data, Model, Recipe, Study, axis

study = Study(
    title="Benchmark",
    recipe=Recipe(
        data=Data("fashion_mnist", train_examples=20_000, validation_examples=4_000),
        model=Model({network}),
        budget=Budget(epochs=3),
    ),
    grid=(axis("batch_size", (64, 256)), axis("optimizer.lr", (0.03, 0.1, 0.3))),
    seeds=8,
    tiers={{"smoke": {{"seeds": 1, "budget.epochs": 1}}}},
)
'''
NETWORKS = {"mlp": '"mlp", widths=(256,)', "lenet": '"lenet"'}
# A script, its last argument, and how many times as fast ours should be: two cores, by network.
WAYS: dict[str, tuple[str, str, dict[str, float]]] = {
    "textbook loop, DataLoader": ("textbook.py", "", {"mlp": 7.0, "lenet": 4.5}),
    "Lightning, nothing logged": ("lightning_loop.py", "bare", {"mlp": 3.0, "lenet": 1.25}),
    "Lightning, logging our curves": ("lightning_loop.py", "", {}),
    "skorch": ("skorch_loop.py", "", {}),
    "Ray Tune": ("ray_tune.py", "", {"mlp": 7.0}),
    "plain loop, tensors in memory": ("plain.py", "", {"mlp": 1.4}),
    "bare packed loop": ("packed.py", "", {"mlp": 0.85}),
}
OURS = ("textbook.py", "plain.py", "packed.py")  # run without other packages

pytestmark = pytest.mark.skipif(
    not DEBIAN_FASHION_MNIST.exists(), reason="Fashion-MNIST is not installed"
)


def whole_process(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def peer(python: str, script: str, network: str, last: str) -> float:
    """Return the seconds of 48 trials, from a whole process with six of them and one with none."""

    def with_seeds(seeds: int) -> float:
        command = [python, str(PEERS / script), str(seeds), network, *filter(None, [last])]
        return whole_process(command)

    start_up, six = with_seeds(0), with_seeds(1)
    return start_up + SEEDS * (six - start_up)


def ours(folder: Path) -> None:
    done = suite_process(folder, "run", "grid", "--strategy", "packed", "--json")
    assert json.loads(done.stdout)["ran"] == 6 * SEEDS


@pytest.mark.parametrize("network", NETWORKS)
def test_grid_beside_peers(benchmark: BenchmarkFixture, tmp_path: Path, network: str) -> None:
    make_study(tmp_path, STUDY.format(network=NETWORKS[network]), "grid")
    suite_json(tmp_path, "run", "grid", "--tier", "smoke")  # makes the store
    benchmark.pedantic(ours, args=(tmp_path,), rounds=1)
    mine = benchmark.stats.stats.median
    rows = [["ours, packed, tracked", mine, 1.0, ""]]
    peers_python = os.environ.get("PEERS_PYTHON")
    for name, (script, last, targets) in WAYS.items():
        python = sys.executable if script in OURS else peers_python
        if python:
            seconds = peer(python, script, network, last)
            rows.append([name, seconds, seconds / mine, targets.get(network, "")])
    benchmark.extra_info["table"] = {
        "title": f"48 trials of Fashion-MNIST, {network}, whole processes",
        "columns": ["way", "seconds", "times ours", "target"],
        "rows": rows,
    }

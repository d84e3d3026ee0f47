"""On a Ray cluster of two nodes, trials give the bits that they give here, and survive a node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suite import Data
from suite.execution.ray_cluster import RayCluster
from suite.execution.sequential import Sequential
from suite.ground.errors import RequestError
from suite.tracking.journal import Journal
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.record import Status
from tests.command_line import suite
from tests.processes.test_own_components import make, numbers
from tests.processes.test_packed import BUNDLES, DIGITS, bits

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and one more node, each with one processor."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    made = Cluster(initialize_head=True, head_node_args=node)
    made.add_node(**node)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", made.address)
        yield made
    made.shutdown()


def test_trials_on_a_cluster_equal_sequential_ones_bit_for_bit(cluster: Any) -> None:
    with Sequential("cpu") as strategy:
        here = {finished.trial.id: bits(finished) for finished in strategy.run(BUNDLES)}
    with RayCluster("cpu", None) as strategy:
        assert strategy.workers == 2
        strategy.check([bundle[0].recipe for bundle in BUNDLES])
        assert set(strategy.given) == {Data("digits"), Data("mnist5k")}
        there = list(strategy.run(BUNDLES))
        (alone,) = strategy.run_alone([BUNDLES[0][0]])
    assert {finished.trial.id: bits(finished) for finished in there} == here
    assert bits(alone) == here[alone.trial.id]
    assert all(finished.machine["python"] for finished in there)


def test_a_node_that_is_lost_midway_loses_no_trial(cluster: Any) -> None:
    recipe = Recipe(data=DIGITS, budget=Budget(epochs=150))
    bundles = [(Trial("test", "main", {}, recipe, seed),) for seed in range(16)]
    lost = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    with RayCluster("cpu", None) as strategy:
        finished = []
        for one in strategy.run(bundles):
            finished.append(one)
            if len(finished) == 3:
                cluster.remove_node(lost, allow_graceful=False)
    assert sorted(one.trial.seed for one in finished) == list(range(16))
    assert {one.outcome.status for one in finished} == {Status.FINISHED}


def test_a_study_runs_on_a_cluster_and_its_probes_are_sent_along(
    cluster: Any, tmp_path: Path
) -> None:
    done = suite(tmp_path, "run", "perceptron_xor", "--tier", "smoke", "--strategy", "ray")
    assert done.returncode == 0, done.stderr
    records = Journal(tmp_path / ".thumbrules" / "journal.jsonl").records.values()
    assert {record.provenance.strategy for record in records} == {"ray"}
    assert {record.is_probe for record in records} == {True, False}


def test_without_a_cluster_one_line_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    done = suite(tmp_path, "run", "dropout", "--tier", "smoke", "--strategy", "ray")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "RAY_ADDRESS" in done.stderr
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RequestError, match="no Ray cluster at RAY_ADDRESS"):
        RayCluster("cpu", None).__enter__()


def test_components_of_ones_own_and_the_files_beside_a_study_are_sent_along(
    cluster: Any, tmp_path: Path
) -> None:
    there, here = make(tmp_path / "there"), make(tmp_path / "here")
    done = suite(there, "run", "bars", "--strategy", "ray")
    assert done.returncode == 0, done.stderr
    assert suite(here, "run", "bars", "--strategy", "sequential").returncode == 0
    assert numbers(there) == numbers(here)


def test_nodes_need_no_file_that_the_data_are_read_from(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{i},{'ab'[i % 2]}" for i in range(60)]
    Path("x.csv").write_text("\n".join(["size,kind", *lines]))  # nodes' working folder is another
    recipe = Recipe(data=Data("table", path="x.csv", target="kind"), budget=Budget(epochs=1))
    trial = Trial("test", "main", {}, recipe, 0)
    with RayCluster("cpu", None) as strategy:
        strategy.check([recipe])
        (finished,) = strategy.run([(trial,)])
    assert finished.outcome.status is Status.FINISHED, finished.outcome.error

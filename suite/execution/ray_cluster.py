"""Ray: trials as tasks on the machines of a Ray cluster that is there already (Moritz et al., 2018).

Ray Core alone: it places tasks, moves data and runs again what a lost node had. Every node needs
Python with the packages that a trial needs; this project's code, the studies and the data are sent.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import shutil
import socket
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from suite.execution import environment
from suite.execution.pool import lost
from suite.execution.strategy import THREADS, Bundle, Finished, Strategy
from suite.ground import contents
from suite.ground.errors import RequestError
from suite.vocabulary import discovery
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Recipe

if TYPE_CHECKING:
    from ray import ObjectRef

RETRIES = 3  # Nodes of a cluster come and go; that is no fault of the trial that ran there.
AHEAD = 2  # Tasks in flight for each place: one runs, one is on its way.


class RayCluster(Strategy):
    """The cluster whose head RAY_ADDRESS names, from entering the strategy to leaving it.

    Attributes:
        workers: trials side by side: as asked for, or the cluster's processors (its GPUs, where
            those train). If more are asked for than there are GPUs, they share them evenly.
    """

    name = "ray"

    def __init__(self, device: str, workers: int | None) -> None:
        self.device = device
        self.asked = workers
        self.workers = workers or 1
        self.resources: dict[str, float] = {"num_cpus": 1}
        self.given: dict[Data, ObjectRef[Any]] = {}

    @property
    def _resource(self) -> str:
        """What nodes must have of which a trial takes one."""
        return "GPU" if self.device == "cuda" else "CPU"

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            RequestError: if Ray is not installed or there is no cluster to connect to.
        """
        ray = _ray()
        address = os.environ.get("RAY_ADDRESS")
        if not address:
            raise RequestError(
                "--strategy ray needs a cluster: name its head in RAY_ADDRESS "
                "(`ray start --head --port 6379` starts one)"
            )
        folder_of_data = os.environ.get("THUMBRULES_DATA")
        settings = {"THUMBRULES_DATA": folder_of_data} if folder_of_data else {}
        with tempfile.TemporaryDirectory(prefix="thumbrules-") as folder:
            _copy_code(Path(folder))
            try:
                _reach(address)
                ray.init(
                    address,
                    runtime_env={"working_dir": folder, "env_vars": settings},
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                )
            except (OSError, RuntimeError, ValueError) as error:
                reason = str(error).partition("\n")[0]
                raise RequestError(f"no Ray cluster at RAY_ADDRESS={address}: {reason}") from None
        there = ray.cluster_resources()
        places = int(there.get(self._resource, 0))
        if not places:
            ray.shutdown()
            raise RequestError(f"the Ray cluster at {address} has no {self.device}")
        self.workers = self.asked or places
        if self.device == "cuda":
            self.resources["num_gpus"] = min(1.0, places / self.workers)
        return self

    def __exit__(self, *_: object) -> None:
        _ray().shutdown()

    def check(self, recipes: Iterable[Recipe]) -> None:
        """Send what data they need, and have a node check each; errors as the protocol says."""
        from suite.data import sources

        ray = _ray()
        for recipe in recipes:
            source = sources.unsplit(recipe.data)
            if not source.drawn and source not in self.given:
                paths = () if source.version else source.files()
                held = {one: contents.digest_of(one, f"data '{source.name}'") for one in paths}
                self.given[source] = ray.put((sources.raw(source, 0), held))
            try:
                ray.get(self._remote(_check, recipe, self.device))
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, RequestError):
                    raise error.cause from None
                raise

    def run(self, bundles: Iterable[Bundle]) -> Iterator[Finished]:
        ray = _ray()
        waiting = deque(bundles)
        running: dict[ObjectRef[list[Finished]], Bundle] = {}
        while waiting or running:
            while waiting and len(running) < AHEAD * self.workers:
                bundle = waiting.popleft()
                running[self._remote(_run, bundle, self.device)] = bundle
            done, _ = ray.wait(list(running))
            for reference in done:
                yield from _result(reference, running.pop(reference))

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        """Run trials one after another, each with a whole node, the same for all while it lives."""
        ray = _ray()
        alive = (node for node in ray.nodes() if node["Alive"])
        node = next(node for node in alive if node["Resources"].get(self._resource))
        where = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            node["NodeID"], soft=True
        )
        whole = {"num_cpus": node["Resources"]["CPU"], "scheduling_strategy": where}
        for trial in trials:
            reference = self._remote(_run, (trial,), self.device, **whole)
            yield from _result(reference, (trial,))

    def _remote(self, function: Any, *arguments: Any, **options: Any) -> Any:
        # Where Ray is told of GPUs here, and not among the options of a call, a process that has one
        # serves no other task: PyTorch would stay on that GPU, whichever the next task were given.
        task = _ray().remote(max_retries=RETRIES, **self.resources)(function)
        return task.options(**options).remote(*arguments, list(self.given.items()))


def _reach(address: str) -> None:
    """Raise OSError if nobody answers there; Ray itself would try for five minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=10).close()


def _result(reference: ObjectRef[list[Finished]], bundle: Bundle) -> list[Finished]:
    ray = _ray()
    try:
        finished: list[Finished] = ray.get(reference)
    except ray.exceptions.RayError as error:
        reason = f"{type(error).__name__} on the cluster"
        return [lost(trial, reason) for trial in bundle]
    return finished


def _ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError:
        raise RequestError("--strategy ray needs Ray: pip install 'thumbrules[ray]'") from None
    return ray


def _copy_code(folder: Path) -> None:
    """Copy this version of the project, the studies and what they import beside them, for all nodes."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(__file__).parents[1], folder / "suite", ignore=ignored)
    shutil.copytree(discovery.folder(), folder / "studies", ignore=ignored)
    for file, place in discovery.helpers():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / place)


def _prepare(given: list[tuple[Data, ObjectRef[Any]]]) -> None:
    """Make this process train as any other does, on data that its node holds once."""
    from suite.data import sources
    from suite.training import determinism

    determinism.enforce(THREADS)
    for source, reference in given:
        if source not in sources.given:
            sources.given[source], held = _ray().get(reference)
            contents.given.update(held)  # nodes need not have the files


def _check(recipe: Recipe, device: str, given: list[tuple[Data, ObjectRef[Any]]]) -> None:
    from suite.execution.work import check

    _prepare(given)
    check(recipe, device)


def _run(bundle: Bundle, device: str, given: list[tuple[Data, ObjectRef[Any]]]) -> list[Finished]:
    from suite.execution.work import run_bundle

    _prepare(given)
    return [
        dataclasses.replace(one, machine={**one.machine, **_machine()})
        for one in run_bundle(bundle, device)
    ]


@functools.cache
def _machine() -> dict[str, Any]:
    return environment.machine()

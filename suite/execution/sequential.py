"""Sequential: one trial after another in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from suite.execution.memory import SHARE, Memory, kind
from suite.execution.strategy import THREADS, Bundle, Checkpoints, Finished, Strategy
from suite.ground.memory import free
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Recipe


class Sequential(Strategy):
    """Trains in the calling process, which loads torch when the first trial starts."""

    name = "sequential"
    workers = 1

    def __init__(
        self, device: str, checkpoints: Checkpoints | None = None, *, threads: int = THREADS
    ) -> None:
        self.device, self.checkpoints, self.threads = device, checkpoints, threads
        self.memory = Memory(0)

    def __enter__(self) -> Self:
        from suite.training import determinism

        determinism.enforce(self.threads)
        return self

    def check(self, recipes: Iterable[Recipe]) -> None:
        from suite.execution.work import check

        self.memory = Memory(int(SHARE * _free(self.device)))
        for recipe in recipes:
            self.memory.needs[kind(recipe)] = check(recipe, self.device)

    def run(self, bundles: Iterable[Bundle]) -> Iterator[Finished]:
        from suite.execution.work import run_bundle

        for bundle in self.memory.parted(bundles):
            yield from run_bundle(bundle, self.device, self.checkpoints)

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        return self.run((trial,) for trial in trials)


def _free(device: str) -> int:
    if device in ("cpu", "mps"):  # the latter has no memory of its own
        return free()
    from torch import cuda

    return cuda.mem_get_info()[0]

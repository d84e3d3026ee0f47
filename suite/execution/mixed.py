"""Cores and a GPU, each trial where its recipe says that it belongs: in turn, or at the same time.

What is timed is timed on the GPU, all arms of it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Self

from suite.execution.packed import Packed
from suite.execution.placement import place
from suite.execution.strategy import Bundle, Checkpoints, Finished, Strategy
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Probe, Recipe


class InTurn(Strategy):
    """Packed on the cores, then one trial after another on the GPU.

    The latter in a process of its own: one whose context an error has spoilt can be replaced.

    Args:
        cores: workers on a core each.
        memory: bytes of the GPU.

    Attributes:
        workers: of those whose turn it is.
    """

    name = "in_turn"

    def __init__(self, cores: int, memory: int, checkpoints: Checkpoints | None = None) -> None:
        self.cores, self.gpu = Packed("cpu", cores, checkpoints), Packed("cuda", 1, checkpoints)
        self.workers, self.total = cores, memory
        self.opened = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.opened.enter_context(self.cores)
        self.opened.enter_context(self.gpu)
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.close()

    def check(self, recipes: Iterable[Recipe]) -> None:
        there: dict[str, list[Recipe]] = {"cpu": [], "cuda": []}
        for recipe in recipes:
            there[place(recipe, self.total).device].append(recipe)
        self.cores.check(there["cpu"])
        self.gpu.check(there["cuda"])

    def run(self, bundles: Iterable[Bundle]) -> Iterator[Finished]:
        def device(bundle: Bundle) -> str:
            return place(bundle[0].recipe, self.total).device

        for where, some in itertools.groupby(bundles, device):
            now = self.gpu if where == "cuda" else self.cores
            self.workers = now.workers
            yield from now.run(some)

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        return self.gpu.run_alone(trials)


class Mixed(Packed):
    """Workers of which the last has the GPU, all at the same time.

    Args:
        cores: workers on a core each.
        memory: bytes of the GPU.
    """

    name = "mixed"

    def __init__(self, cores: int, memory: int, checkpoints: Checkpoints | None = None) -> None:
        super().__init__("cpu", cores + 1, checkpoints)
        self.devices[-1] = "cuda"
        self.total = memory

    def device_of(self, recipe: Recipe | Probe, *, alone: bool = False) -> str:
        return "cuda" if alone else place(recipe, self.total).device

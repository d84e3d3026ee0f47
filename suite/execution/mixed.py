"""Mixed: packed on the cores, and one process on the GPU beside them, at the same time."""

from __future__ import annotations

from suite.execution.packed import Packed
from suite.execution.placement import place
from suite.execution.strategy import Checkpoints
from suite.vocabulary.recipe import Probe, Recipe


class Mixed(Packed):
    """Workers of which the last has the GPU; a trial goes where its recipe says that it belongs.

    What is timed is timed on the GPU, all arms of it.

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

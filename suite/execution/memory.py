"""What fits into memory side by side. Loads no torch.

A trial's footprint is worked out when its data and network are checked
(`suite.training.footprint`); a worker waits until its next trial fits beside the others, and stacks
are parted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from suite.execution.strategy import Bundle
from suite.vocabulary.optimizer import Optimizer, Schedule
from suite.vocabulary.recipe import Budget, Probe, Recipe

PROCESS = 300 << 20  # bytes of a worker's own, once it has loaded torch
CONTEXT = 600 << 20  # bytes on a GPU of each process that uses it; not measured
SHARE = 0.9  # of what is free; the rest is the system's, and for what the figures do not know


def kind(recipe: Recipe) -> Recipe:
    """Return what all recipes share that need the same memory."""
    return dataclasses.replace(
        recipe,
        data=recipe.data.without("random_labels"),
        optimizer=Optimizer(),
        schedule=Schedule(),
        budget=Budget(),
    )


class Memory:
    """A budget of bytes, and what trials need of it.

    Attributes:
        needs: bytes of one trial, by `kind`; a trial that is missing needs none that is known.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.needs: dict[Recipe, int] = {}

    def of(self, bundle: Bundle) -> int:
        """Return the bytes that a bundle needs; its cells each have data and weights of their own."""
        recipes = (trial.recipe for trial in bundle)
        return sum(
            0 if isinstance(recipe, Probe) else self.needs.get(kind(recipe), 0)
            for recipe in recipes
        )

    def parted(self, bundles: Iterable[Bundle], workers: int = 1) -> Iterator[Bundle]:
        """Yield the bundles in parts of which as many fit side by side as there are workers."""
        for bundle in bundles:
            each = max(map(self.of, zip(bundle)), default=0) * workers
            cells = max(1, self.budget // each) if each else len(bundle)
            parts = -(-len(bundle) // cells)
            yield from (bundle[part::parts] for part in range(parts))

    def fits(self, bundle: Bundle, running: Iterable[Bundle]) -> bool:
        """Say whether a bundle may start beside others; where none runs, there is no better time."""
        beside = list(map(self.of, running))
        return not beside or self.of(bundle) + sum(beside) <= self.budget

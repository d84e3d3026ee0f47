"""Which trials train as one program. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable

from suite.execution.strategy import Bundle
from suite.ground.identity import cohort_key
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Recipe

# Trials in one program on a CPU, where more gain little; docs/performance.md has the figures. On CUDA
# there are as many as memory holds, for which the strategy parts a bundle.
CELLS = 64


def make_bundles(trials: Iterable[Trial], device: str = "cpu") -> tuple[list[Bundle], list[Trial]]:
    """Return bundles of trials that differ in scalars and seed only, and the trials left over."""
    alike: dict[str, list[Trial]] = {}
    keys: dict[int, str] = {}  # by the recipe that all seeds of a cell share
    rest = []
    for trial in trials:
        # A batch is parted where a network is too large for memory: that is no network to stack.
        # A component of one's own that was not shown to stack is never stacked on trust.
        recipe = trial.recipe
        if isinstance(recipe, Recipe) and recipe.gradient_accumulation == 1 and recipe.stacks:
            key = keys.setdefault(id(trial.recipe), "") or cohort_key(trial.recipe)
            keys[id(trial.recipe)] = key
            alike.setdefault(key, []).append(trial)
        else:
            rest.append(trial)
    bundles = []
    for group in alike.values():
        parts = 1 if device == "cuda" else -(-len(group) // CELLS)
        bundles += [tuple(group[part::parts]) for part in range(parts)]
    rest += [bundle[0] for bundle in bundles if len(bundle) == 1]
    return [bundle for bundle in bundles if len(bundle) > 1], rest

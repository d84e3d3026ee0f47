"""Which trials train as one program. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from suite.execution.strategy import Bundle
from suite.grid import Trial
from suite.identity import cohort_key
from suite.recipe import Recipe

# Trials in one program. More gain little and cost memory; docs/benchmarks.md has the figures.
CELLS = 64


def bundled(
    trials: Iterable[Trial], worth: Callable[[Recipe], bool]
) -> tuple[list[Bundle], list[Trial]]:
    """Return bundles of trials that differ in scalars and seed only, and the trials left over.

    Args:
        worth: whether a recipe should be trained so, if it has company.
    """
    alike: dict[str, list[Trial]] = {}
    rest = []
    for trial in trials:
        if isinstance(trial.recipe, Recipe) and worth(trial.recipe):
            alike.setdefault(cohort_key(trial.recipe), []).append(trial)
        else:
            rest.append(trial)
    bundles = []
    for group in alike.values():
        parts = -(-len(group) // CELLS)
        bundles += [tuple(group[part::parts]) for part in range(parts)]
    rest += [bundle[0] for bundle in bundles if len(bundle) == 1]
    return [bundle for bundle in bundles if len(bundle) > 1], rest

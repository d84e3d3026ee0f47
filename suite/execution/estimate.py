"""What a plan will cost, from a few probed steps of each kind of trial on this machine."""

from __future__ import annotations

import dataclasses
import time

from suite.execution.plan import Plan
from suite.execution.strategy import THREADS
from suite.grid import Trial
from suite.identity import canonical, digest
from suite.recipe import Budget, Probe, Recipe

PROBED_STEPS = 30


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Seconds from start to end, and of process time; neither counts loading libraries."""

    seconds: float
    process_seconds: float


def estimate(plan: Plan) -> Estimate:
    """Train a few steps of each kind of trial, a kind being all but rate, budget and seed.

    Raises:
        RequestError: if the data or the network of a trial cannot be had.
    """
    from suite.training import determinism

    determinism.enforce(THREADS)
    costs: dict[str, tuple[float, float]] = {}
    seconds = process_seconds = 0.0
    for cohort in plan.cohorts:
        total = sum(_trial_seconds(trial, costs, plan.device) for trial in cohort.trials)
        process_seconds += total
        seconds += total if cohort.alone else total / plan.workers
    return Estimate(seconds, process_seconds)


def _trial_seconds(trial: Trial, costs: dict[str, tuple[float, float]], device: str) -> float:
    from suite.data import load
    from suite.training.loop import evaluation_steps

    recipe = trial.recipe
    if isinstance(recipe, Probe) and trial.devices > 1:
        return 0.0  # it is called in connected processes only, and takes less than they to start
    if isinstance(recipe, Probe):
        return _call_seconds(recipe, costs)
    kind = digest(canonical(_without_scalars(recipe)))
    if kind not in costs:
        costs[kind] = _probe(recipe, device)
    per_step, per_evaluation = costs[kind]
    n = len(load(recipe.data, 0, device).train)
    steps = recipe.budget.total_steps(n, recipe.batch_size)
    evaluations = evaluation_steps(recipe.budget, steps, -(-n // recipe.batch_size))
    return steps * per_step + (len(evaluations) + 1) * per_evaluation


def _call_seconds(probe: Probe, costs: dict[str, tuple[float, float]]) -> float:
    from suite.execution.work import measure

    kind = digest(canonical(probe))
    if kind not in costs:
        started = time.perf_counter()
        measure(probe, 0)
        costs[kind] = time.perf_counter() - started, 0.0
    return costs[kind][0]


def _without_scalars(recipe: Recipe) -> Recipe:
    plain = dataclasses.replace(recipe.optimizer, lr=0.1)
    return dataclasses.replace(recipe, optimizer=plain, budget=Budget(), devices=1)


def _probe(recipe: Recipe, device: str) -> tuple[float, float]:
    """Return seconds a step and seconds an evaluation."""
    from suite.training import train

    budget = Budget(epochs=None, steps=PROBED_STEPS)
    few = dataclasses.replace(recipe, budget=budget)
    train(few, 0, device=device)
    started = time.perf_counter()
    outcome = train(few, 0, device=device, alone=True)
    elapsed = time.perf_counter() - started
    steps = outcome.curves["cost/seconds"][-1][1] if outcome.curves else elapsed
    # Two trainings, the warm-up and the timed one, each with an evaluation at the end and one
    # more of all splits: what is not steps is four evaluations.
    return steps / PROBED_STEPS, max(0.0, elapsed - 2 * steps) / 4

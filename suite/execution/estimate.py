"""What a plan will cost, from a few probed steps of each kind of trial on this machine."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import NamedTuple

from suite.execution.plan import Plan
from suite.execution.strategy import THREADS
from suite.grid import Trial
from suite.identity import canonical, digest
from suite.recipe import Budget, Probe, Recipe

PROBED_STEPS = 30
PROBED_BATCHES = 4  # different ones, so that no cache holds them all
PROBED_EXAMPLES = 500
ENOUGH_SECONDS = 0.5  # of two steps; of a network so large more need not be known


class Cost(NamedTuple):
    """Seconds a step, or a probe's call, takes, and the evaluation of an example."""

    step: float
    example: float


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
    costs: dict[str, Cost] = {}
    of_cell: dict[int, float] = {}  # by the recipe that all seeds of a cell share

    def cost_of(trial: Trial) -> float:
        key = id(trial.recipe)
        if key not in of_cell:
            of_cell[key] = _trial_seconds(trial, costs, plan.device)
        return of_cell[key]

    seconds = process_seconds = 0.0
    for cohort in plan.cohorts:
        total = sum(map(cost_of, cohort.trials))
        process_seconds += total
        seconds += total if cohort.alone else total / plan.workers
    return Estimate(seconds, process_seconds)


def _trial_seconds(trial: Trial, costs: dict[str, Cost], device: str) -> float:
    from suite.data import outline
    from suite.training.loop import TRAIN_SAMPLE, evaluation_steps

    recipe = trial.recipe
    if isinstance(recipe, Probe) and trial.devices > 1:
        return 0.0  # it is called in connected processes only, and takes less than they to start
    if isinstance(recipe, Probe):
        return _call_seconds(recipe, costs)
    kind = digest(canonical(_without_scalars(recipe)))
    if kind not in costs:
        costs[kind] = _probe(recipe, device)
    train, validation, test, *_ = outline(recipe.data, 0)
    steps = recipe.budget.total_steps(train, recipe.batch_size)
    evaluations = len(evaluation_steps(recipe.budget, steps, -(-train // recipe.batch_size)))
    evaluated = evaluations * validation + test * (1 + len(recipe.shifts))
    evaluated += min(train, TRAIN_SAMPLE)
    return steps * costs[kind].step + evaluated * costs[kind].example


def _call_seconds(probe: Probe, costs: dict[str, Cost]) -> float:
    from suite.execution.work import measure

    kind = digest(canonical(probe))
    if kind not in costs:
        started = time.perf_counter()
        measure(probe, 0)
        costs[kind] = Cost(time.perf_counter() - started, 0.0)
    return costs[kind].step


def _without_scalars(recipe: Recipe) -> Recipe:
    plain = dataclasses.replace(recipe.optimizer, lr=0.1)
    return dataclasses.replace(recipe, optimizer=plain, budget=Budget(), devices=1)


def _probe(recipe: Recipe, device: str) -> Cost:
    """Time some steps, and the evaluation of some examples, on noise of the data's shape.

    The data themselves would do as well, but 60,000 images take a minute to resize.
    """
    import torch

    from suite.data import Examples, Split, outline
    from suite.training.evaluation import predict
    from suite.training.loop import Run

    real = outline(recipe.data, 0)
    n = min(PROBED_BATCHES * recipe.batch_size, real.train)
    images = len(real.shape) == 3
    noise_of = torch.Generator(device).manual_seed(0)
    shape = (n, *real.shape)
    inputs = torch.randint(256, shape, dtype=torch.uint8, device=device, generator=noise_of)
    targets = torch.arange(n, device=device) % real.outputs
    inputs = inputs if images else inputs / 255
    noise = Split(
        inputs,
        targets[:, None].float() if recipe.loss == "mse" else targets,
    )
    few = Split(noise.inputs[:1], noise.targets[:1])
    run_of = functools.partial(Run, examples=Examples(noise, few, few, real.outputs, ""))
    for steps in (2, PROBED_STEPS):
        budget = Budget(epochs=None, steps=steps, evaluations=1)
        run = run_of(dataclasses.replace(recipe, budget=budget, devices=1), 0, device)
        run.train()
        if run.watch.seconds > ENOUGH_SECONDS:
            break
    # As many as an evaluation has at a time, however few were trained on: a call costs something.
    many = PROBED_EXAMPLES if steps > 2 else 8
    some = inputs.repeat(-(-many // n), *[1] * len(real.shape))[:many]
    started = time.perf_counter()
    predict(run.network, some)
    return Cost(run.watch.seconds / run.done, (time.perf_counter() - started) / len(some))

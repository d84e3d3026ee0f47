"""What a plan will cost, from a few probed steps of each kind of trial on this machine."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from suite.execution.plan import Cohort, Plan
from suite.execution.strategy import THREADS, Bundle
from suite.ground.errors import blaming_own_code
from suite.ground.identity import canonical, digest
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Budget, Probe, Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from suite.data import Examples

PROBED_STEPS = 30
PROBED_BATCHES = 4  # different ones, so that no cache holds them all
PROBED_EXAMPLES = 500
ENOUGH_SECONDS = 0.5  # of two steps; of a network so large more need not be known
START = 7.0  # seconds before the first trial and after the last: libraries, workers, verdicts
KEPT = 0.03  # seconds of process time to keep a trial: its line in the journal, its run in MLflow

# Stacked cells are probed where launching operations may be most of a step, and where it matters.
PROBED_CELLS = 32
LAUNCH_BOUND = 1e-3  # seconds of a step
SHARE = 0.02  # of the plan's process time


class Cost(NamedTuple):
    """Seconds that a step, or a probe's call, takes, the evaluation of an example, and setting up."""

    step: float
    example: float
    setup: float = 0.0


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Seconds from start to end of a run, and of process time for its trials.

    Attributes:
        cohorts: seconds from start to end of each of the plan's.
    """

    seconds: float
    process_seconds: float
    cohorts: tuple[float, ...] = ()


class Estimator:
    """What plans cost; what one plan had probed, the next need not probe again.

    A kind of trial is all but rate, budget and seed, on a device.
    """

    def __init__(self) -> None:
        self.costs: defaultdict[str, dict[str, Cost]] = defaultdict(dict)  # by device and kind
        self.stacked: dict[tuple[str, str], float] = {}  # seconds of a cell's step
        # By the recipe that all seeds of a cell share.
        self.of_cell: dict[tuple[str, int], float] = {}

    def estimate(self, plan: Plan) -> Estimate:
        """Train a few steps of each kind of trial.

        Raises:
            RequestError: if the data or the network of a trial cannot be had.
        """
        if not plan.pending:
            return Estimate(0.0, 0.0)
        from suite.training import determinism  # with torch, which a plan of nothing need not load

        determinism.enforce(THREADS)
        with blaming_own_code():
            return self._estimate(plan)

    def _estimate(self, plan: Plan) -> Estimate:
        alone = sum(
            self._alone(one, cohort.device) for cohort in plan.cohorts for one in cohort.trials
        )
        taken = {id(cohort): self._cohort(cohort, SHARE * alone) for cohort in plan.cohorts}
        each = {id(one): taken[id(one)] / one.workers for one in plan.cohorts}
        stages = (max(each[id(one)] for one in stage) for stage in plan.stages)
        return Estimate(START + sum(stages), sum(taken.values()), tuple(each.values()))

    def _cohort(self, cohort: Cohort, least: float) -> float:
        """Return the seconds of process time of a cohort."""
        total = sum(self._bundle(bundle, cohort.device, least) for bundle in cohort.bundles)
        return total + KEPT * len(cohort.trials)

    def _alone(self, trial: Trial, device: str) -> float:
        key = device, id(trial.recipe)
        if key not in self.of_cell:
            self.of_cell[key] = _trial_seconds(trial, self.costs[device], device)
        return self.of_cell[key]

    def _bundle(self, bundle: Bundle, device: str, least: float) -> float:
        """Return the seconds of a bundle; one that alone takes less than `least` is not stacked."""
        alone = sum(self._alone(trial, device) for trial in bundle)
        recipe = bundle[0].recipe
        if len(bundle) == 1 or alone < least or not isinstance(recipe, Recipe):
            return alone
        kind = _kind(recipe)
        step = self.costs[device][kind].step
        if step > LAUNCH_BOUND:
            return alone
        if (device, kind) not in self.stacked:
            self.stacked[device, kind] = _probe_stack(recipe, device)
        steps = sum(_steps(trial.recipe) for trial in bundle if isinstance(trial.recipe, Recipe))
        return alone + steps * (self.stacked[device, kind] - step)


def _steps(recipe: Recipe) -> int:
    from suite.data import outline

    return recipe.budget.total_steps(outline(recipe.data, 0).train, recipe.batch_size)


def _trial_seconds(trial: Trial, costs: dict[str, Cost], device: str) -> float:
    from suite.data import outline
    from suite.training.loop import TRAIN_SAMPLE, evaluation_steps

    recipe = trial.recipe
    if isinstance(recipe, Probe) and trial.devices > 1:
        return 0.0  # it is called in connected processes only, and takes less than they to start
    if isinstance(recipe, Probe):
        return _call_seconds(recipe, costs)
    from suite.execution.work import check, refusing_misfits
    from suite.training import precision
    from suite.training.fitting import batches_fit

    precision.check(recipe.precision, device)
    kind = _kind(recipe)
    if kind not in costs and recipe.own:
        check(recipe, device)
    train, validation, test, *_ = outline(recipe.data, 0)
    with refusing_misfits(recipe):
        batches_fit(recipe, train, lambda: _network_and_example(recipe))
        if kind not in costs:
            costs[kind] = _probe(recipe, device)
    steps = recipe.budget.total_steps(train, recipe.batch_size)
    evaluations = len(evaluation_steps(recipe.budget, steps, -(-train // recipe.batch_size)))
    evaluated = evaluations * validation + test * (1 + len(recipe.shifts))
    evaluated += min(train, TRAIN_SAMPLE)
    cost = costs[kind]
    return cost.setup + steps * cost.step + evaluated * cost.example


def _call_seconds(probe: Probe, costs: dict[str, Cost]) -> float:
    from suite.execution.contained import contained
    from suite.execution.work import measure_probe

    kind = digest(canonical(probe))
    if kind not in costs:
        started = time.perf_counter()
        with contained():
            measure_probe(probe, 0)
        costs[kind] = Cost(time.perf_counter() - started, 0.0)
    return costs[kind].step


def _kind(recipe: Recipe) -> str:
    plain = dataclasses.replace(recipe.optimizer, lr=0.1)
    return digest(
        canonical(dataclasses.replace(recipe, optimizer=plain, budget=Budget(), devices=1))
    )


def _probe(recipe: Recipe, device: str) -> Cost:
    """Time some steps, and the evaluation of some examples."""
    from suite.training.evaluation import predict
    from suite.training.loop import Run
    from suite.training.stopwatch import Stopwatch

    examples = _noise(recipe, device)
    for steps in (2, PROBED_STEPS):
        started = time.perf_counter()
        run = Run(_few_steps(recipe, steps), 0, device, examples)
        setup = time.perf_counter() - started
        run.train()
        if run.watch.seconds > ENOUGH_SECONDS:
            break
    # As many as an evaluation has at a time, however few were trained on: a call costs something.
    inputs = examples.train.inputs
    many = PROBED_EXAMPLES if steps > 2 else 8
    some = inputs.repeat(-(-many // len(inputs)), *[1] * (inputs.ndim - 1))[:many]
    watch = Stopwatch(device)
    watch.start()
    predict(run.network, some)
    watch.stop()
    return Cost(run.watch.seconds / run.done, watch.seconds / len(some), setup)


def _network_and_example(recipe: Recipe) -> tuple[nn.Module, Tensor]:
    from suite.training.fitting import built

    examples = _noise(recipe, "cpu")
    return built(recipe.model, examples, 0), examples.train.inputs[:1]


def _probe_stack(recipe: Recipe, device: str) -> float:
    """Time some steps of stacked cells; return the seconds of one cell's step."""
    from suite.training.loop import Run
    from suite.training.stack import Stack

    examples = _noise(recipe, device)
    for steps in (2, PROBED_STEPS):
        few = _few_steps(recipe, steps)
        stack = Stack([Run(few, seed, device, examples) for seed in range(PROBED_CELLS)], device)
        started = time.perf_counter()
        stack.train()
    return (time.perf_counter() - started) / steps / PROBED_CELLS


def _few_steps(recipe: Recipe, steps: int) -> Recipe:
    budget = Budget(epochs=None, steps=steps, evaluations=1)
    return dataclasses.replace(recipe, budget=budget, devices=1, metrics=())


def _noise(recipe: Recipe, device: str) -> Examples:
    """Return noise of the data's shape, a few batches of it.

    The data themselves would do as well, but 60,000 images take a minute to resize.
    """
    import torch

    from suite.data import Examples, Split, outline

    real = outline(recipe.data, 0)
    n = min(PROBED_BATCHES * recipe.batch_size, real.train)
    images = len(real.shape) == 3
    noise_of = torch.Generator(device).manual_seed(0)
    shape = (n, *real.shape)
    kinds, dtype = (real.symbols, torch.int64) if real.symbols else (256, torch.uint8)
    inputs = torch.randint(kinds, shape, dtype=dtype, device=device, generator=noise_of)
    targets = torch.arange(n, device=device) % real.outputs
    if real.symbols and real.target:
        targets = targets[:, None].expand(n, *real.target)
    noise = Split(
        inputs if images or real.symbols else inputs / 255,
        targets[:, None].float() if recipe.loss.values else targets,
    )
    few = Split(noise.inputs[:1], noise.targets[:1])
    return Examples(noise, few, few, real.outputs, "", symbols=real.symbols)

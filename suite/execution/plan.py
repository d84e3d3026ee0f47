"""The plan: which trials run, which are there already, by which strategy and why. Loads no torch.

`auto` takes packed processes on a CPU, and says so. Where there is a GPU, each trial runs where its
recipe says that it belongs (`suite.execution.placement`): on the cores, packed, and then on the GPU, in
one process. `mixed` does both at the same time; as that has not run on a GPU yet, it must be asked for.
The estimate also says if stacking cells would be 1.5 times as fast, but nothing is chosen by a
stopwatch, or two runs of one command could end in different bits.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from suite.execution import gpus, placement, torchrun
from suite.execution.bundles import make_bundles
from suite.execution.mixed import InTurn, Mixed
from suite.execution.packed import Packed
from suite.execution.ray_cluster import RayCluster
from suite.execution.sequential import Sequential
from suite.execution.strategy import Bundle, Checkpoints, Strategy
from suite.execution.teams import Teams
from suite.ground.errors import RequestError
from suite.ground.processes import cores
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Probe

StrategyName = Literal["auto", "sequential", "packed", "vectorised", "mixed", "ray"]
# Processes that share a GPU, if it is not said how many. Five have shared one (docs/performance.md),
# timed by nobody.
ON_A_GPU = 4


@dataclass(frozen=True)
class Cohort:
    """Trials that run in one way.

    Attributes:
        reason: why that way.
        device: `cpu`, `cuda` or `mps`.
        workers: processes that train them side by side.
        alone: one at a time, with nothing beside them.
    """

    bundles: tuple[Bundle, ...]
    strategy: str
    reason: str
    device: str
    workers: int = 1
    alone: bool = False

    @property
    def trials(self) -> tuple[Trial, ...]:
        return tuple(trial for bundle in self.bundles for trial in bundle)


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes:
        cached: trials that are in the store already.
        device: `cpu`, `cuda` or `mps`, of all cohorts but those on the cores beside a GPU's.
        workers: processes that train side by side, on a core each where some trials are on the GPU.
        asked_workers: how many the user wants, or None.
    """

    cohorts: tuple[Cohort, ...]
    cached: tuple[Trial, ...]
    strategy: str
    device: str
    workers: int
    asked_workers: int | None = None

    @property
    def pending(self) -> tuple[Trial, ...]:
        return tuple(trial for cohort in self.cohorts for trial in cohort.trials)

    @property
    def stages(self) -> list[tuple[Cohort, ...]]:
        """The cohorts, those together that run at the same time."""
        beside = self.strategy == Mixed.name

        def stage(one: Cohort) -> tuple[object, ...]:
            return one.strategy, one.alone, None if beside and not one.alone else one.device

        grouped = itertools.groupby(self.cohorts, stage)
        return [tuple(cohorts) for _, cohorts in grouped]

    @property
    def places(self) -> str:
        """Say how many processes train where: `2 × cpu`."""
        if self.strategy in (Mixed.name, InTurn.name):
            return f"{self.workers} × cpu and 1 × {self.device}"
        return f"{self.workers} × {self.device}"

    def followed_by(self, later: Plan) -> Plan:
        """Return this plan and a later one as one: what ran meanwhile counts as run."""
        known = {trial.id for trial in (*self.cached, *self.pending)}
        cached = tuple(trial for trial in later.cached if trial.id not in known)
        return dataclasses.replace(
            self, cohorts=self.cohorts + later.cohorts, cached=self.cached + cached
        )

    def stacked(self, device: str) -> Plan:
        """Return the plan that would stack cells wherever they can be, if that device is asked for."""
        return make_plan(
            self.pending,
            lambda _: False,
            strategy="vectorised",
            device=device,
            workers=self.asked_workers,
        )

    def make_strategy(self, checkpoints: Checkpoints | None = None) -> Strategy:
        """Return the strategy; on a cluster's machines, whose disks come and go, none are kept."""
        match self.strategy:
            case "packed":
                return Packed(self.device, self.workers, checkpoints)
            case "mixed":
                return Mixed(self.workers, gpus.memory(), checkpoints)
            case "in_turn":
                return InTurn(self.workers, gpus.memory(), checkpoints)
            case "ray":
                return RayCluster(self.device, self.asked_workers)
            case "sequential":
                return Sequential(self.device, checkpoints)
        raise AssertionError(f"nothing makes the strategy '{self.strategy}'")


def make_plan(
    trials: Iterable[Trial],
    is_cached: Callable[[Trial], bool],
    *,
    strategy: StrategyName = "auto",
    device: str = "auto",
    workers: int | None = None,
) -> Plan:
    """Sort trials into cached ones and cohorts to run.

    Raises:
        RequestError: if the device is not there.
    """
    if strategy == "mixed" and (device in ("cpu", "mps") or not gpus.count()):
        raise RequestError("--strategy mixed needs a CUDA device (did you mean --strategy packed?)")
    trials = list(trials)
    teams = _devices_of_teams(trials) if device == "auto" else {}
    placing = strategy == "mixed" or (strategy == device == "auto" and gpus.count() > 0)
    # Whether a cluster has CUDA is not this machine's to say.
    device = device if strategy == "ray" and device in ("cpu", "cuda") else find_device(device)
    if strategy == "ray" and device == "mps":
        raise RequestError("a cluster trains on cpu or cuda, not on mps (did you mean 'cpu'?)")
    cached: list[Trial] = []
    pending: list[Trial] = []
    for trial in trials:
        (cached if is_cached(trial) else pending).append(trial)
    one_by_one: dict[str, list[Trial]] = {}
    together: list[Trial] = []
    for trial in pending:
        if trial.alone or trial.devices > 1 or _part(trial) in teams:
            one_by_one.setdefault(teams.get(_part(trial), device), []).append(trial)
        else:
            together.append(trial)
    if placing:
        more = device in one_by_one
        cohorts, name = _placed(together, workers, mixed=strategy == "mixed", more=more)
        on_gpu = more or name == Mixed.name or any(one.device == "cuda" for one in cohorts)
        device = "cuda" if on_gpu else "cpu"
        many = next((one.workers for one in cohorts if one.device == "cpu"), 1)
    else:
        cohorts, name, many = _side_by_side(together, strategy, device, workers)
    how = Packed.name if placing else name
    for where, some in one_by_one.items():
        cohorts.append(_in_rounds(some, Teams.name if where != device else how, where))
    return Plan(tuple(cohorts), tuple(cached), name, device, many, workers)


def _devices_of_teams(trials: Iterable[Trial]) -> dict[tuple[str, str], str]:
    """Return where trials share batches, by study and part: on GPUs if there are enough for all of it.

    Arms that share a batch are compared with arms that do not, so a part is on one kind of device.
    """
    most: dict[tuple[str, str], int] = {}
    for trial in trials:
        most[_part(trial)] = max(trial.devices, most.get(_part(trial), 1))
    there = gpus.count()
    return {
        part: "cuda" if count <= there else "cpu"
        for part, count in most.items()
        if there and count > 1
    }


def _part(trial: Trial) -> tuple[str, str]:
    return trial.study, trial.part


def _side_by_side(
    trials: list[Trial], strategy: StrategyName, device: str, workers: int | None
) -> tuple[list[Cohort], str, int]:
    """Return the cohorts of trials on one device, the strategy's name, and how many processes."""
    stacks, single = make_bundles(trials, device) if strategy == "vectorised" else ([], trials)
    tasks = len(stacks) + len(single)
    name, reason = _choose(strategy, device, tasks, workers)
    many = min(workers or processes(device), max(1, tasks)) if name == "packed" else 1
    cohorts = []
    if stacks:
        why = "trials that differ in scalars and seed only train as one program"
        cohorts.append(Cohort(_longest_first(stacks), "vectorised", why, device, many))
    if single:
        bundles = _study_by_study([(trial,) for trial in single])
        cohorts.append(Cohort(bundles, name, reason, device, many))
    return cohorts, name, many


def processes(device: str) -> int:
    """Return how many processes train side by side on a device, if it is not said."""
    return min(cores(), ON_A_GPU) if device == "cuda" else cores()


def _placed(
    trials: Iterable[Trial], workers: int | None, *, mixed: bool, more: bool
) -> tuple[list[Cohort], str]:
    """Return a cohort for the cores and one for the GPU, and the name of the strategy for both.

    Args:
        mixed: both at the same time.
        more: there are other trials, all on the GPU.
    """
    there: dict[str, list[tuple[Trial, placement.Place]]] = {"cpu": [], "cuda": []}
    for trial in trials:
        found = placement.place(trial.recipe, gpus.memory())
        there[found.device].append((trial, found))
    most = workers or max(1, cores() - mixed)  # one core is busy driving the GPU
    cohorts = [
        Cohort(
            _study_by_study([(trial,) for trial, _ in placed]),
            Packed.name,
            placement.words(device, [one for _, one in placed]),
            device,
            min(most, len(placed)) if device == "cpu" else 1,
        )
        for device, placed in there.items()
        if placed
    ]
    if mixed:
        return cohorts, Mixed.name
    both = there["cpu"] and (there["cuda"] or more)
    return cohorts, InTurn.name if both else Packed.name


def _in_rounds(trials: Iterable[Trial], strategy: str, device: str) -> Cohort:
    """Return a cohort that runs seed by seed, so that a machine that slows down slows every arm."""
    rounds = sorted(trials, key=lambda trial: trial.seed)
    most = max(trial.devices for trial in rounds)
    _check_devices({trial.devices for trial in rounds}, device)
    how = Teams.name if most > 1 else strategy
    why = "its seconds are measured" if most == 1 else "several processes share each batch"
    why = f"{why}: one at a time, in rounds over the seeds"
    return Cohort(tuple((trial,) for trial in rounds), how, why, device, alone=True)


def _study_by_study(bundles: Iterable[Bundle]) -> tuple[Bundle, ...]:
    """Return the bundles so that a study is whole before the next begins, the shortest study first."""
    by_study: dict[str, list[Bundle]] = {}
    for bundle in bundles:
        by_study.setdefault(bundle[0].study, []).append(bundle)
    work = {name: sum(_work(one) for one in of_it) for name, of_it in by_study.items()}
    names = sorted(by_study, key=lambda name: work[name])
    return tuple(bundle for name in names for bundle in _longest_first(by_study[name]))


def _work(bundle: Bundle) -> float:
    return sum(map(expected_work, bundle))


def _longest_first(bundles: Iterable[Bundle]) -> tuple[Bundle, ...]:
    """Return the bundles in an order in which none that is long starts last, beside idle workers."""
    return tuple(sorted(bundles, key=_work, reverse=True))


def _choose(asked: StrategyName, device: str, trials: int, workers: int | None) -> tuple[str, str]:
    if asked not in ("auto", "vectorised"):  # stacks are run by whichever way suits
        return asked, "you asked for it"
    if device in ("cuda", "mps"):
        return "sequential", "one process drives the GPU"
    if trials < 2 or (workers or cores()) < 2:
        why = "there is one trial" if trials < 2 else "there is one core"
        return "sequential", why
    return "packed", f"{workers or cores()} processes train side by side, one thread each"


def expected_work(trial: Trial) -> float:
    """Return a figure that grows with a trial's length: its steps, dear ones counted dearer.

    A step of a small network costs about as much as 64 examples in fixed overhead. Over the 7,728
    trials of all laptop tiers, a trial took 0.19 s more than its steps explain, to split its data
    and to evaluate, and a probe 0.14 s: more than 100,000 examples' worth.
    """
    recipe = trial.recipe
    if isinstance(recipe, Probe):
        return TRIAL_WORK
    examples = recipe.data.train_examples or TYPICAL_EXAMPLES
    steps = recipe.budget.total_steps(examples, recipe.batch_size)
    return TRIAL_WORK + steps * (64 + min(recipe.batch_size, examples))


TYPICAL_EXAMPLES = 2000
TRIAL_WORK = 100_000.0


def _check_devices(counts: set[int], device: str) -> None:
    count = max(counts)
    if torchrun.processes():
        torchrun.check_devices(counts)
    elif device == "mps" and count > 1:
        raise RequestError(f"devices={count}: mps is one device (did you mean --device cpu?)")
    elif device == "cuda" and count > gpus.count():
        here = gpus.count()
        raise RequestError(
            f"devices={count} needs {count} GPUs, not {here} (did you mean --device cpu?)"
        )


def find_device(asked: str) -> str:
    """Return `cpu`, `cuda` or `mps`; raise RequestError if the device asked for is not there.

    Apple's GPU, `mps`, is taken only where it is asked for: PyTorch does not promise equal bits there.
    """
    if asked == "cuda" and not gpus.count():
        raise RequestError(
            "there is no CUDA device here that PyTorch can use (did you mean --device cpu?)"
        )
    if asked == "mps":
        from torch.backends import mps  # there is no asking a driver

        if not mps.is_available():
            raise RequestError("PyTorch finds no mps device here (did you mean --device cpu?)")
    if asked == "auto":
        return "cuda" if gpus.count() else "cpu"
    return asked

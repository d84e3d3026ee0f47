"""Running recorded trials again, as they were run then or with one thing changed. Writes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suite.execution import environment, gpus
from suite.execution.bundles import make_bundles
from suite.execution.memory import kind
from suite.execution.packed import Packed
from suite.execution.plan import find_device, processes
from suite.execution.progress import make_progress
from suite.execution.records import record_of
from suite.execution.sequential import Sequential
from suite.execution.strategy import Bundle, Finished, Strategy
from suite.execution.teams import Teams, make_teams
from suite.execution.torchrun import Torchrun
from suite.ground.errors import RequestError
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Probe, Recipe
from suite.vocabulary.record import Record

Records = Mapping[str, Record]
Team = Teams | Torchrun


@dataclass(frozen=True)
class Setting:
    """How a trial runs, as far as its numbers may depend on it."""

    strategy: str
    threads: int
    device: str


def setting_of(record: Record, changes: Mapping[str, Any]) -> Setting:
    """Return how a trial ran, less what is to be changed.

    Raises:
        RequestError: if the device is not here, or several devices would be asked to be one.
    """
    ran = record.provenance
    setting = Setting(ran.strategy, ran.threads, ran.device)
    changed = dataclasses.replace(setting, **changes)
    if changed.strategy != setting.strategy and trial_of(record).devices > 1:
        raise RequestError(f"trial {record.id} needs several devices: no other strategy has them")
    if "device" not in changes and setting.device == "cuda" and not gpus.count():
        raise RequestError(f"trial {record.id} ran on a GPU, which is not here")
    find_device(changed.device)
    return changed


def trial_of(record: Record) -> Trial:
    """Return the trial that a record is of, from the record alone."""
    if record.is_probe:
        cell = {path: _level(level) for path, level in record.recipe["cell"].items()}
        recipe: Recipe | Probe = Probe(**{**record.recipe, "cell": cell})
    else:
        recipe = discovery.recipe_of(record)
    cell = {path: _level(level) for path, level in record.cell.items()}
    return Trial(record.study, record.part, cell, recipe, record.seed, record.alone)


def rerun(
    wanted: Iterable[Record], known: Records, changes: Mapping[str, Any]
) -> dict[str, Record]:
    """Run trials again; return new records by id, those of a trial's company among them.

    Args:
        known: all records there are: trials that trained as one program do so again.
        changes: fields of Setting that are not to be as they were.

    Raises:
        RequestError: if something that a trial needs cannot be had.
    """
    groups: dict[Setting, dict[str, Bundle]] = {}
    cohorts: set[str] = set()
    for record in wanted:
        setting = setting_of(record, changes)
        bundle = _bundle(record, setting, known)
        groups.setdefault(setting, {})[bundle[0].id] = bundle  # of a cohort, once
        if record.provenance.cohort:
            cohorts.add(bundle[0].id)
    bundles = [bundle for group in groups.values() for bundle in group.values()]
    common, found = environment.capture(), {}
    with make_progress(tuple(trial for bundle in bundles for trial in bundle)) as progress:
        for setting, group in groups.items():
            ran = common | dataclasses.asdict(setting)
            for finished in _run(setting, list(group.values()), cohorts):
                found[finished.trial.id] = record_of(finished, ran, workers=1)
                progress.ended(finished, 1)
    return found


def _strategy(setting: Setting, bundles: int) -> Strategy | Team:
    """Return what runs trials in a setting. Ray's processes are packed ones, on other machines."""
    device, threads = setting.device, setting.threads
    if setting.strategy == "data_parallel":
        return make_teams(device, threads=threads)
    if setting.strategy in ("packed", "ray"):
        return Packed(device, min(processes(device), bundles), threads=threads)
    if setting.strategy in ("sequential", "vectorised"):
        return Sequential(device, threads=threads)
    raise RequestError(f"there is no strategy '{setting.strategy}' here")


def _run(setting: Setting, bundles: list[Bundle], cohorts: Collection[str]) -> Iterator[Finished]:
    """Run bundles side by side, but for those to be timed and those of teams.

    Args:
        cohorts: first trials of bundles that trained together, and must not be parted.
    """
    strategy = _strategy(setting, len(bundles))
    with strategy:
        _check(setting, strategy, [trial for bundle in bundles for trial in bundle])
        if isinstance(strategy, Sequential):
            _check_whole(strategy, [bundle for bundle in bundles if bundle[0].id in cohorts])
        if isinstance(strategy, Team):
            yield from strategy.run_alone(bundle[0] for bundle in bundles)
        else:
            yield from strategy.run(bundle for bundle in bundles if not bundle[0].alone)
            yield from strategy.run_alone(bundle[0] for bundle in bundles if bundle[0].alone)


def _check_whole(strategy: Sequential, cohorts: Iterable[Bundle]) -> None:
    """Raise RequestError if trials that trained as one program do not fit into memory as one."""
    for bundle in cohorts:
        if list(strategy.memory.parted([bundle])) != [bundle]:
            raise RequestError(
                f"trial {bundle[0].id} trained as one program with {len(bundle) - 1} others, for "
                "which there is too little memory here"
            )


def _bundle(record: Record, setting: Setting, known: Records) -> Bundle:
    """Return the trials that train as one program with a record's, itself among them."""
    cohort = record.provenance.cohort
    if setting.strategy != "vectorised":
        return (trial_of(record),)
    if missing := [trial for trial in cohort if trial not in known]:
        raise RequestError(f"trial {record.id} trained together with {missing[0]}, which is lost")
    if cohort or record.provenance.strategy == "vectorised":
        return tuple(trial_of(known[trial]) for trial in cohort) or (trial_of(record),)
    others = [one for one in known.values() if one.study == record.study and not one.alone]
    trials = (trial for trial in map(trial_of, others) if trial.devices == 1)
    bundles, _ = make_bundles(trials, setting.device)
    own = trial_of(record)
    mine = (bundle for bundle in bundles if own.id in {trial.id for trial in bundle})
    return next(mine, (own,))


def _check(setting: Setting, strategy: Strategy | Team, trials: Iterable[Trial]) -> None:
    """Raise RequestError if the data or the study's file of a trial cannot be had."""
    recipes = {}
    for trial in trials:
        if isinstance(trial.recipe, Probe):
            discovery.probe(discovery.load(trial.recipe.study), trial.recipe.function)
        else:
            recipes[kind(trial.recipe)] = trial.recipe
    checking = Sequential(setting.device) if isinstance(strategy, Team) else strategy
    checking.check(recipes.values())


def _level(level: Any) -> Any:
    return tuple(map(_level, level)) if isinstance(level, list) else level

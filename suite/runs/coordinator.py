"""One run of studies, from the plan to the findings. The only writer of records."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.execution import environment
from suite.execution.memory import kind
from suite.execution.plan import Cohort, Plan, StrategyName, make_plan
from suite.execution.pool import data_digest, start
from suite.execution.progress import Progress, make_progress
from suite.execution.records import record_of
from suite.execution.strategy import THREADS, Finished, Strategy
from suite.execution.teams import Teams, make_teams
from suite.execution.torchrun import Torchrun
from suite.ground import contents
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.runs.stores import checkpoints, knows_store, take_over
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.tracker import Tracker
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Changes, Grid, Trial
from suite.vocabulary.recipe import Probe, Recipe
from suite.vocabulary.record import Execution, Record, files_read
from suite.vocabulary.study import Study


@dataclass(frozen=True)
class Request:
    """What was asked of one study."""

    study: Study
    tier: str = "laptop"
    overrides: Changes = dataclasses.field(default_factory=dict)
    only: Changes = dataclasses.field(default_factory=dict)
    seeds: int | None = None

    @property
    def grids(self) -> tuple[Grid, ...]:
        return self.study.grids(
            self.tier, overrides=self.overrides, only=self.only, seeds=self.seeds
        )

    @property
    def trials(self) -> tuple[Trial, ...]:
        return self.study.trials(self.grids)

    def execution(self) -> Execution:
        return Execution(
            study=self.study.name,
            tier=self.tier,
            overrides=canonical_changes(self.overrides),
            only=canonical_changes(self.only),
            seeds=self.seeds,
            trials=[trial.id for trial in self.trials],
            command=environment.command(),
            started=time.time(),
            claims=self.study.claims_digest,
        )


@dataclass(frozen=True)
class Engine:
    """How to run: the choices that change no result."""

    strategy: StrategyName = "auto"
    device: str = "auto"
    workers: int | None = None


def plan(requests: Iterable[Request], journal: Journal, engine: Engine) -> Plan:
    """Return the plan for all studies together; a trial that two of them share is run once."""
    with contents.one_look():
        trials = {trial.id: trial for request in requests for trial in request.trials}
    certain = _failing_again(journal.records)
    return make_plan(
        trials.values(),
        lambda trial: journal.has(trial.id) or trial.id in certain,
        strategy=engine.strategy,
        device=engine.device,
        workers=engine.workers,
    )


def _failing_again(records: Mapping[str, Record]) -> set[str]:
    """Return the trials that the same code in the same surroundings has failed in, and would again."""
    failed = [record for record in records.values() if record.outcome.fails_again]
    now = environment.capture() if failed else {}
    same = ("commit", "diff", "packages", "python")
    return {
        record.id
        for record in failed
        if all(getattr(record.provenance, name) == now[name] for name in same)
    }


def run(requests: Sequence[Request], journal: Journal, tracker: Tracker, engine: Engine) -> Plan:
    """Run every trial that has no record, and bring the store up to date; return the plan.

    Every record is in the journal before anything else happens to it, so whatever ends this
    call, finished trials stay finished.

    Raises:
        RequestError: if something that was asked for cannot be had; no trial has run then.
    """
    location.check_writable(tracker.uri)
    made = plan(requests, journal, engine)
    _check_same_data(made.cached, journal.records)
    with contextlib.ExitStack() as stack:
        if made.pending:
            informed = knows_store(journal, tracker)
            strategy = stack.enter_context(made.make_strategy(checkpoints(journal)))
            if not informed:
                take_over([request.study.name for request in requests], journal, tracker)
                made = plan(requests, journal, engine)
            strategy.check(_distinct(made.pending))
        stack.enter_context(journal.run_lock())
        _begin(requests, journal)
        if made.pending:
            tracker.open()
            _run_cohorts(made, strategy, journal, tracker)
        for request in requests:
            tracker.complete(request.study.name, _own_records(request, journal))
        tracker.wait()
        if made.pending and tracker.error is None and not tracker.refused:
            journal.add_store(location.identity(tracker.uri))
    return made


def _check_same_data(cached: Iterable[Trial], records: Mapping[str, Record]) -> None:
    """Refuse to count trials whose source of one's own gives other examples now.

    An id holds the source's code, and a digest of files that its fields name, but not of what the
    code reads besides.
    """
    unsure: dict[Data, Trial] = {}
    for trial in cached:
        if isinstance(trial.recipe, Probe):
            _check_same_files(trial, records[trial.id])
        if isinstance(trial.recipe, Recipe) and records[trial.id].outcome.data_digest:
            data = trial.recipe.data
            if data.home and not data.version and not data.files():
                unsure.setdefault(data, trial)
    if not unsure:
        return
    with start() as pool:
        for data, trial in unsure.items():
            record = records[trial.id]
            then = now = record.outcome.data_digest
            with contextlib.suppress(Exception):  # what can no longer be read cannot be compared
                now = pool.submit(data_digest, data, trial.seed).result()
            if now != then:
                raise RequestError(
                    f"data '{data.name}' gives other examples than when trial {trial.id} ran: make "
                    "what it reads a field that is a Path, or give it another version, "
                    f"@source(version=…); or `suite forget {record.study}`"
                )


def _check_same_files(trial: Trial, record: Record) -> None:
    """Refuse to count what a probe measured of a file that holds something else now."""
    for path, digest in files_read(record.provenance.data_source).items():
        if Path(path).exists() and contents.digest_of(Path(path), "a probe") != digest:
            raise RequestError(
                f"{path} is another one than when trial {trial.id} of study '{record.study}' read it: "
                f"`suite forget {record.study}` and its trials run again"
            )


def _begin(requests: Sequence[Request], journal: Journal) -> None:
    """Note what is run, but for what each study's latest run was: it is the same run."""
    for request in requests:
        execution, last = request.execution(), journal.latest(request.study.name)
        if last is None or not execution.asks_the_same(last):
            journal.add(execution)


def _run_cohorts(made: Plan, strategy: Strategy, journal: Journal, tracker: Tracker) -> None:
    common = environment.capture() | {"device": made.device, "threads": THREADS}
    teams = make_teams(made.device, checkpoints(journal))
    with make_progress(made.pending) as progress, teams:
        for cohort in made.cohorts:
            ran = common | {"strategy": cohort.strategy}
            keep = functools.partial(_keep, ran=ran, journal=journal, progress=progress)
            if cohort.alone:
                # The store is written by a thread of this process: let it finish, and hand it
                # nothing more, so that nothing runs beside a trial that is being timed.
                tracker.wait()
                alone = _run_alone(cohort, strategy, teams)
                tracker.log([keep(finished, workers=1) for finished in alone])
            else:
                for finished in strategy.run(cohort.bundles):
                    tracker.log([keep(finished, workers=strategy.workers)])


def run_one(made: Plan) -> Finished:
    """Run a plan of one trial, and keep no record of it.

    Raises:
        RequestError: if something that it needs cannot be had.
    """
    (cohort,) = made.cohorts
    with made.make_strategy() as strategy, make_teams(made.device) as teams:
        strategy.check(_distinct(made.pending))
        (finished,) = _run_alone(cohort, strategy, teams)
    return finished


def _run_alone(cohort: Cohort, strategy: Strategy, teams: Teams | Torchrun) -> Iterator[Finished]:
    runs = teams if cohort.strategy == teams.name else strategy
    return runs.run_alone(cohort.trials)


def _keep(
    finished: Finished,
    *,
    ran: Mapping[str, Any],
    workers: int,
    journal: Journal,
    progress: Progress,
) -> Record:
    record = record_of(finished, ran, workers)
    journal.add(record)
    checkpoints(journal).forget(record.id)
    progress.ended(finished, workers)
    return record


def _own_records(request: Request, journal: Journal) -> list[Record]:
    """Return the records of every trial asked for, each in its own study's place."""
    return [
        dataclasses.replace(
            journal.records[trial.id], study=trial.study, part=trial.part, cell=dict(trial.cell)
        )
        for trial in request.trials
        if trial.id in journal.records
    ]


def _distinct(trials: Iterable[Trial]) -> list[Recipe]:
    """Return one recipe for each combination of all that decides what it needs of the machine."""
    recipes = (trial.recipe for trial in trials if isinstance(trial.recipe, Recipe))
    return list({kind(recipe): recipe for recipe in recipes}.values())


def canonical_changes(changes: Changes) -> dict[str, Any]:
    """Return changes as plain JSON types."""
    return {path: canonical(value) for path, value in changes.items()}

"""One run of studies, from the plan to the findings. The only writer of records."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from suite.ground.identity import canonical, digest
from suite.runs.pages import Pages
from suite.runs.stores import checkpoints, knows_store, take_over
from suite.tracking import location
from suite.tracking.journal import Journal
from suite.tracking.tracker import Tracker
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Changes, Grid, Trial
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.record import Execution, Record, Status, files_read
from suite.vocabulary.study import Study

if TYPE_CHECKING:
    from suite.evidence.looks import Looked


@dataclass(frozen=True)
class Request:
    """What was asked of one study."""

    study: Study
    tier: str = "laptop"
    overrides: Changes = dataclasses.field(default_factory=dict)
    only: Changes = dataclasses.field(default_factory=dict)
    seeds: int | None = None
    _looked: dict[tuple[int, int], Looked] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def grids(self) -> tuple[Grid, ...]:
        return self.study.grids(
            self.tier, overrides=self.overrides, only=self.only, seeds=self.seeds
        )

    @property
    def trials(self) -> tuple[Trial, ...]:
        return self.study.trials(self.grids)

    @property
    def has_looks(self) -> bool:
        return any(grid.looks for grid in self.grids)

    @property
    def trials_read(self) -> tuple[Trial, ...]:
        """Every trial that it asks for if no claim is decided before its last look."""
        from suite.evidence.looks import asked_if_all_stay_open

        return asked_if_all_stay_open(self.study, self.grids, self.trials)

    def looked(self, records: Mapping[str, Record]) -> Looked:
        """Return how far its looks have come, with the records there are."""
        from suite.evidence.results import try_looks  # with pandas, which few requests need here

        # A record is new, or it is of a trial that had failed and was tried again.
        failed = sum(one.outcome.status is Status.FAILED for one in records.values())
        state = len(records), failed
        if state not in self._looked:
            found = try_looks(self.study, self.grids, self.trials, records)
            self._looked[state] = found
        return self._looked[state]

    def asked(self, records: Mapping[str, Record]) -> tuple[Trial, ...]:
        """Return the trials that it asks for, after what there is."""
        return self.looked(records).asked if self.has_looks else self.trials

    def own(self, records: Mapping[str, Record]) -> list[Record]:
        """Return the records of every trial that it may ask for, each in its own study's place."""
        return [
            dataclasses.replace(
                records[one.id], study=one.study, part=one.part, cell=dict(one.cell)
            )
            for one in self.trials
            if one.id in records
        ]

    def execution(self, trials: Iterable[Trial]) -> Execution:
        return Execution(
            study=self.study.name,
            tier=self.tier,
            overrides=canonical_changes(self.overrides),
            only=canonical_changes(self.only),
            seeds=self.seeds,
            trials=[trial.id for trial in trials],
            command=environment.command(),
            started=time.time(),
            claims=self.study.claims_digest,
            looks={
                grid.name: list(grid.looks.counts) if grid.looks else [grid.seeds]
                for grid in self.grids
            },
            levels={
                grid.name: digest(list(map(canonical_changes, grid.cells))) for grid in self.grids
            },
        )


@dataclass(frozen=True)
class Engine:
    """How to run: the choices that change no result."""

    strategy: StrategyName = "auto"
    device: str = "auto"
    workers: int | None = None


def plan(
    requests: Iterable[Request], journal: Journal, engine: Engine, tried: Container[str] = ()
) -> Plan:
    """Return the plan for all studies together; a trial that two of them share is run once.

    Args:
        tried: trials that have run already, however they ended, and are not to be tried again.
    """
    with contents.one_look():
        asked = (trial for request in requests for trial in request.asked(journal.records))
        trials = {trial.id: trial for trial in asked}
    certain = _failing_again(journal.records)
    return make_plan(
        trials.values(),
        lambda trial: journal.has(trial.id) or trial.id in certain or trial.id in tried,
        strategy=engine.strategy,
        device=engine.device,
        workers=engine.workers,
    )


def plan_of_all(requests: Iterable[Request], journal: Journal, engine: Engine) -> Plan:
    """Return the plan of every trial that looks may come to ask for."""
    trials = {trial.id: trial for request in requests for trial in request.trials_read}
    return make_plan(
        trials.values(),
        lambda trial: journal.has(trial.id),
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


def run(
    requests: Sequence[Request],
    journal: Journal,
    tracker: Tracker,
    engine: Engine,
    pages: Pages | None = None,
) -> Plan:
    """Run every trial that has no record, and bring the store up to date; return the plan.

    Args:
        pages: told of each study that has the trials which it asks for.

    Every record is in the journal before anything else happens to it, so whatever ends this
    call, finished trials stay finished.

    Raises:
        RequestError: if something that was asked for cannot be had; no trial has run then.
    """
    location.check_writable(tracker.uri)
    made = plan(requests, journal, engine)
    _check_same_data(made.cached, journal.records)
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as computing:
        if pages is not None:
            stack.callback(pages.stop)
        if made.pending:
            informed = knows_store(journal, tracker)
            strategy = computing.enter_context(made.make_strategy(checkpoints(journal)))
            if not informed:
                take_over([request.study.name for request in requests], journal, tracker)
                made = plan(requests, journal, engine)
            strategy.check(_distinct(made.pending))
        stack.enter_context(journal.run_lock())
        _begin(requests, journal)
        if made.pending:
            tracker.open()
            _run_cohorts(made, strategy, journal, tracker, pages)
        computing.close()
        for further in _further_looks(made, requests, journal, engine):
            tracker.open()
            if pages is not None:
                pages.ready()
            with further.make_strategy(checkpoints(journal)) as strategy:
                _run_cohorts(further, strategy, journal, tracker, pages)
            made = made.followed_by(further)
        for request in requests:
            tracker.complete(request.study.name, request.own(journal.records))
        tracker.wait()
        if made.pending and tracker.error is None and not tracker.refused:
            journal.add_store(location.identity(tracker.uri))
    return made


def _further_looks(
    made: Plan, requests: Sequence[Request], journal: Journal, engine: Engine
) -> Iterator[Plan]:
    """Yield the plan of each further look, once the trials of the one before are in the journal."""
    looking = [request for request in requests if request.has_looks]
    tried = {trial.id for trial in made.pending}
    known = tried | {trial.id for trial in made.cached}
    while looking and (further := plan(looking, journal, engine, tried)).pending:
        _check_same_data([one for one in further.cached if one.id not in known], journal.records)
        _begin(looking, journal)
        print(_looks_words(looking, journal.records), file=sys.stderr)
        tried |= {trial.id for trial in further.pending}
        known |= tried | {trial.id for trial in further.cached}
        yield further


def _revised(request: Request, execution: Execution, journal: Journal) -> list[str]:
    """Return the parts of which an earlier run, whose results were seen, had other claims, levels, seeds.

    Runs that ask for other seeds or levels than the file are no plan, and the smoke tier no result.
    """
    if request.tier == "smoke" or not execution.is_planned:
        return []
    changed: set[str] = set()
    for earlier in journal.executions:
        of_it = (earlier.study, earlier.tier) == (execution.study, execution.tier)
        if of_it and earlier.is_planned:
            claims = earlier.claims != execution.claims
            levels = {**execution.levels, **earlier.levels}  # of which earlier versions say nothing
            changed |= {
                part
                for part, looks in execution.looks.items()
                if part in earlier.looks
                and (
                    claims or earlier.looks[part] != looks or levels[part] != execution.levels[part]
                )
            }
            changed |= set(earlier.revised) & execution.looks.keys()
    return sorted(changed)


def _looks_words(requests: Iterable[Request], records: Mapping[str, Record]) -> str:
    """Say how many claims are still open: `look 2 of 3: 4 of 15 claims open`."""
    looked = (request.looked(records) for request in requests)
    going_on = [one for one in looked if one.open and one.look < one.looks]
    look = max((one.look for one in going_on), default=0) + 1
    looks = max((one.looks for one in going_on), default=look)
    claims = sum(len(one.findings) for one in going_on)
    where = f" of {len(going_on)} studies" if len(going_on) > 1 else ""
    return f"look {look} of {looks}: {sum(one.open for one in going_on)} of {claims} claims{where} open"


def _check_same_data(cached: Iterable[Trial], records: Mapping[str, Record]) -> None:
    """Refuse to count trials whose source of one's own gives other examples now.

    An id holds the source's code, and a digest of files that its fields name, but not of what the
    code reads besides.
    """
    unsure: dict[Data, Trial] = {}
    for trial in cached:
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
    """Refuse to count what was made of a file that holds something else now."""
    for path, then in files_read(record.provenance.data_source).items():
        there = Path(path)
        if there.exists() and contents.digest_of(there, f"study '{trial.study}'") != then:
            raise RequestError(
                f"{path} is another one than when trial {trial.id} of study '{record.study}' read it: "
                f"`suite forget {record.study}` and its trials run again"
            )


def _begin(requests: Sequence[Request], journal: Journal) -> None:
    """Note what is run, but for what each study's latest run was: it is the same run."""
    for request in requests:
        execution = request.execution(request.asked(journal.records))
        execution = dataclasses.replace(execution, revised=_revised(request, execution, journal))
        last = journal.latest(request.study.name)
        if last is None or not execution.asks_the_same(last):
            journal.add(execution)


def _run_cohorts(
    made: Plan, strategy: Strategy, journal: Journal, tracker: Tracker, pages: Pages | None
) -> None:
    left = Counter(trial.study for trial in made.pending)
    common = environment.capture() | {"threads": THREADS}
    with make_progress(made.pending) as progress:
        for stage in made.stages:
            first = stage[0]
            ran = common | {"strategy": first.strategy}
            where = {trial.id: cohort.device for cohort in stage for trial in cohort.trials}
            keep = functools.partial(
                _keep, ran=ran, where=where, journal=journal, progress=progress
            )
            if first.alone:
                # The store is written by a thread of this process: let it finish, and hand it
                # nothing more, so that nothing runs beside a trial that is being timed.
                tracker.wait()
                if pages is not None:
                    pages.wait()
                with make_teams(first.device, checkpoints(journal)) as teams:
                    alone = _run_alone(first, strategy, teams)
                    tracker.log([keep(finished, workers=1) for finished in alone])
            else:
                bundles = (bundle for cohort in stage for bundle in cohort.bundles)
                for finished in strategy.run(bundles):
                    tracker.log([keep(finished, workers=strategy.workers)])
                    left[finished.trial.study] -= 1
                    if pages is not None and not left[finished.trial.study] and any(left.values()):
                        pages.ready()


def run_one(made: Plan) -> Finished:
    """Run a plan of one trial, and keep no record of it.

    Raises:
        RequestError: if something that it needs cannot be had.
    """
    (cohort,) = made.cohorts
    with made.make_strategy() as strategy, make_teams(cohort.device) as teams:
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
    where: Mapping[str, str],
    workers: int,
    journal: Journal,
    progress: Progress,
) -> Record:
    record = record_of(finished, {**ran, "device": where[finished.trial.id]}, workers)
    journal.add(record)
    checkpoints(journal).forget(record.id)
    progress.ended(finished, workers)
    return record


def _distinct(trials: Iterable[Trial]) -> list[Recipe]:
    """Return one recipe for each combination of all that decides what it needs of the machine."""
    recipes = (trial.recipe for trial in trials if isinstance(trial.recipe, Recipe))
    return list({kind(recipe): recipe for recipe in recipes}.values())


def canonical_changes(changes: Changes) -> dict[str, Any]:
    """Return changes as plain JSON types."""
    return {path: canonical(value) for path, value in changes.items()}

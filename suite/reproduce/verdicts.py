"""Whether verdicts hold with trials that were run again in place of the recorded ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from suite.evidence.results import gather
from suite.ground.errors import RequestError
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.metrics import is_timed
from suite.vocabulary.record import Execution, Record


@dataclass(frozen=True)
class Held:
    """What became of a study's verdicts.

    Attributes:
        claims: how many there are.
        moved: what each claim that moved says, its verdict then and now.
        unknown: why it cannot be said, or empty.
    """

    study: str
    claims: int
    moved: tuple[tuple[str, str, str], ...]
    unknown: str = ""


def verdicts(journal: Journal, again: Mapping[str, Record]) -> list[Held]:
    """Return, for the latest run of each study that uses one of the trials, what its verdicts do.

    Seconds stay the recorded ones: what a clock shows beside other work is no rerun of a timing.
    """
    latest = {execution.study: execution for execution in journal.executions}
    using = [one for one in latest.values() if not again.keys().isdisjoint(one.trials)]
    kept = {
        trial: _with_timings(record, journal.records[trial])
        for trial, record in again.items()
        if trial in journal.records
    }
    return [_held(execution, journal, kept) for execution in using]


def _held(execution: Execution, journal: Journal, again: Mapping[str, Record]) -> Held:
    try:
        study = discovery.load(execution.study)
        then = gather(study, execution, journal.records).findings
        now = gather(study, execution, {**journal.records, **again}).findings
    except RequestError as error:
        return Held(execution.study, 0, (), str(error))
    moved = tuple(
        (one.claim.says, str(one.verdict), str(other.verdict))
        for one, other in zip(then, now, strict=True)
        if one.verdict is not other.verdict
    )
    return Held(study.name, len(then), moved)


def _with_timings(again: Record, recorded: Record) -> Record:
    clocked = {name: value for name, value in recorded.outcome.final.items() if is_timed(name)}
    final = {**again.outcome.final, **clocked}
    return dataclasses.replace(again, outcome=dataclasses.replace(again.outcome, final=final))

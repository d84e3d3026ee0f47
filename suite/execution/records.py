"""A record from what a strategy finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.execution.strategy import Finished
from suite.ground.identity import canonical
from suite.vocabulary.record import Provenance, Record


def record_of(finished: Finished, ran: Mapping[str, Any], workers: int) -> Record:
    """Return the record of a trial.

    Args:
        ran: the fields of Provenance that its process did not know better.
        workers: processes that trained side by side.
    """
    trial = finished.trial
    return Record(
        id=trial.id,
        study=trial.study,
        part=trial.part,
        cell=dict(trial.cell),
        recipe=canonical(trial.recipe),
        seed=trial.seed,
        alone=trial.alone,
        outcome=finished.outcome,
        provenance=Provenance(
            workers=workers,
            cohort=finished.cohort,
            started=finished.started,
            finished=finished.finished,
            **{**ran, **finished.machine},
        ),
    )

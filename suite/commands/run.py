"""The command `suite run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from suite.commands.arguments import grid_options, show, study_names
from suite.commands.requests import engine_of, requests_of
from suite.ground.wording import plural
from suite.runs import coordinator
from suite.runs.coordinator import Engine, Request
from suite.runs.stores import stores, untracked
from suite.tracking.tracker import Tracker
from suite.vocabulary.record import Status

if TYPE_CHECKING:
    from suite.evidence.results import Results


@click.command()
@study_names
@grid_options
@click.option("--keep-models", is_flag=True, help="Log the best trial of each arm as a model.")
def run(studies: tuple[str, ...], as_json: bool, keep_models: bool, **options: Any) -> None:
    """Run every trial that is not in the store yet, and conclude."""
    form, results, tracker = carried_out(
        requests_of(studies, options), engine_of(options), keep_models=keep_models
    )
    from suite.commands.verdicts import verdict_lines

    show(form, as_json, lambda form: verdict_lines(form, results))
    end(results, tracker)


def carried_out(
    requests: Sequence[Request], engine: Engine, *, keep_models: bool = False
) -> tuple[dict[str, Any], list[Results], Tracker]:
    """Run what is asked and conclude; return what ran as a form, the results, and the closed store."""
    journal, tracker = stores()
    try:
        made = coordinator.run(requests, journal, tracker, engine)
        # What concludes loads pandas and SciPy, a second that a wrong request need not wait.
        from suite.runs.conclusions import best_of, conclude
        from suite.runs.latest import gather_latest

        results = [gather_latest(request.study.name, journal) for request in requests]
        forms = conclude(results, tracker)
        if keep_models:
            from suite.reproduce.models import keep_models as keep  # which loads torch

            for result in results:
                keep(result, best_of(result), tracker)
    finally:
        tracker.close()
    ran = {"ran": len(made.pending), "cached": len(made.cached), "store": tracker.uri}
    return {**ran, "studies": forms}, results, tracker


def end(results: Sequence[Results], tracker: Tracker) -> None:
    """Say which trials failed and what the store lacks; then the exit code is 1."""
    errors = [
        one.outcome.error
        for result in results
        for one in result.records
        if one.outcome.status is Status.FAILED
    ]
    if errors:
        failed, reason = plural(len(errors), "trial"), errors[0].partition("\n")[0]
        print(
            f"{failed} failed, the first with {reason}; the next run tries again", file=sys.stderr
        )
    if tracker.error is not None:
        print(untracked(tracker), file=sys.stderr)
    if errors or (tracker.error is not None and not tracker.absent):
        sys.exit(1)

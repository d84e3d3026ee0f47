"""The command `suite run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from suite.commands.arguments import Form, grid_options, show, study_names
from suite.commands.requests import engine_of, requests_of
from suite.ground.wording import plural
from suite.runs import coordinator
from suite.runs.coordinator import Engine, Request
from suite.runs.pages import Pages
from suite.runs.stores import stores, untracked
from suite.tracking.location import shown
from suite.tracking.tracker import Tracker

if TYPE_CHECKING:
    from suite.evidence.results import Results


@click.command()
@study_names
@grid_options
@click.option(
    "--against",
    metavar="published|RESULTS",
    help="Take trials that another result set has, and train the others.",
)
@click.option("--pages", is_flag=True, help="Write a study's page while the next ones train.")
@click.option("--keep-models", is_flag=True, help="Log the best trial of each arm as a model.")
def run(
    studies: tuple[str, ...],
    as_json: bool,
    against: str | None,
    pages: bool,
    keep_models: bool,
    **options: Any,
) -> None:
    """Run every trial that is not in the store yet, and conclude."""
    form, results, tracker = carried_out(
        requests_of(studies, options),
        engine_of(options),
        keep_models=keep_models,
        pages=Pages() if pages else None,
        against=against,
    )
    from suite.commands.verdicts import summary_lines, verdict_lines

    text = verdict_lines if len(results) == 1 else summary_lines
    show(form, as_json, lambda form: text(form, results))
    end(form, tracker)


def carried_out(
    requests: Sequence[Request],
    engine: Engine,
    *,
    keep_models: bool = False,
    pages: Pages | None = None,
    against: str | None = None,
) -> tuple[dict[str, Any], list[Results], Tracker]:
    """Run what is asked and conclude; return what ran as a form, the results, and the closed store."""
    journal, tracker = stores()
    try:
        if against is not None:
            from suite.runs.borrowed import borrow

            taken = borrow(against, requests, journal, tracker)
            print(f"{plural(taken, 'trial')} taken from {shown(against)}", file=sys.stderr)
        made = coordinator.run(requests, journal, tracker, engine, pages)
        # What concludes loads pandas and SciPy, a second that a wrong request need not wait.
        from suite.runs.conclusions import best_of, conclude
        from suite.runs.latest import Latest, concluded, gather_latest

        read = [gather_latest(request.study.name, journal) for request in requests]
        results, lost = concluded(Latest(read, []))
        forms = conclude(results, tracker)
        if keep_models:
            from suite.reproduce.models import keep_models as keep  # which loads torch

            for result in results:
                keep(result, best_of(result), tracker)
    finally:
        tracker.close()
    ran = {"ran": len(made.pending), "cached": len(made.cached), "store": tracker.uri}
    return {**ran, "studies": forms, "lost": lost}, results, tracker


def end(form: Form, tracker: Tracker) -> None:
    """Say which trials failed and what the store lacks; then the exit code is 1."""
    failed = sum(study["failed"] for study in form["studies"])
    if failed:
        errors = [one for study in form["studies"] for one in study["errors"]]
        first = max(errors, key=lambda one: one["trials"])
        again = "the next run tries again"
        if all(one["again"] for one in errors):
            again = "they are not tried again before code or packages change"
        print(
            f"{plural(failed, 'trial')} failed, the most with {first['error']}; {again}",
            file=sys.stderr,
        )
    untaken = tracker.refused or (tracker.error is not None and not tracker.absent)
    if untaken or tracker.absent:
        print(untracked(tracker), file=sys.stderr)
    if failed or form["lost"] or untaken:
        sys.exit(1)

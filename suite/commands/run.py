"""The command `suite run`."""

from __future__ import annotations

import sys
from typing import Any

import click

from suite.commands.arguments import grid_options, show, study_names
from suite.commands.requests import engine_of, requests_of
from suite.ground.wording import plural
from suite.runs import coordinator
from suite.runs.stores import stores, untracked


@click.command()
@study_names
@grid_options
@click.option("--keep-models", is_flag=True, help="Log the best trial of each arm as a model.")
def run(studies: tuple[str, ...], as_json: bool, keep_models: bool, **options: Any) -> None:
    """Run every trial that is not in the store yet, and conclude."""
    requests = requests_of(studies, options)
    journal, tracker = stores()
    try:
        made = coordinator.run(requests, journal, tracker, engine_of(options))
        # What concludes loads pandas and SciPy, a second that a wrong request need not wait.
        from suite.commands.verdicts import verdict_lines
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
    show({**ran, "studies": forms}, as_json, lambda form: verdict_lines(form, results))
    failed = sum(form["failed"] for form in forms)
    if failed:
        errors = [one for form in forms for one in form["errors"]]
        first = max(errors, key=lambda one: one["trials"])
        again = "the next run tries again"
        if all(one["again"] for one in errors):
            again = "they are not tried again before code or packages change"
        print(
            f"{plural(failed, 'trial')} failed, the most with {first['error']}; {again}",
            file=sys.stderr,
        )
    if tracker.error is not None:
        print(untracked(tracker), file=sys.stderr)
    if failed or (tracker.error is not None and not tracker.absent):
        sys.exit(1)

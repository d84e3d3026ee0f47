"""The command `suite forget`."""

from __future__ import annotations

import sys

import click

from suite.commands.arguments import Form, as_json, show
from suite.ground.errors import RequestError, first_line
from suite.ground.wording import plural
from suite.runs.forgetting import forget as remove
from suite.runs.forgetting import what_is_kept
from suite.runs.stores import stores


@click.command()
@click.argument("study")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def forget(study: str, yes: bool, as_json: bool) -> None:
    """Remove a study's trials, checkpoints and runs in MLflow.

    Trials that another study's runs asked for too stay, and so do pages that are written.
    """
    journal, tracker = stores()
    try:
        if not (yes or _agreed(what_is_kept(study, journal, tracker))):
            print("nothing is forgotten", file=sys.stderr)
            return
        form = remove(study, journal, tracker)
    finally:
        tracker.close()
    if tracker.error is not None:
        print(
            f"the tracking store {tracker.uri} cannot be asked ({first_line(tracker.error)}): "
            "the journal is as it was, and the same command tries again",
            file=sys.stderr,
        )
        sys.exit(1)
    show(form, as_json, _text)


def _agreed(kept: Form) -> bool:
    """Ask whether what is kept of a study shall go; raise RequestError where nobody can answer."""
    if not sys.stdin.isatty():
        raise RequestError("forgetting asks first, and there is no terminal: give --yes")
    store = f" and its experiment in {kept['store']}" if kept["store"] else ""
    question = f"Remove {plural(kept['trials'], 'trial')} of '{kept['study']}'{store}?"
    return click.confirm(question, err=True)


def _text(form: Form) -> str:
    stay = f"; {form['shared']:,} that other studies asked for too stay" if form["shared"] else ""
    return f"{plural(form['trials'], 'trial')} of '{form['study']}' forgotten{stay}"

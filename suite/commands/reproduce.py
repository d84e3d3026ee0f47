"""The command `suite reproduce`."""

from __future__ import annotations

import sys
from typing import Any

import click

from suite.commands.arguments import Assignment, as_json, show
from suite.ground.errors import RequestError, nearest
from suite.reproduce.report import form_of, text_of
from suite.reproduce.wanted import wanted
from suite.tracking.journal import Journal
from suite.tracking.location import tracking_uri

SAMPLE = 3
STRATEGIES = ("sequential", "packed", "vectorised")


@click.command()
@click.argument("name", metavar="RUN_ID|TRIAL_ID|STUDY")
@click.option("--sample", type=click.IntRange(1), help=f"Trials of a study.  [default: {SAMPLE}]")
@click.option("--all", "everything", is_flag=True, help="All trials of a study.")
@click.option(
    "--across",
    type=Assignment(),
    multiple=True,
    help="Change strategy, threads or device, and measure the drift.",
)
@as_json
def reproduce(
    name: str,
    sample: int | None,
    everything: bool,
    across: tuple[tuple[str, Any], ...],
    as_json: bool,
) -> None:
    """Run recorded trials again and compare every bit; nothing is written.

    Exit 0: equal; 1: different, with the first difference and what has changed since.
    """
    if sample and everything:
        raise RequestError("give --sample or --all, not both")
    if len(across) > 1:
        raise RequestError("--across changes one thing at a time: give it once")
    changes = _changes(*across[0]) if across else {}
    journal = Journal()
    number = None if everything else sample or SAMPLE
    records = wanted(name, journal, tracking_uri(), number)
    form = form_of(records, journal, changes)
    show(form, as_json, text_of)
    sys.exit(1 if form["different"] else 0)


def _changes(what: str, value: Any) -> dict[str, Any]:
    """Return a change of setting; raise RequestError if there is no such setting or value."""
    choices: dict[str, tuple[str, ...]] = {"strategy": STRATEGIES, "device": ("cpu", "cuda")}
    if (what, value) == ("device", "mps"):
        raise RequestError("equal bits are not promised on mps (did you mean 'cpu'?)")
    if what == "threads":
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1024:
            raise RequestError(f"--across threads needs a number of 1 to 1024, not '{value}'")
    elif what not in choices:
        raise RequestError(
            f"--across cannot change '{what}' {nearest(what, (*choices, 'threads'))}"
        )
    elif value not in choices[what]:
        raise RequestError(f"there is no {what} '{value}' {nearest(value, choices[what])}")
    return {what: value}

"""What `plan` and `run` are asked: studies with their changes, and how to run them."""

from __future__ import annotations

import sys
from typing import Any

from suite.ground.errors import RequestError
from suite.runs.coordinator import Engine, Request
from suite.vocabulary import discovery

MOST_TRIALS = 100_000  # three times as many as all studies here have


def requests_of(studies: tuple[str, ...], options: dict[str, Any]) -> list[Request]:
    """Return what is asked of each study.

    Raises:
        RequestError: if a name, path or value is wrong: that shows before anything runs.
    """
    asked = [bool(studies), options["everything"], options["notebook"] is not None]
    if sum(asked) > 1:
        raise RequestError("name studies, or give --notebook or --all: one of them")
    if not any(asked):
        raise RequestError(
            f"name a study, or give --notebook or --all: {', '.join(discovery.names())}"
        )
    names = list(dict.fromkeys(studies)) or discovery.names()
    if not names:
        raise RequestError(f"there is no study in {discovery.folder()}: `suite new NAME` makes one")
    if options["notebook"] is not None:
        names = discovery.of_notebook(options["notebook"])
    only: dict[str, tuple[Any, ...]] = {}
    for path, value in options["only"]:
        levels = tuple(value) if isinstance(value, tuple | list) else (value,)
        only[path] = only.get(path, ()) + levels
    overrides = dict(options["settings"])
    requests = [
        Request(discovery.load(name), options["tier"], overrides, only, options["seeds"])
        for name in names
    ]
    if studies:  # of all studies, some train what is set and others nothing
        for request in requests:
            request.study.check_reach(overrides)
    trials = sum(grid.size for request in requests for grid in request.grids)
    if trials > MOST_TRIALS and not options["yes"]:
        raise RequestError(
            f"that is {trials:,} trials, more than {MOST_TRIALS:,}: --yes if you mean it"
        )
    if trials > MOST_TRIALS:
        print(f"{trials:,} trials: to lay them out alone takes a while", file=sys.stderr)
    for request in requests:
        request.trials  # noqa: B018 - made here, so that what is wrong with them shows
    return requests


def engine_of(options: dict[str, Any]) -> Engine:
    """Return how a run is to be done."""
    return Engine(options["strategy"], options["device"], options["workers"])

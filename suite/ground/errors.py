"""The one exception a user sees: a request that cannot be met, in one line."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable


class RequestError(Exception):
    """A wrong request. The command line prints it as one line and exits with 2."""


def nearest(name: object, choices: Iterable[object]) -> str:
    """Return a parenthesis naming the closest of `choices`, or all of them if none is close."""
    known = [str(choice) for choice in choices]
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    if close:
        return f"(did you mean '{close[0]}'?)"
    return f"(choose from {', '.join(known)})" if known else "(there is none)"


def first_line(error: BaseException | None) -> str:
    """Return the first line of what a library said, without a long tail."""
    line = str(error).partition("\n")[0]
    return textwrap.shorten(line, 200, placeholder=" …") or repr(error)

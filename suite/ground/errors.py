"""The one exception a user sees: a request that cannot be met, in one line."""

from __future__ import annotations

import contextlib
import difflib
import sysconfig
import textwrap
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path


class RequestError(Exception):
    """A wrong request. The command line prints it as one line and exits with 2."""


def nearest(name: object, choices: Iterable[object]) -> str:
    """Return a parenthesis naming the closest of `choices`, or all of them if none is close."""
    known = [str(choice) for choice in choices]
    alike = {choice.lower(): choice for choice in reversed(known)}
    close = difflib.get_close_matches(str(name).lower(), alike, n=1, cutoff=0.5)
    if close:
        return f"(did you mean '{alike[close[0]]}'?)"
    return f"(choose from {', '.join(known)})" if known else "(there is none)"


def first_line(error: BaseException | None) -> str:
    """Return the first line of what a library said, without a long tail."""
    try:
        line = str(error).partition("\n")[0]
    except Exception:  # an error of someone's own may not even say what it is
        line = ""
    return textwrap.shorten(line, 200, placeholder=" …") or type(error).__name__


@contextlib.contextmanager
def blaming_own_code() -> Iterator[None]:
    """Turn an error in the user's own code into one line that names its file and line."""
    try:
        yield
    except (RequestError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if (place := own_line(error)) is None:
            raise
        raise RequestError(f"{place}: {type(error).__name__}: {first_line(error)}") from None


def own_line(error: BaseException) -> str | None:
    """Return the file and line of the user's own code in which an error arose, if it did there."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if not _is_installed(Path(frame.filename))]
    return f"{mine[-1].filename}, line {mine[-1].lineno}" if mine else None


def _is_installed(file: Path) -> bool:
    """Whether a file is the project's, an installed package's or Python's."""
    project = Path(__file__).parents[1]
    python = Path(sysconfig.get_paths()["stdlib"])
    return (
        file.is_relative_to(project) or file.is_relative_to(python) or "site-packages" in file.parts
    )

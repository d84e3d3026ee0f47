"""The commands that run a study again, or one cell of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from suite.evidence.results import Results
from suite.vocabulary.record import Execution
from suite.vocabulary.views import View

BASE = ("python", "-m", "suite")


def rerun(execution: Execution) -> str:
    """Return the command that asks for the same trials again."""
    return shlex.join(_run(execution, execution.only))


def rerun_view(execution: Execution, view: View) -> str:
    """Return the command that asks for the trials of a figure, at the levels that it holds."""
    held = {path: (level,) for path, level in view.where.items()}
    return shlex.join(_run(execution, {**execution.only, **held}))


def rerun_cell(results: Results) -> str:
    """Return the command for one cell: that of the first claim's arm, else of the first trial."""
    if not results.records:
        return ""
    paths = {axis.path for grid in results.grids for axis in grid.axes}
    claims = results.findings
    first: Mapping[str, Any] = results.records[0].cell
    if claims and claims[0].arm.trials:
        first = {**first, **claims[0].arm.best, **claims[0].arm.levels}
    cell = {path: (level,) for path, level in first.items() if path in paths}
    return shlex.join(_run(results.execution, {**results.execution.only, **cell}))


def _run(execution: Execution, only: Mapping[str, Any]) -> list[str]:
    words = [*BASE, "run", execution.study, "--tier", execution.tier]
    for path, value in execution.overrides.items():
        words += ["--set", f"{path}={_literal(value)}"]
    for path, levels in only.items():
        for level in levels:
            # A tuple would be read as several levels, so one that is a level goes in a tuple.
            one = (tuple(level),) if isinstance(level, tuple | list) else level
            words += ["--only", f"{path}={_literal(one)}"]
    if execution.seeds:
        words += ["--seeds", str(execution.seeds)]
    return words


def _literal(value: Any) -> str:
    """Return a value as the command line reads it back: a Python literal, or a bare word."""
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, str) else repr(value)

"""The page of benchmarks: the tables that `nox -s bench` left, and the machine they ran on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from suite.errors import RequestError


@dataclasses.dataclass(frozen=True)
class Table:
    """One benchmark's figures."""

    title: str
    columns: list[str]
    rows: list[list[str | float]]


@dataclasses.dataclass(frozen=True)
class Benchmarks:
    """What one session measured, and where."""

    machine: str
    commit: str
    moment: str
    tables: list[Table]


def as_text(table: Table) -> str:
    """Return a table to read on a terminal."""
    frame = pd.DataFrame(table.rows, columns=table.columns)
    return f"{table.title}\n{frame.to_string(index=False, float_format='{:.2f}'.format)}"


def read(file: Path) -> Benchmarks:
    """Return what pytest-benchmark saved; raise RequestError if the file is none of its own."""
    try:
        form = json.loads(file.read_text())
        machine, commit = form["machine_info"], form["commit_info"]
        return Benchmarks(
            machine=f"{machine['cpu']['brand_raw']}, {machine['cpu']['count']} cores, "
            f"{machine['python_implementation']} {machine['python_version']}",
            commit=commit["id"][:12] + (" and changes" if commit["dirty"] else ""),
            moment=form["datetime"][:16].replace("T", " "),
            tables=[
                Table(**one["extra_info"]["table"])
                for one in form["benchmarks"]
                if "table" in one["extra_info"]
            ],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{file} is no file of pytest-benchmark's: {error}") from None


def newest(folder: Path) -> Path | None:
    """Return the file that pytest-benchmark saved last in a folder, if there is one."""
    files: Iterable[Path] = folder.glob("*/*.json")
    return max(files, key=lambda file: file.stat().st_mtime, default=None)

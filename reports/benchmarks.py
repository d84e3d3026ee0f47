"""The page of benchmarks: the tables that `nox -s bench` left, and the machine they ran on."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pandas as pd

from reports.site import write_page
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


def main() -> None:
    """Write the page of the session that was saved last, beside the report's other pages."""
    saved = newest(Path(".benchmarks"))
    if saved is None:
        sys.exit("no benchmark has been saved: `nox -s bench` saves them")
    print(render(saved, Path("reports/html")))


def render(file: Path, folder: Path) -> Path:
    """Write the page of a saved session into a report site; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_page("benchmarks.html", read(file), folder / "benchmarks.html")


def newest(folder: Path) -> Path | None:
    """Return the file that pytest-benchmark saved last in a folder, if there is one."""
    return max(folder.glob("*/*.json"), key=lambda file: file.stat().st_mtime, default=None)


if __name__ == "__main__":
    main()

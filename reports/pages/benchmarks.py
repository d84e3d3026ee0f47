"""The page of benchmarks: the tables that `nox -s bench` left, and the machine they ran on."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from reports.files import (
    Link,
    benchmarks_name,
    front_name,
    in_every_language,
    in_other_languages,
)
from reports.writer import write_pages
from suite.ground.errors import RequestError
from suite.language.catalogue import ENGLISH, gettext


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
    front: str
    languages: tuple[Link, ...]


def read(file: Path) -> Benchmarks:
    """Return what pytest-benchmark saved, with its words in the language that is being written.

    Raises:
        RequestError: the file is none of pytest-benchmark's own.
    """
    try:
        form = json.loads(file.read_text())
        machine, commit = form["machine_info"], form["commit_info"]
        return Benchmarks(
            machine=gettext("{processor}, {n} cores, {python}").format(
                processor=machine["cpu"]["brand_raw"],
                n=machine["cpu"]["count"],
                python=f"{machine['python_implementation']} {machine['python_version']}",
            ),
            commit=_commit(commit["id"][:12], commit["dirty"]),
            moment=form["datetime"][:16].replace("T", " "),
            tables=[
                Table(**one["extra_info"]["table"])
                for one in form["benchmarks"]
                if "table" in one["extra_info"]
            ],
            front=front_name(),
            languages=in_other_languages(benchmarks_name),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{file} is no file of pytest-benchmark's: {error}") from None


def _commit(commit: str, dirty: bool) -> str:
    if not dirty:
        return commit
    return gettext("{commit} with uncommitted changes").format(commit=commit)


def main() -> None:
    """Write the pages of the session that was saved last, beside the report's other pages."""
    saved = newest(Path(".benchmarks"))
    if saved is None:
        sys.exit("no benchmark has been saved: `nox -s bench` saves them")
    print(render(saved, Path("reports/html")))


def render(file: Path, folder: Path) -> Path:
    """Write the page of a saved session into a report site in every language; return the English."""
    folder.mkdir(parents=True, exist_ok=True)
    names = in_every_language(benchmarks_name)
    paths = {language: folder / name for language, name in names.items()}
    write_pages("benchmarks.html", lambda: read(file), paths)
    return paths[ENGLISH]


def newest(folder: Path) -> Path | None:
    """Return the file that pytest-benchmark saved last in a folder, if there is one."""
    return max(folder.glob("*/*.json"), key=lambda file: file.stat().st_mtime, default=None)


if __name__ == "__main__":
    main()

"""The names of the site's files, and the links between its languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from suite.language.catalogue import ENGLISH, NAMES, TAGS, language, writing

PAGES = Path("reports/html")  # where the site is, unless told otherwise
TABLES = (".csv", ".cells.csv", ".curves.csv")  # beside a study's page, after its name


@dataclass(frozen=True)
class Link:
    """A link to a page in another language."""

    href: str
    tag: str
    name: str


def in_language(name: str) -> str:
    """Return the name of an English page in the language that is being written: `moved.zh.html`."""
    if language() == ENGLISH:
        return name
    path = PurePath(name)
    return f"{path.stem}.{language()}{path.suffix}"


def file_name(study: str) -> str:
    """Return the name of a study's page in the language that is being written."""
    return in_language(f"{study}.html")


def tile_name(study: str) -> str:
    """Return the name of a study's small figure in the language that is being written."""
    return in_language(f"{study}.svg")


def benchmarks_name() -> str:
    """Return the name of the page of benchmarks in the language that is being written."""
    return in_language("benchmarks.html")


def tricks_name() -> str:
    """Return the name of the practitioners' closing page in the language that is being written."""
    return in_language("tricks.html")


def front_name() -> str:
    """Return the name of the front page in the language that is being written."""
    return f"index.{language()}.html"


def in_every_language(name: Callable[[], str]) -> dict[str, str]:
    """Return a page's name in each language."""
    found = {}
    for one in NAMES:
        with writing(one):
            found[one] = name()
    return found


def in_other_languages(name: Callable[[], str]) -> tuple[Link, ...]:
    """Return links to the page of that name in every other language."""
    names = in_every_language(name)
    return tuple(Link(names[one], TAGS[one], NAMES[one]) for one in NAMES if one != language())


def site_files(studies: Iterable[str]) -> Iterator[str]:
    """Yield the name of every file of the site of some studies."""
    yield "index.html"
    names = list(studies)
    for one in NAMES:
        with writing(one):
            yield front_name()
            yield from map(file_name, names)
    for name in names:
        yield from (f"{name}{end}" for end in TABLES)

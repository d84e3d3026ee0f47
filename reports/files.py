"""The names of the site's files, and the links between its languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from reports.language import ENGLISH, NAMES, TAGS, language, writing


@dataclass(frozen=True)
class Link:
    """A link to a page in another language."""

    href: str
    tag: str
    name: str


def file_name(study: str) -> str:
    """Return the name of a study's page in the language that is being written."""
    return f"{study}.html" if language() == ENGLISH else f"{study}.{language()}.html"


def front_name() -> str:
    """Return the name of the front page in the language that is being written."""
    return f"index.{language()}.html"


def in_other_languages(name: Callable[[], str]) -> tuple[Link, ...]:
    """Return links to the page of that name in every other language."""
    found = []
    for other in NAMES:
        if other != language():
            with writing(other):
                found.append(Link(name(), TAGS[other], NAMES[other]))
    return tuple(found)


def written(studies: Iterable[str]) -> Iterator[str]:
    """Yield the name of every file of the site of some studies."""
    yield "index.html"
    names = list(studies)
    for one in NAMES:
        with writing(one):
            yield front_name()
            yield from map(file_name, names)
    for name in names:
        yield from (f"{name}.csv", f"{name}.cells.csv")

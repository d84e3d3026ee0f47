"""Sentences that remember how they were made, so that a report can say them in another language."""

from __future__ import annotations

from collections.abc import Mapping


class Worded(str):
    """An English text with the pattern and the values that it was made from."""

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, str]


def worded(pattern: str, **values: str) -> Worded:
    """Return a pattern with its named places filled; a value may be such a text itself."""
    text = Worded(pattern.format(**values))
    text.pattern = pattern
    text.values = values
    return text


def plural(count: int, noun: str) -> str:
    """Return a count with its English noun in the right number: `1 seed`, `1,200 seeds`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")

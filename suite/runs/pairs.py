"""Two result sets, gathered study by study."""

from __future__ import annotations

from collections.abc import Mapping

from suite.evidence.comparison import (
    Comparison,
    compare,
)
from suite.evidence.results import Results
from suite.ground.errors import RequestError
from suite.ground.wording import worded
from suite.runs.latest import gather_run
from suite.vocabulary import discovery
from suite.vocabulary.record import ResultSet


def compare_sets(a: str, b: str, set_a: ResultSet, set_b: ResultSet) -> Comparison:
    """Compare two result sets over the studies that both have and a file here describes.

    Raises:
        RequestError: if there is no such study.
    """
    left_out: dict[str, str] = {}
    pairs = []
    for study in _studies(set_a, set_b):
        try:
            pairs.append(_pair(study, set_a, set_b))
        except RequestError as error:
            left_out[study] = error.args[0]  # str() would forget that it is Worded
    if not pairs:
        raise RequestError(f"'{a}' and '{b}' have no study in common: {_first(left_out)}")
    return Comparison(a, b, compare(pairs), left_out)


def _studies(set_a: ResultSet, set_b: ResultSet) -> list[str]:
    return sorted({*set_a.executions, *set_b.executions})


def _pair(name: str, set_a: ResultSet, set_b: ResultSet) -> tuple[Results, Results]:
    of_a, of_b = set_a.executions.get(name), set_b.executions.get(name)
    if of_a is None or of_b is None:
        raise RequestError(worded("only {side} has it", side="A" if of_a else "B"))
    if name not in discovery.names():
        raise RequestError(worded("there is no study '{name}' here", name=name))
    study = discovery.load(name)
    a = gather_run(study, of_a, set_a.records)
    b = gather_run(study, of_b, set_b.records)
    if not (a.records or b.records):
        raise RequestError(worded("neither has a trial that its file asks for today"))
    if not (a.records and b.records):
        side = "A" if a.records else "B"
        raise RequestError(
            worded("only {side} has a trial that its file asks for today", side=side)
        )
    return a, b


def _first(left_out: Mapping[str, str]) -> str:
    return next((f"{study}: {why}" for study, why in left_out.items()), "neither has any")

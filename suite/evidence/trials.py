"""Trials that two result sets share: equal bit for bit or not, and what they took."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.evidence.results import Results
from suite.evidence.significance import Contrast
from suite.vocabulary.metrics import is_timed
from suite.vocabulary.record import Record

SECONDS = "cost/seconds"


@dataclass(frozen=True)
class Trials:
    """The trials of one study in two sets.

    Attributes:
        shared: how many both have.
        differing: ids of those whose outcomes are not equal bit for bit, whatever a clock
            measured left aside.
        taken: how many of those that both have one took from elsewhere; they are not compared.
        timed: how many of the differing ran alone to be timed: probes may measure speed.
        other_data: how many of the shared saw other data or another split.
        only_a, only_b: how many just one set has.
    """

    shared: int
    differing: tuple[str, ...]
    timed: int
    other_data: int
    only_a: int
    only_b: int
    taken: int = 0

    @property
    def equal(self) -> int:
        """How many of the shared are equal bit for bit."""
        return self.shared - len(self.differing)


def total(studies: Iterable[Trials]) -> Trials:
    """Return the trials of several studies together."""
    every = list(studies)
    return Trials(
        shared=sum(one.shared for one in every),
        differing=tuple(trial for one in every for trial in one.differing),
        timed=sum(one.timed for one in every),
        other_data=sum(one.other_data for one in every),
        only_a=sum(one.only_a for one in every),
        only_b=sum(one.only_b for one in every),
        taken=sum(one.taken for one in every),
    )


def compare_trials(a: Results, b: Results) -> Trials:
    """Compare the outcomes of the trials that both sets have."""
    of_a, of_b = _by_id(a), _by_id(b)
    both = [trial for trial in of_a if trial in of_b]
    shared = [
        trial
        for trial in both
        if not (of_a[trial].provenance.taken_from or of_b[trial].provenance.taken_from)
    ]
    differing = [trial for trial in shared if not are_equal(of_a[trial], of_b[trial])]
    return Trials(
        shared=len(shared),
        differing=tuple(differing),
        timed=sum(of_a[trial].alone for trial in differing),
        other_data=sum(
            of_a[trial].outcome.data_digest != of_b[trial].outcome.data_digest for trial in shared
        ),
        only_a=len(of_a) - len(both),
        only_b=len(of_b) - len(both),
        taken=len(both) - len(shared),
    )


def _by_id(results: Results) -> dict[str, Record]:
    return {record.id: record for record in results.records}


def are_equal(a: Record, b: Record) -> bool:
    """Whether everything that a trial's recipe and seed decide is equal bit for bit.

    Of curves, those that both have: published results leave out some.
    """
    (*of_a, curves_a), (*of_b, curves_b) = decided(a), decided(b)
    both = curves_a.keys() & curves_b.keys()
    return of_a == of_b and all(curves_a[name] == curves_b[name] for name in both)


def decided(record: Record) -> tuple[Any, ...]:
    """Return everything that a trial's recipe and seed decide, its curves last."""
    outcome = record.outcome
    digests = (outcome.initial_digest, outcome.weights_digest, outcome.data_digest)
    return outcome.status, digests, _timeless(outcome.final), _timeless(outcome.curves)


def _timeless(measured: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in measured.items() if not is_timed(name)}


def log_ratios(a: Results, b: Results) -> dict[str, tuple[int, Contrast]]:
    """Return, by part, how many pairs of timed trials there are, and each seed's mean log ratio.

    A ratio is the seconds in B over those in A.
    """
    before = {(record.part, record.id): record for record in a.records}
    ratios: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in b.records:
        earlier = _seconds(before.get((record.part, record.id)))
        later = _seconds(record)
        if earlier and later:
            ratios[record.part][record.seed].append(math.log(later / earlier))
    return {
        part: (
            sum(map(len, seeds.values())),
            np.array([np.mean(seeds[seed]) for seed in sorted(seeds)]),
        )
        for part, seeds in ratios.items()
    }


def _seconds(record: Record | None) -> float | None:
    """Return what a trial took; None where it did not run alone."""
    if record is None or not record.alone:
        return None
    return record.outcome.final.get(SECONDS)

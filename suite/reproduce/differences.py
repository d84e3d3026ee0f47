"""What two outcomes of a trial differ in, first and over all, and what changed between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from suite.ground.errors import RequestError
from suite.ground.identity import SEMANTICS_VERSION
from suite.vocabulary import discovery
from suite.vocabulary.metrics import is_timed
from suite.vocabulary.record import Outcome, Provenance, Record, Status

if TYPE_CHECKING:
    import pandas as pd

# A record made before a fact was recorded does not say what it was.
UNKNOWN: tuple[Any, ...] = ("", (), {})


class Divergence(NamedTuple):
    """The first quantity that came out otherwise; `epoch` and `step` where it is a curve's."""

    quantity: str
    then: Any
    now: Any
    epoch: float | None = None
    step: int | None = None


class Change(NamedTuple):
    """What is not as it was when a trial was recorded."""

    what: str
    then: Any
    now: Any


def first_divergence(then: Outcome, now: Outcome) -> Divergence | None:
    """Return the first difference in the order in which a trial makes its numbers; None if equal.

    What a clock measured is left out.
    """
    if now.status is Status.FAILED:
        return Divergence("outcome", str(then.status), now.error)
    steps = _steps_per_epoch(then)
    quantities = [
        Divergence("data digest", then.data_digest, now.data_digest),
        Divergence("initial weights", then.initial_digest, now.initial_digest),
        *_points(then, now, steps),
        Divergence("outcome", str(then.status), str(now.status)),
        *_final(then, now),
        Divergence("final weights", then.weights_digest, now.weights_digest),
    ]
    return next((one for one in quantities if one.then != one.now), None)


def clock_metrics(outcome: Outcome) -> set[str]:
    """Return the metrics that a clock measured, whose bits are never compared."""
    return {name for name in (*outcome.final, *outcome.curves) if is_timed(name)}


def changes(then: Record, now: Record, same_id: bool) -> list[Change]:
    """Return what is not as it was, of all that a record says of how it came about."""
    pairs = [
        Change(name, _facts(then.provenance).get(name), fact)
        for name, fact in _facts(now.provenance).items()
    ]
    pairs.append(Change("data digest", then.outcome.data_digest, now.outcome.data_digest))
    found = [one for one in pairs if one.then != one.now and one.then not in (None, *UNKNOWN)]
    if then.is_probe:
        found += _study_file(then.recipe)
    elif not same_id:
        found.append(Change("SEMANTICS_VERSION", "another", SEMANTICS_VERSION))
    return found


def drift(pairs: Iterable[tuple[Outcome, Outcome]]) -> pd.DataFrame:
    """Return the largest absolute difference of each metric over trials, a row an epoch.

    Metrics at the end, and a probe's, stand in a last row, `end`.
    """
    import pandas as pd

    rows = []
    for then, now in pairs:
        rows += [
            (f"{point.epoch:g}", point.epoch, point.quantity, abs(point.then - point.now))
            for point in _points(then, now, 0.0)
            if None not in (point.then, point.now)
        ]
        rows += [
            ("end", float("inf"), point.quantity, abs(point.then - point.now))
            for point in _final(then, now)
            if None not in (point.then, point.now) and point.quantity not in then.curves
        ]
    frame = pd.DataFrame(rows, columns=["epoch", "at", "metric", "difference"])
    table = frame.pivot_table("difference", ["at", "epoch"], "metric", aggfunc="max")
    return table.droplevel("at") if len(frame) else table


def _points(then: Outcome, now: Outcome, steps: float) -> Iterator[Divergence]:
    """Yield each point of all curves that either has, in the order of time."""
    curves = [
        {(epoch, name): value for name, curve in one.curves.items() for epoch, value in curve}
        for one in (then, now)
    ]
    for epoch, name in sorted(curves[0].keys() | curves[1].keys()):
        if not is_timed(name):
            one, other = (curve.get((epoch, name)) for curve in curves)
            yield Divergence(name, one, other, epoch, round(epoch * steps))


def _final(then: Outcome, now: Outcome) -> Iterator[Divergence]:
    for name in sorted(then.final.keys() | now.final.keys()):
        if not is_timed(name):
            yield Divergence(name, then.final.get(name), now.final.get(name))


def _steps_per_epoch(outcome: Outcome) -> float:
    last = max((curve[-1][0] for curve in outcome.curves.values()), default=1.0)
    return outcome.final.get("cost/steps", 0.0) / last


def _facts(ran: Provenance) -> dict[str, Any]:
    """Return what may move a number, by name."""
    dirty = f" with changes {ran.diff}".rstrip() if ran.dirty else ""
    return {
        "commit": ran.commit and ran.commit + dirty,
        **{f"package {name}": version for name, version in ran.packages.items()},
        "python": ran.python,
        "platform": ran.platform,
        "processor": ran.processor,
        "instructions": ran.instructions,
        **{f"library {name}": version for name, version in ran.libraries.items()},
        "device": ran.device,
        "gpu": ran.gpu,
        "driver": ran.driver,
        **{f"switch {name}": value for name, value in ran.deterministic.items()},
        "strategy": ran.strategy,
        "threads": ran.threads,
        "cohort": ran.cohort,
        "data source": ran.data_source,
    }


def _study_file(recipe: Mapping[str, Any]) -> list[Change]:
    try:
        now = discovery.load(recipe["study"]).source
    except RequestError:
        now = ""
    then = recipe["source"]
    return [Change(f"file of study {recipe['study']}", then, now)] if then != now else []

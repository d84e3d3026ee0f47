"""Where the trials ran and on which bytes, from the records' own account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reports.quantities import moment
from reports.words import counted
from suite.evidence.results import Results
from suite.record import Record


@dataclass(frozen=True)
class Facts:
    """A property of the environment, and its values with how many trials had each."""

    name: str
    values: tuple[str, ...]


def _commit(record: Record) -> str:
    changed = " with uncommitted changes" if record.provenance.dirty else ""
    return record.provenance.commit + changed if record.provenance.commit else ""


def _strategy(record: Record) -> str:
    ran = record.provenance
    processes = "one process" if ran.workers == 1 else f"{ran.workers} processes side by side"
    return f"{ran.strategy}: {processes}, {counted(ran.threads, 'thread')} each"


FACTS: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("Commit", _commit),
    ("Device", lambda r: r.provenance.device),
    ("Processor", lambda r: r.provenance.processor),
    ("Platform", lambda r: r.provenance.platform),
    ("Python", lambda r: r.provenance.python),
    ("Packages", lambda r: ", ".join(f"{k} {v}" for k, v in r.provenance.packages.items())),
    ("Strategy", _strategy),
    ("Command", lambda r: r.provenance.command),
)


def environment(results: Results) -> list[Facts]:
    """Return what the records say of where they ran; differing values are counted."""
    facts = [Facts(name, _values(results, read)) for name, read in FACTS]
    facts.append(Facts("Ran", _period(results)))
    return [fact for fact in facts if fact.values]


def data_digests(results: Results) -> list[tuple[str, str]]:
    """Return the digests of source and split, by the seeds that share them."""
    seeds: dict[str, set[int]] = {}
    for record in results.records:
        if record.outcome.data_digest:
            seeds.setdefault(record.outcome.data_digest, set()).add(record.seed)
    return [(_seed_words(found), digest) for digest, found in sorted(seeds.items(), key=_first)]


@dataclass(frozen=True)
class Difference:
    """A property of the environment in which two result sets differ, with the values of each."""

    name: str
    a: tuple[str, ...]
    b: tuple[str, ...]


def differences(a: Iterable[Record], b: Iterable[Record]) -> list[Difference]:
    """Return what the records of one set say of where they ran and those of another do not."""
    of_a, of_b = _properties(a), _properties(b)
    return [
        Difference(name, tuple(sorted(of_a.get(name, ()))), tuple(sorted(of_b.get(name, ()))))
        for name in dict.fromkeys((*of_a, *of_b))
        if of_a.get(name) != of_b.get(name)
    ]


def _properties(records: Iterable[Record]) -> dict[str, set[str]]:
    """Return every value of each property, of each package its versions."""
    found: dict[str, set[str]] = {}
    for record in records:
        values = {name: read(record) for name, read in FACTS if name not in ("Packages", "Command")}
        for name, value in {**values, **record.provenance.packages}.items():
            found.setdefault(name, set()).add(value or "not known")
    return found


def _first(item: tuple[str, set[int]]) -> tuple[int, str]:
    return min(item[1]), item[0]


def _seed_words(seeds: set[int]) -> str:
    return ("seed " if len(seeds) == 1 else "seeds ") + ", ".join(map(str, sorted(seeds)))


def _values(results: Results, read: Callable[[Record], str]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for record in results.records:
        counts[read(record)] = counts.get(read(record), 0) + 1
    counts.pop("", None)
    if len(counts) == 1:
        return tuple(counts)
    return tuple(f"{value} ({counted(count, 'trial')})" for value, count in counts.items())


def _period(results: Results) -> tuple[str, ...]:
    if not results.records:
        return ()
    started = min(record.provenance.started for record in results.records)
    finished = max(record.provenance.finished for record in results.records)
    return (f"{moment(started)} to {moment(finished)}",)

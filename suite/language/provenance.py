"""Where the trials ran and on which bytes, from the records' own account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suite.evidence.results import Results
from suite.language.catalogue import gettext, ngettext
from suite.language.quantities import moment
from suite.language.words import trials_words
from suite.vocabulary.record import Record


@dataclass(frozen=True)
class Facts:
    """A property of the environment, and its values with how many trials had each."""

    name: str
    values: tuple[str, ...]


def _commit(record: Record) -> str:
    commit = record.provenance.commit
    if commit and record.provenance.dirty:
        return gettext("{commit} with uncommitted changes").format(commit=commit)
    return commit


def _device(record: Record) -> str:
    ran = record.provenance
    return f"{ran.device}: {ran.gpu}" if ran.gpu else ran.device


def _strategy(record: Record) -> str:
    ran = record.provenance
    pattern = ngettext(
        "{strategy}: one process, threads: {threads}",
        "{strategy}: {n} processes side by side, threads each: {threads}",
        ran.workers,
    )
    return pattern.format(strategy=ran.strategy, n=ran.workers, threads=ran.threads)


def _packages(record: Record) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.provenance.packages.items())


def _command(record: Record) -> str:
    return record.provenance.command


FACTS: tuple[tuple[Callable[[], str], Callable[[Record], str]], ...] = (
    (lambda: gettext("Commit"), _commit),
    (lambda: gettext("Device"), _device),
    (lambda: gettext("Processor"), lambda r: r.provenance.processor),
    (lambda: gettext("Platform"), lambda r: r.provenance.platform),
    (lambda: "Python", lambda r: r.provenance.python),
    (lambda: gettext("Packages"), _packages),
    (lambda: gettext("Strategy"), _strategy),
    (lambda: gettext("Command"), _command),
)


def environment(results: Results) -> list[Facts]:
    """Return what the records say of where they ran; differing values are counted."""
    facts = [Facts(name(), _values(results, read)) for name, read in FACTS]
    facts.append(Facts(gettext("Ran"), _period(results)))
    facts.append(Facts(gettext("Taken from"), _taken(results)))
    return [fact for fact in facts if fact.values]


def data_digests(results: Results) -> list[tuple[str, str]]:
    """Return the digests of source and split, by the seeds that share them."""
    seeds: dict[str, set[int]] = {}
    for record in results.records:
        if record.outcome.data_digest:
            seeds.setdefault(record.outcome.data_digest, set()).add(record.seed)
    return [(_seed_words(found), digest) for digest, found in sorted(seeds.items(), key=_first)]


@dataclass(frozen=True)
class Discrepancy:
    """A property of the environment in which two result sets differ, with the values of each."""

    name: str
    a: tuple[str, ...]
    b: tuple[str, ...]


def differences(a: Iterable[Record], b: Iterable[Record]) -> list[Discrepancy]:
    """Return what the records of one set say of where they ran and those of another do not."""
    of_a, of_b = _properties(a), _properties(b)
    return [
        Discrepancy(name, tuple(sorted(of_a.get(name, ()))), tuple(sorted(of_b.get(name, ()))))
        for name in dict.fromkeys((*of_a, *of_b))
        if of_a.get(name) != of_b.get(name)
    ]


def _properties(records: Iterable[Record]) -> dict[str, set[str]]:
    """Return every value of each property, of each package its versions."""
    found: dict[str, set[str]] = {}
    for record in records:
        values = {name(): read(record) for name, read in FACTS if read not in (_packages, _command)}
        for name, value in {**values, **record.provenance.packages}.items():
            found.setdefault(name, set()).add(value or gettext("not known"))
    return found


def _first(item: tuple[str, set[int]]) -> tuple[int, str]:
    return min(item[1]), item[0]


def _seed_words(seeds: set[int]) -> str:
    pattern = ngettext("seed {seeds}", "seeds {seeds}", len(seeds))
    return pattern.format(seeds=", ".join(map(str, sorted(seeds))))


def _values(results: Results, read: Callable[[Record], str]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for record in results.records:
        counts[read(record)] = counts.get(read(record), 0) + 1
    counts.pop("", None)
    if len(counts) == 1:
        return tuple(counts)
    return tuple(f"{value} ({trials_words(count)})" for value, count in counts.items())


def _taken(results: Results) -> tuple[str, ...]:
    """Say which seeds were trained elsewhere, and where: a line for each result set and machine."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for record in results.records:
        ran = record.provenance
        if ran.taken_from:
            seeds.setdefault((ran.taken_from, ran.processor), []).append(record.seed)
    pattern = gettext("{place}: {trials} on {processor}, {seeds}")
    return tuple(
        pattern.format(
            place=place,
            trials=trials_words(len(of_it)),
            processor=processor,
            seeds=_seed_words(set(of_it)),
        )
        for (place, processor), of_it in seeds.items()
    )


def _period(results: Results) -> tuple[str, ...]:
    if not results.records:
        return ()
    started = min(record.provenance.started for record in results.records)
    finished = max(record.provenance.finished for record in results.records)
    pattern = gettext("{start} to {end}")
    return (pattern.format(start=moment(started), end=moment(finished)),)

"""The record: what one trial left behind, complete enough to rebuild every table without it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

# Raised whenever an older version could not read what this one writes; 2 has cohorts, 3 all that
# Provenance says of the processor, the libraries and the source of the data.
FORMAT_VERSION = 3


class Status(StrEnum):
    """How a trial ended. All three are outcomes; a table shows them all."""

    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"


# Errors in code, which is the same while a trial's id is: not those of files, memory or processes.
CERTAIN = frozenset({
    "ArithmeticError", "AssertionError", "AttributeError", "IndexError", "KeyError", "LookupError",
    "NameError", "NotImplementedError", "OverflowError", "RecursionError", "SystemExit", "TypeError",
    "UnboundLocalError", "ValueError", "ZeroDivisionError",
})  # fmt: skip
READ = re.compile(r"(.+) \(([0-9a-f]{16})\)")
Curve = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What training returned.

    Attributes:
        status: how it ended.
        final: metrics at the last weights, by name; of a diverged trial only its cost.
        curves: for each metric, pairs of epoch and value.
        initial_digest: SHA-256 of the initial weights.
        weights_digest: SHA-256 of the final weights.
        data_digest: SHA-256 of the bytes of the data source and of the split.
        error: what a failed trial raised, with file and line of one's own code; where a diverged one stopped.
    """

    status: Status
    final: Mapping[str, float] = dataclasses.field(default_factory=dict)
    curves: Mapping[str, Curve] = dataclasses.field(default_factory=dict)
    initial_digest: str = ""
    weights_digest: str = ""
    data_digest: str = ""
    error: str = ""

    @property
    def fails_again(self) -> bool:
        """Whether it failed in a way that the same code would repeat."""
        return self.status is Status.FAILED and self.error.partition(":")[0] in CERTAIN


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where and how a trial ran.

    Attributes:
        commit: of the project's checkout, or empty; `dirty` says whether it had changes.
        diff: digest of those changes, files that git does not know included, or empty.
        packages: versions, by distribution name, of all that can change a number.
        instructions: of the processor's vector and matrix instructions, those it has.
        threads: of the process that trained.
        workers: processes that trained side by side.
        cohort: ids of the trials that trained as one program with this one, or none.
        libraries: what torch computes with: the instructions it was told to use, BLAS, oneDNN; with
            a GPU, CUDA and cuDNN.
        gpu: its name, or empty; `driver` is its version.
        deterministic: the switches that fix a sum's order and precision, by name.
        data_source: where the examples were read, or that they were drawn; `Outcome.data_digest`
            says which bytes they were. Of a probe, the files of the working directory that it read,
            each with its digest (`read_words`).
        started: seconds since 1970 at the start; `finished` at the end.
    """

    commit: str
    dirty: bool
    packages: Mapping[str, str]
    python: str
    platform: str
    processor: str
    device: str
    strategy: str
    workers: int
    threads: int
    command: str
    started: float
    finished: float
    cohort: tuple[str, ...] = ()
    diff: str = ""
    instructions: tuple[str, ...] = ()
    libraries: Mapping[str, str] = dataclasses.field(default_factory=dict)
    gpu: str = ""
    driver: str = ""
    deterministic: Mapping[str, str] = dataclasses.field(default_factory=dict)
    data_source: str = ""
    taken_from: str = ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A trial, its outcome and its provenance."""

    id: str
    study: str
    part: str
    cell: Mapping[str, Any]
    recipe: Mapping[str, Any]
    seed: int
    alone: bool
    outcome: Outcome
    provenance: Provenance

    @property
    def is_probe(self) -> bool:
        """Whether nothing was trained: a probe measured."""
        return "function" in self.recipe

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types; `from_json` is its inverse."""
        return {"format": FORMAT_VERSION, **dataclasses.asdict(self)}

    @staticmethod
    def from_json(form: Mapping[str, Any]) -> Record:
        """Rebuild a record; raise ValueError if its format is newer than this version knows."""
        fields = dict(form)
        if fields.pop("format", None) not in range(1, FORMAT_VERSION + 1):
            raise ValueError(f"record format {form.get('format')} is newer than {FORMAT_VERSION}")
        outcome = dict(fields.pop("outcome"))
        outcome["status"] = Status(outcome["status"])
        outcome["curves"] = {
            name: [(float(epoch), float(value)) for epoch, value in curve]
            for name, curve in outcome["curves"].items()
        }
        ran = dict(fields.pop("provenance"))
        tuples = {name: tuple(ran.get(name, ())) for name in ("cohort", "instructions")}
        provenance = Provenance(**ran | tuples)
        return Record(outcome=Outcome(**outcome), provenance=provenance, **fields)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One call of `run` for one study: which trials it asked for, so that its table can be rebuilt.

    Attributes:
        claims: digest of the study's claims at the time, which a verdict is about. If the file says
            something else later, verdicts and pages say so.
        looks: at how many seeds each part's claims were to be judged.
        levels: digest of each part's cells.
        revised: parts of which an earlier run here had other claims, levels, looks or seeds, whose
            results had been seen.
    """

    study: str
    tier: str
    overrides: Mapping[str, Any]
    only: Mapping[str, Any]
    seeds: int | None
    trials: list[str]
    command: str
    started: float
    claims: str = ""
    looks: Mapping[str, list[int]] = dataclasses.field(default_factory=dict)
    levels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    revised: list[str] = dataclasses.field(default_factory=list)

    @property
    def is_planned(self) -> bool:
        """Whether it asked for what the study's file does, and nothing else."""
        return not (self.overrides or self.only or self.seeds)

    def asks_the_same(self, other: Execution) -> bool:
        """Whether another call asked for the same trials, of a study that claimed the same."""
        return self == dataclasses.replace(other, command=self.command, started=self.started)


class Links(NamedTuple):
    """Where a tracking store's UI shows a study's trials, or nothing.

    Attributes:
        charts: the headline metric by arm, and its curves.
        map: it over two axes, where the study has two of numbers.
        compared: one seed of every cell of a part, side by side.
    """

    charts: str = ""
    map: str = ""
    compared: str = ""


@dataclass(frozen=True)
class ResultSet:
    """What was kept of some runs, wherever it lies.

    Attributes:
        records: by trial id.
        executions: the newest of each study, by its name.
    """

    records: Mapping[str, Record] = dataclasses.field(default_factory=dict)
    executions: dict[str, Execution] = dataclasses.field(default_factory=dict)


def read_words(files: Mapping[str, str]) -> str:
    """Return files and their digests as a record's `data_source` has them; `files_read` inverts it."""
    return "; ".join(f"{path} ({digest})" for path, digest in files.items())


def files_read(source: str) -> dict[str, str]:
    """Return the files that a record's `data_source` names, with their digests."""
    found = (READ.fullmatch(one) for one in source.split("; "))
    return {one[1]: one[2] for one in found if one}

"""What every strategy offers. Studies never see which one runs them; records are the same."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.record import Outcome

# Trials that one process trains as one program; most bundles hold a single one.
Bundle = tuple[Trial, ...]

# Of every process that trains. Sums split over another number of threads are other sums: that is
# what makes packed and sequential equal bit for bit, with any number of workers.
THREADS = 1


@dataclass(frozen=True)
class Finished:
    """A trial that came to an end.

    Attributes:
        started, finished: seconds since 1970; of trials in a bundle, each has its share.
        cohort: ids of the trials that were one program, this one's among them, or none.
        machine: what its record says otherwise than the coordinator's, of where it ran.
    """

    trial: Trial
    outcome: Outcome
    started: float
    finished: float
    cohort: tuple[str, ...] = ()
    machine: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoints:
    """Where trials keep how far they have come, in files whose names begin with their ids.

    Attributes:
        every: seconds between two; a trial that is shorter keeps none.
    """

    folder: Path
    every: float = 180.0

    def forget(self, trial: str) -> None:
        """Remove what a trial kept, and the bundle whose first it was."""
        for file in self.folder.glob(f"{trial}*"):
            file.unlink(missing_ok=True)


class Opened:
    """A context that has nothing to open and nothing to close, unless a subclass says otherwise."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Strategy(Opened, ABC):
    """A way to run trials.

    Attributes:
        name: as the command line and the records have it.
        workers: how many trials it runs side by side.
    """

    name: str
    workers: int

    @abstractmethod
    def check(self, recipes: Iterable[Recipe]) -> None:
        """Raise RequestError if a recipe's data cannot be had or its network does not fit them."""

    @abstractmethod
    def run(self, bundles: Iterable[Bundle]) -> Iterator[Finished]:
        """Run bundles side by side, yielding trials as they end."""

    @abstractmethod
    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        """Run trials one after another, with nothing beside them while the caller does nothing."""

"""Showing how far a run is: a live line on a terminal, plain lines where there is none."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from typing import Self

from suite.execution.plan import expected_work
from suite.execution.strategy import Finished, Opened
from suite.vocabulary.grid import Trial
from suite.vocabulary.metrics import METRICS

SHOWN = ("validation/accuracy", "validation/loss")
SECONDS_BETWEEN_LINES = 10.0


class Progress(Opened, ABC):
    """Told of every trial that ends."""

    @abstractmethod
    def ended(self, finished: Finished, side_by_side: int) -> None: ...


class Tally:
    """Counts trials and weighs them by their expected length."""

    def __init__(self, trials: tuple[Trial, ...]) -> None:
        self.total = len(trials)
        self.done = 0
        self.total_work = sum(map(expected_work, trials))
        self.work = 0.0
        self.started = time.monotonic()

    def add(self, trial: Trial) -> None:
        self.done += 1
        self.work += expected_work(trial)

    def words(self, side_by_side: int) -> str:
        """Say done, running and left, and the time left."""
        left = self.total - self.done
        running = min(side_by_side, left)
        seconds = (time.monotonic() - self.started) / self.work * (self.total_work - self.work)
        counts = (
            f"{self.done} of {self.total} trials done, {running} running, {left - running} left"
        )
        return f"{counts}, about {seconds:.0f} s to go"


def last_metric(finished: Finished) -> str:
    """Say what a trial ended with."""
    outcome = finished.outcome
    for name in SHOWN:
        if name in outcome.final:
            value = outcome.final[name]
            shown = f"{value:.1%}" if METRICS[name].unit == "percent" else f"{value:.4g}"
            return f"{finished.trial.words}: {METRICS[name].words} {shown}"
    return f"{finished.trial.words}: {outcome.status}"


class Lines(Progress):
    """A plain line on standard error every ten seconds and at the end."""

    def __init__(self, trials: tuple[Trial, ...]) -> None:
        self.tally = Tally(trials)
        self.printed = time.monotonic()

    def ended(self, finished: Finished, side_by_side: int) -> None:
        self.tally.add(finished.trial)
        now = time.monotonic()
        last = self.tally.done == self.tally.total
        if last or now - self.printed >= SECONDS_BETWEEN_LINES:
            self.printed = now
            words = f"{self.tally.words(side_by_side)}; {last_metric(finished)}"
            print(words, file=sys.stderr, flush=True)


class Live(Progress):
    """A bar that is redrawn in place."""

    def __init__(self, trials: tuple[Trial, ...]) -> None:
        from rich import progress
        from rich.console import Console

        self.tally = Tally(trials)
        self.bar = progress.Progress(
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.description}"),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task("starting …", total=self.tally.total_work)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def ended(self, finished: Finished, side_by_side: int) -> None:
        self.tally.add(finished.trial)
        words = f"{self.tally.words(side_by_side)}\n{last_metric(finished)}"
        self.bar.update(self.task, completed=self.tally.work, description=words)


def make_progress(trials: tuple[Trial, ...]) -> Progress:
    """Return the display that fits standard error."""
    return Live(trials) if sys.stderr.isatty() else Lines(trials)

"""Packed: spawned processes with one thread each, living across trials.

A process computes what it would compute alone, so results equal sequential ones bit for bit with
any number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from suite.execution.strategy import THREADS, Finished
from suite.recipe import Recipe
from suite.record import Outcome, Status
from suite.study import Trial

ATTEMPTS = 2  # A trial whose worker dies is tried once more; it may have been an innocent victim.


class Packed:
    """A pool of worker processes. They start, and load torch, when the pool is entered."""

    name = "packed"

    def __init__(self, device: str, workers: int) -> None:
        self.device = device
        self.workers = workers
        self.pool = ProcessPool(
            max_workers=workers,
            initializer=_start_worker,
            context=multiprocessing.get_context("spawn"),
        )

    def __enter__(self) -> Self:
        # Pebble starts its processes with the first task: give it one, so that torch loads
        # while the caller still has other things to do.
        self.pool.schedule(_nothing)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pool.stop()  # type: ignore[no-untyped-call]
        self.pool.join()

    def check(self, recipes: Iterable[Recipe]) -> None:
        futures = [self.pool.schedule(_check, args=(recipe, self.device)) for recipe in recipes]
        for future in futures:
            future.result()

    def run(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        attempts = {self._schedule(trial): (trial, 1) for trial in trials}
        while attempts:
            done, _ = wait(attempts, return_when=FIRST_COMPLETED)
            for future in done:
                trial, attempt = attempts.pop(future)
                finished = _result(future, trial, last=attempt == ATTEMPTS)
                if finished is None:
                    attempts[self._schedule(trial)] = (trial, attempt + 1)
                else:
                    yield finished

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        for trial in trials:
            yield from self.run([trial])

    def _schedule(self, trial: Trial) -> Future[Finished]:
        future: Future[Finished] = self.pool.schedule(_run_trial, args=(trial, self.device))
        return future


def _result(future: Future[Finished], trial: Trial, *, last: bool) -> Finished | None:
    """Return what became of a trial, or None if its worker died and it deserves another try."""
    try:
        return future.result()
    except ProcessExpired as death:
        if not last:
            return None
        error = f"its worker died {ATTEMPTS} times, last with exit code {death.exitcode}"
        return Finished(trial, Outcome(status=Status.FAILED, error=error), 0.0, 0.0)


def _start_worker() -> None:
    # Ctrl-C reaches the whole process group; what it means is the coordinator's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from suite.training import determinism

    determinism.enforce(THREADS)


def _end_with_parent() -> None:
    """End this process when the coordinator is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _nothing() -> None:
    return None


def _check(recipe: Recipe, device: str) -> None:
    from suite.execution.work import check

    check(recipe, device)


def _run_trial(trial: Trial, device: str) -> Finished:
    from suite.execution.work import run_trial

    return run_trial(trial, device)

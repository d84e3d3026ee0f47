"""Packed: spawned processes with one thread each, living across trials.

A process computes what it would compute alone, so results equal sequential ones bit for bit with
any number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

from suite.execution.strategy import THREADS, Finished
from suite.recipe import Recipe
from suite.record import Outcome, Status
from suite.study import Trial

ATTEMPTS = 2  # A trial whose worker dies is tried once more; it may have been an innocent victim.


class Packed:
    """Worker processes. They start, and load torch, when the strategy is entered.

    Each worker is a pool of its own: workers of one pool share locks, and one that is killed while
    it holds a lock would stop them all.
    """

    name = "packed"

    def __init__(self, device: str, workers: int) -> None:
        self.device = device
        self.workers = workers
        self.lanes = [_lane() for _ in range(workers)]
        self.others = set(multiprocessing.active_children())

    def __enter__(self) -> Self:
        # A pool starts its process with the first task: give it one, so that torch loads while
        # the caller still has other things to do.
        for lane in self.lanes:
            lane.submit(_nothing)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lane in self.lanes:
            lane.shutdown(wait=False, cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - self.others:
            worker.kill()

    def check(self, recipes: Iterable[Recipe]) -> None:
        for recipe in recipes:
            self.lanes[0].submit(_check, recipe, self.device).result()

    def run(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        waiting = deque((trial, 1) for trial in trials)
        running: dict[Future[Finished], tuple[int, Trial, int]] = {}
        free = list(range(self.workers))
        while waiting or running:
            while waiting and free:
                lane, (trial, attempt) = free.pop(), waiting.popleft()
                running[self._submit(lane, trial)] = lane, trial, attempt
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                lane, trial, attempt = running.pop(future)
                free.append(lane)
                finished = _result(future, trial, last=attempt == ATTEMPTS)
                if finished is None:
                    waiting.appendleft((trial, attempt + 1))
                else:
                    yield finished

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        for trial in trials:
            yield from self.run([trial])

    def _submit(self, lane: int, trial: Trial) -> Future[Finished]:
        try:
            return self.lanes[lane].submit(_run_trial, trial, self.device)
        except BrokenProcessPool:
            self.lanes[lane] = _lane()
            return self.lanes[lane].submit(_run_trial, trial, self.device)


def _lane() -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=_start_worker)


def _result(future: Future[Finished], trial: Trial, *, last: bool) -> Finished | None:
    """Return what became of a trial, or None if its worker died and it deserves another try."""
    try:
        return future.result()
    except BrokenProcessPool:
        if not last:
            return None
        outcome = Outcome(status=Status.FAILED, error=f"its worker died {ATTEMPTS} times")
        return Finished(trial, outcome, 0.0, 0.0)


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

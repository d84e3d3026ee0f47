"""Packed: spawned processes with one thread each, living across trials.

A process computes what it would compute alone, so results equal sequential ones bit for bit with
any number of workers.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Self, TypeVar

from suite.execution.memory import PROCESS, SHARE, Memory, kind
from suite.execution.pool import ATTEMPTS, lost, run_bundle, start
from suite.execution.strategy import THREADS, Bundle, Checkpoints, Finished, Strategy
from suite.ground.errors import RequestError
from suite.ground.memory import free
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Recipe

T = TypeVar("T")


class Packed(Strategy):
    """Worker processes. They start, and load torch, when the strategy is entered.

    Each worker is a pool of its own: workers of one pool share locks, and one that is killed while
    it holds a lock would stop them all.
    """

    name = "packed"

    def __init__(
        self,
        device: str,
        workers: int,
        checkpoints: Checkpoints | None = None,
        *,
        threads: int = THREADS,
    ) -> None:
        self.device, self.checkpoints, self.threads = device, checkpoints, threads
        self.workers = workers
        self.lanes = [start(threads) for _ in range(workers)]
        self.others = set(multiprocessing.active_children())
        self.memory = Memory(int(SHARE * free()) - workers * PROCESS)

    def __enter__(self) -> Self:
        # A pool starts its process with the first task: give it one, so that torch loads while
        # the caller still has other things to do.
        for lane in self.lanes:
            lane.submit(_nothing)
        return self

    def __exit__(self, *_: object) -> None:
        for lane in self.lanes:
            lane.shutdown(wait=False, cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - self.others:
            worker.kill()

    def check(self, recipes: Iterable[Recipe]) -> None:
        checks = [
            (recipe, lane, self._submit(lane, functools.partial(_check, recipe, self.device)))
            for recipe, lane in zip(recipes, itertools.cycle(range(self.workers)))
        ]
        for recipe, lane, need in checks:
            self.memory.needs[kind(recipe)] = self._checked(recipe, lane, need)

    def _checked(self, recipe: Recipe, lane: int, need: Future[int]) -> int:
        """Return what a check says, trying it once more if its worker died, as one may at its start."""
        with contextlib.suppress(BrokenProcessPool):
            return need.result()
        with contextlib.suppress(BrokenProcessPool):
            return self._submit(lane, functools.partial(_check, recipe, self.device)).result()
        raise RequestError(
            f"a worker died twice before it could try model '{recipe.model.name}' on data "
            f"'{recipe.data.name}': is there too little memory (--strategy sequential says what it lacks)?"
        )

    def run(self, bundles: Iterable[Bundle]) -> Iterator[Finished]:
        waiting = deque((bundle, 1) for bundle in self.memory.parted(bundles, self.workers))
        running: dict[Future[list[Finished]], tuple[int, Bundle, int]] = {}
        idle = list(range(self.workers))
        while waiting or running:
            while idle and (next_one := self._next(waiting, running.values())):
                lane, (bundle, attempt) = idle.pop(), next_one
                task = functools.partial(run_bundle, bundle, self.device, self.checkpoints)
                running[self._submit(lane, task)] = lane, bundle, attempt
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                lane, bundle, attempt = running.pop(future)
                idle.append(lane)
                try:
                    yield from future.result()
                except BrokenProcessPool:
                    if len(bundle) > 1:  # One of them, or all together, were too much.
                        waiting.extendleft(((trial,), 1) for trial in reversed(bundle))
                    elif attempt < ATTEMPTS:
                        waiting.appendleft((bundle, attempt + 1))
                    else:
                        yield lost(bundle[0])

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        for trial in trials:
            yield from self.run([(trial,)])

    def _next(
        self, waiting: deque[tuple[Bundle, int]], running: Iterable[tuple[int, Bundle, int]]
    ) -> tuple[Bundle, int] | None:
        """Take the first bundle out of those waiting that fits beside those running, if one does."""
        beside = [bundle for _, bundle, _ in running]
        for index, (bundle, _) in enumerate(waiting):
            if self.memory.fits(bundle, beside):
                found = waiting[index]
                del waiting[index]
                return found
        return None

    def _submit(self, lane: int, task: Callable[[], T]) -> Future[T]:
        """Hand a worker a task; one that has died is replaced."""
        try:
            return self.lanes[lane].submit(task)
        except BrokenProcessPool:
            self.lanes[lane] = start(self.threads)
            return self.lanes[lane].submit(task)


def _nothing() -> None:
    return None


def _check(recipe: Recipe, device: str) -> int:
    from suite.execution.work import check

    return check(recipe, device)

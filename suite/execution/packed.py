"""Packed: spawned processes with one thread each, living across trials.

A process computes what it would compute alone, so results equal sequential ones bit for bit with
any number of workers. Several may share a GPU, which one cannot fill: each has a context of its own,
and a trial starts where its footprint fits beside the others' on the card, too. That has not been
tried on a GPU yet.
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

from suite.execution.memory import CONTEXT, PROCESS, SHARE, Memory, kind
from suite.execution.pool import ATTEMPTS, free_on_gpu, give_back, lost, run_bundle, start
from suite.execution.strategy import THREADS, Bundle, Checkpoints, Finished, Strategy
from suite.ground.errors import RequestError
from suite.ground.memory import free
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Probe, Recipe
from suite.vocabulary.record import Status

T = TypeVar("T")


class Packed(Strategy):
    """Worker processes. They start, and load torch, when the strategy is entered.

    Each worker is a pool of its own: workers of one pool share locks, and one that is killed while
    it holds a lock would stop them all.

    Attributes:
        devices: of each worker.
        memory: this machine's; `card` is the GPU's, once trials were checked on one.
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
        self.checkpoints, self.threads = checkpoints, threads
        self.workers, self.devices = workers, [device] * workers
        self.lanes = [start(threads) for _ in range(workers)]
        self.others = set(multiprocessing.active_children())
        self.memory = Memory(int(SHARE * free()) - workers * PROCESS)
        self.card = Memory(0)

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

    def device_of(self, recipe: Recipe | Probe, *, alone: bool = False) -> str:
        """Return on which of the devices a trial trains."""
        return self.devices[0]

    def check(self, recipes: Iterable[Recipe]) -> None:
        lanes = {
            device: itertools.cycle(lane for lane, own in enumerate(self.devices) if own == device)
            for device in set(self.devices)
        }
        places = [(recipe, next(lanes[self.device_of(recipe)])) for recipe in recipes]
        checks = [(recipe, lane, self._try(recipe, lane)) for recipe, lane in places]
        for recipe, lane, need in checks:
            self.memory.needs[kind(recipe)] = self._checked(recipe, lane, need)
        if "cuda" in self.devices:
            left = self._submit(next(lanes["cuda"]), free_on_gpu).result()
            others = self.devices.count("cuda") - 1  # this one's context is taken already
            self.card = Memory(int(SHARE * left) - others * CONTEXT)
            self.card.needs = self.memory.needs

    def _try(self, recipe: Recipe, lane: int) -> Future[int]:
        return self._submit(lane, functools.partial(_check, recipe, self.devices[lane]))

    def _checked(self, recipe: Recipe, lane: int, need: Future[int]) -> int:
        """Return what a check says, trying it once more if its worker died, as one may at its start."""
        with contextlib.suppress(BrokenProcessPool):
            return need.result()
        with contextlib.suppress(BrokenProcessPool):
            return self._try(recipe, lane).result()
        raise RequestError(
            f"a worker died twice before it could try model '{recipe.model.name}' on data "
            f"'{recipe.data.name}': is there too little memory (--strategy sequential says what it lacks)?"
        )

    def run(self, bundles: Iterable[Bundle]) -> Iterator[Finished]:
        waiting: dict[str, deque[tuple[Bundle, int]]] = {one: deque() for one in self.devices}
        for bundle in bundles:
            device = self.device_of(bundle[0].recipe, alone=bundle[0].alone)
            waiting[device].extend((part, 1) for part in self._parted(bundle, device))
        running: dict[Future[list[Finished]], tuple[int, Bundle, int]] = {}
        idle = list(range(self.workers))
        while any(waiting.values()) or running:
            for lane in reversed(idle):
                device = self.devices[lane]
                if next_one := self._next(device, waiting[device], running.values()):
                    bundle, attempt = next_one
                    task = functools.partial(run_bundle, bundle, device, self.checkpoints)
                    running[self._submit(lane, task)] = lane, bundle, attempt
            busy = {lane for lane, *_ in running.values()}
            idle = [lane for lane in idle if lane not in busy]
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                lane, bundle, attempt = running.pop(future)
                idle.append(lane)
                device = self.devices[lane]
                again = waiting[device]
                try:
                    finished = future.result()
                except BrokenProcessPool:
                    if len(bundle) > 1:  # One of them, or all together, were too much.
                        again.extendleft(((trial,), 1) for trial in reversed(bundle))
                    elif attempt < ATTEMPTS:
                        again.appendleft((bundle, attempt + 1))
                    else:
                        yield lost(bundle[0])
                else:
                    if device == "cuda" and any(
                        one.outcome.status is Status.FAILED for one in finished
                    ):
                        # Some errors leave a context in which nothing works any more.
                        self.lanes[lane].shutdown(wait=False)
                        self.lanes[lane] = start(self.threads)
                    yield from finished

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        for trial in trials:
            yield from self.run([(trial,)])

    def _parted(self, bundle: Bundle, device: str) -> Iterable[Bundle]:
        """Return a bundle in parts that fit into memory, and into the GPU's if they train there."""
        parts = self.memory.parted([bundle], self.workers)
        return self.card.parted(parts, self.devices.count(device)) if device == "cuda" else parts

    def _next(
        self,
        device: str,
        waiting: deque[tuple[Bundle, int]],
        running: Iterable[tuple[int, Bundle, int]],
    ) -> tuple[Bundle, int] | None:
        """Take the first bundle out of those waiting that fits beside those running, if one does."""
        beside = [bundle for _, bundle, _ in running]
        there = [bundle for lane, bundle, _ in running if self.devices[lane] == device]
        for index, (bundle, _) in enumerate(waiting):
            fits = self.memory.fits(bundle, beside)
            if fits and (device != "cuda" or self.card.fits(bundle, there)):
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

    need = check(recipe, device)
    give_back(device)
    return need

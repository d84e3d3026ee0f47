"""Worker processes: spawned, with one thread, living across trials."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from suite.execution.strategy import THREADS, Bundle, Checkpoints, Finished
from suite.ground.processes import follow_parent
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Outcome, Status

ATTEMPTS = 2  # A trial whose worker dies is tried once more; it may have been an innocent victim.


def start(threads: int = THREADS) -> ProcessPoolExecutor:
    """Return a pool of one process, which starts with its first task.

    Workers of one pool share locks, and one that is killed while it holds a lock would stop them
    all.
    """
    # Or a new process would look for Python's own modules in the working directory first.
    os.environ["PYTHONSAFEPATH"] = "1"
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=_start, initargs=(threads,))


def run_trial(trial: Trial, device: str, checkpoints: Checkpoints | None = None) -> Finished:
    """Run one trial in a worker, which loads torch for it."""
    from suite.execution import work

    return work.run_trial(trial, device, checkpoints)


def data_digest(data: Data, seed: int) -> str:
    """Return the digest of a trial's examples as they are now, in a worker."""
    from suite.data import load
    from suite.execution.contained import contained

    with contained():
        return load(data, seed).digest


def run_bundle(
    bundle: Bundle, device: str, checkpoints: Checkpoints | None = None
) -> list[Finished]:
    """Run the trials of a bundle in a worker, which loads torch for it."""
    from suite.execution import work

    finished = work.run_bundle(bundle, device, checkpoints)
    give_back(device)
    return finished


def give_back(device: str) -> None:
    """Let other processes have the memory of a GPU that this one keeps and does not use."""
    if device == "cuda":
        from torch import cuda

        cuda.empty_cache()


def free_on_gpu() -> int:
    """Return the bytes that are free on the GPU, once this process has its context there."""
    from torch import cuda

    return cuda.mem_get_info()[0]


def lost(trial: Trial, error: str = f"its worker died {ATTEMPTS} times") -> Finished:
    """Return what became of a trial whose worker died too often."""
    return Finished(trial, Outcome(status=Status.FAILED, error=error), 0.0, 0.0)


def _start(threads: int) -> None:
    os.environ.pop("PYTHONSAFEPATH", None)  # which is for no process of a study's own
    follow_parent()
    try:
        from suite.training import determinism
    except (ImportError, MemoryError, OSError):
        os._exit(1)  # as if it had been killed, and not with a traceback
    determinism.enforce(threads)

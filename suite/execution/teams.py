"""Data-parallel: one trial at a time, on a team of processes that share every batch.

Teams live across trials, as workers do, and one member's death costs a retry. A probe with an axis
`devices` is called in such a team too.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import multiprocessing
import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from suite.execution import torchrun
from suite.execution.pool import ATTEMPTS, lost, run_trial, start
from suite.execution.strategy import THREADS, Checkpoints, Finished, Opened
from suite.execution.torchrun import Torchrun
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Status

# A device that waits this long for the others gives up; no step or evaluation takes minutes.
TIMEOUT = dt.timedelta(minutes=10)


@dataclasses.dataclass(frozen=True)
class Team:
    """Workers that know each other, in the order of their ranks."""

    members: list[ProcessPoolExecutor]
    devices: list[str]
    processes: frozenset[int]

    def has_died(self) -> bool:
        """Whether a process of the team is gone."""
        return not self.processes <= {one.pid for one in multiprocessing.active_children()}


class Teams(Opened):
    """Teams of workers, one for each number of devices that a trial asks for.

    A team of one is an ordinary worker, so that trials on one and on several devices, which a
    study times in turn, run under the same conditions.
    """

    name = "data_parallel"
    workers = 1

    def __init__(
        self, device: str, checkpoints: Checkpoints | None = None, *, threads: int = THREADS
    ) -> None:
        self.device, self.checkpoints, self.threads = device, checkpoints, threads
        self.teams: dict[int, Team] = {}

    def __exit__(self, *_: object) -> None:
        for count in list(self.teams):
            self._dismiss(count)

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        for trial in trials:
            tries = (self._attempt(trial) for _ in range(ATTEMPTS))
            yield next((finished for finished in tries if finished), lost(trial))

    def _attempt(self, trial: Trial) -> Finished | None:
        """Return what became of a trial, or None if a process of its team died."""
        try:
            team = self._team(trial.devices)
            futures = [
                member.submit(run_trial, trial, device, self.checkpoints)
                for member, device in zip(team.members, team.devices, strict=True)
            ]
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    finished = future.result()
                    if finished.outcome.status is Status.FAILED:
                        # Of its own, or of what another's death did to their connection.
                        died = team.has_died()
                        self._dismiss(trial.devices)  # for others may be waiting for this one
                        return None if died else finished
            return futures[0].result()
        except BrokenProcessPool:
            self._dismiss(trial.devices)
            return None

    def _team(self, count: int) -> Team:
        if count not in self.teams:
            members = [start(self.threads) for _ in range(count)]
            devices = [f"cuda:{rank}" if self.device == "cuda" else "cpu" for rank in range(count)]
            self.teams[count] = Team(members, devices, frozenset())
            with tempfile.TemporaryDirectory(prefix="thumbrules-") as folder:
                meeting = Path(folder) / "meeting"
                joining = [
                    member.submit(_join, rank, devices, meeting)
                    for rank, member in enumerate(members)
                ]
                processes = frozenset(future.result() for future in joining)
            self.teams[count] = Team(members, devices, processes)
        return self.teams[count]

    def _dismiss(self, count: int) -> None:
        team = self.teams.pop(count)
        for member in team.members:
            member.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            if process.pid in team.processes:
                process.kill()


def make_teams(
    device: str, checkpoints: Checkpoints | None = None, *, threads: int = THREADS
) -> Teams | Torchrun:
    """Return what runs trials on several devices: processes of our own, or those of `torchrun`."""
    if torchrun.processes():
        return Torchrun(device, checkpoints)
    return Teams(device, checkpoints, threads=threads)


def _join(rank: int, devices: list[str], meeting: Path) -> int:
    """Connect this process to the others that share its trials; return its number."""
    import torch
    from torch import distributed

    if len(devices) > 1:
        on_gpu = devices[rank] != "cpu"
        if on_gpu:
            torch.cuda.set_device(rank)
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo",
            init_method=meeting.as_uri(),
            rank=rank,
            world_size=len(devices),
            timeout=TIMEOUT,
        )
    return os.getpid()

"""Under `torchrun`: the processes that it started are the team, on as many machines as it spans.

Rank 0 runs the command, and hands the trials that need several devices to the others, which do
nothing else. Loads torch when the first process has to meet the others.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from suite.execution.pool import run_trial
from suite.execution.strategy import THREADS, Checkpoints, Finished, Opened
from suite.ground.errors import RequestError
from suite.vocabulary.grid import Trial

# That it sets for each process.
VARIABLES = {
    "TORCHELASTIC_RUN_ID", "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR",
    "MASTER_PORT",
}  # fmt: skip
# The others wait for as long as rank 0 has trials that need no team. `torchrun` ends them all when
# one has died, so that none waits for the dead.
PATIENCE = dt.timedelta(days=30)
# A trial, the kind of device, and where to keep how far it has come.
Order = tuple[Trial, str, Checkpoints | None]


def processes() -> int:
    """Return how many processes `torchrun` started, or 0 if it started none."""
    return int(os.environ["WORLD_SIZE"]) if started() else 0


def started() -> bool:
    """Whether `torchrun` started this process: one variable alone may be left over from another."""
    return os.environ.keys() >= VARIABLES


def take_part(command: Callable[[], int]) -> NoReturn:
    """Run the command as rank 0, or what rank 0 hands out until it is done, and exit with its code.

    Where the command fails, nobody tells the others: `torchrun` ends them.
    """
    code = _take_part(command)
    # No ordinary exit: gloo's threads may hold a tensor until after the interpreter is gone, and
    # freeing it then aborts the process (https://github.com/pytorch/pytorch/pull/179291).
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _take_part(command: Callable[[], int]) -> int:
    if os.environ["RANK"] == "0":
        code = command()
        if code == 0:
            _join()
            _hand_out(None)
        return code
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what Ctrl-C means is rank 0's decision
    _join()
    while (order := _hand_out(None)) is not None:
        trial, device, checkpoints = order
        run_trial(trial, _mine(device), checkpoints)
    return 0


def check_devices(counts: Iterable[int]) -> None:
    """Raise RequestError if trials need other numbers of devices than one or all of them."""
    wrong = sorted({count for count in counts if count not in (1, processes())})
    if wrong:
        raise RequestError(
            f"devices={wrong[0]} needs as many processes, and torchrun started {processes()} "
            f"(did you mean devices={processes()}?)"
        )


class Torchrun(Opened):
    """Rank 0's side of the team. It has to hand out each trial on several devices itself.

    At its end the others are left waiting for the command's next trial, or its end.
    """

    name = "data_parallel"
    workers = 1

    def __init__(self, device: str, checkpoints: Checkpoints | None = None) -> None:
        self.device, self.checkpoints = device, checkpoints

    def run_alone(self, trials: Iterable[Trial]) -> Iterator[Finished]:
        for trial in trials:
            _join()
            if trial.devices > 1:
                _hand_out((trial, self.device, self.checkpoints))
            yield run_trial(trial, _mine(self.device), self.checkpoints)


def _join() -> None:
    from torch import cuda, distributed

    from suite.training import determinism

    if distributed.is_initialized():
        return
    determinism.enforce(THREADS)
    backend = "gloo"
    # Each process has a GPU of its own, or none has.
    if cuda.device_count() >= int(os.environ["LOCAL_WORLD_SIZE"]):
        cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=PATIENCE)


def _hand_out(order: Order | None) -> Order | None:
    """Return rank 0's order, on every process."""
    import torch
    from torch import distributed

    box = [order]
    distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def _mine(device: str) -> str:
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" else device

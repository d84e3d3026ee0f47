"""How far training has come, on the disk: killed and started again, it ends in the same bits."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from suite.data import Split
from suite.record import Outcome, Status
from suite.training.update_rules import UpdateRule

if TYPE_CHECKING:
    from suite.training.loop import Run

State = dict[str, Any]
log = logging.getLogger(__name__)

FORMAT = 1  # Raised with any change of what is kept: an older checkpoint is then as good as none.
DIGEST = 64  # characters of a SHA-256, which a file begins with


class Checkpoint:
    """One file, written now and then, whole or not at all, and read only if it is whole.

    Args:
        every: seconds between two writings, and before the first: a short trial writes nothing.
        dim: of a step's outputs, along which batches are joined; 1 where cells are stacked.
    """

    def __init__(self, path: Path, every: float, *, dim: int = 0) -> None:
        self.path, self.every, self.dim = path, every, dim
        self.next = time.monotonic() + every

    def due(self) -> bool:
        """Say whether it is time to write."""
        return time.monotonic() >= self.next

    def keep(
        self,
        runs: Sequence[Run],
        rule: UpdateRule,
        since: tuple[list[Tensor], list[Tensor]],
        ended: dict[int, Outcome] | None = None,
    ) -> None:
        """Write all that the next step depends on; a disk that takes no more is no fault.

        Args:
            runs: one, or those that are stacked, at the same step.
            rule: that moves them all.
            since: outputs and targets since the last evaluation.
            ended: what came of stacked runs that have diverged.
        """
        state = {
            "belongs": _belongs(runs),
            "runs": [_state(run) for run in runs],
            "rule": rule.state,
            "since": [self._joined(batches) for batches in since],
            "ended": {cell: _plain(outcome) for cell, outcome in (ended or {}).items()},
        }
        try:
            self._write(state)
        except OSError as error:
            log.warning("checkpoint %s cannot be written: %s", self.path, error)
        self.next = time.monotonic() + self.every

    def resume(
        self, runs: Sequence[Run], rule: UpdateRule
    ) -> tuple[list[Tensor], list[Tensor], dict[int, Outcome]]:
        """Bring runs that have not begun to where they were kept, if they were.

        Returns:
            outputs and targets since the last evaluation, and the outcomes of runs that have ended.
        """
        state = self._read(runs)
        # All devices go on from the same step, or all begin: a kill may come between two writings.
        if not runs[0].devices.same(state["runs"][0]["done"] if state else 0) or state is None:
            return [], [], {}
        if runs[0].recipe.devices > 1:
            _rehearse(runs[0])
        for run, kept in zip(runs, state["runs"], strict=True):
            _restore(run, kept)
        for name, value in state["rule"].items():
            own = rule.state[name]
            if isinstance(own, int):
                rule.state[name] = value
            else:
                torch._foreach_copy_(own, value)
        device = runs[0].device
        outputs, targets = (self._parted(whole, sizes, device) for whole, sizes in state["since"])
        return outputs, targets, {cell: _outcome(form) for cell, form in state["ended"].items()}

    def _joined(self, batches: list[Tensor]) -> tuple[Tensor | None, list[int]]:
        """Return batches as one tensor: a file of a hundred thousand small ones takes seconds."""
        sizes = [batch.shape[self.dim] for batch in batches]
        return (torch.cat(batches, self.dim) if batches else None), sizes

    def _parted(self, whole: Tensor | None, sizes: list[int], device: str) -> list[Tensor]:
        return [] if whole is None else list(torch.split(whole.to(device), sizes, self.dim))

    def _write(self, state: State) -> None:
        content = io.BytesIO()
        torch.save(state, content)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f"{self.path.name}.partial")
        with partial.open("wb") as file:
            file.write(hashlib.sha256(content.getbuffer()).hexdigest().encode())
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)

    def _read(self, runs: Sequence[Run]) -> State | None:
        """Return the state that the file holds, if there is one, it is whole and of these runs."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[DIGEST:]).hexdigest().encode() != content[:DIGEST]:
            log.warning("checkpoint %s is damaged: its trial starts over", self.path)
            return None
        state = _unpacked(content[DIGEST:])
        if state.get("belongs") != _belongs(runs):
            log.warning("checkpoint %s is of another version: its trial starts over", self.path)
            return None
        return state


def _unpacked(content: bytes) -> State:
    """Return what was kept; nothing if this version of PyTorch cannot read it."""
    try:
        state: State = torch.load(io.BytesIO(content), "cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError):
        return {}
    return state


def _belongs(runs: Sequence[Run]) -> list[str]:
    """Return what must be the same where a run goes on, if it is to end in the same bits."""
    here = [
        str(FORMAT),
        str(torch.__version__),
        torch.backends.cpu.get_cpu_capability(),
        runs[0].device,
    ]
    return here + [digest for run in runs for digest in (run.initial_digest, run.examples.digest)]


def _state(run: Run) -> State:
    return {
        "network": run.network.state_dict(),
        "masks": run.masks.get_state(),
        "began": tuple(run.began),
        "curves": run.curves,
        "done": run.done,
        "seen": run.seen,
    }


def _rehearse(run: Run) -> None:
    """Let several devices take a step, before all that it moves is restored.

    DistributedDataParallel lays out its messages anew after its first one, and more than two
    devices sum in an order that depends on the layout.
    """
    first = Split(*(part[: run.recipe.batch_size] for part in run.examples.train))
    run.step(*run.devices.shard(first), run.rate())


def _restore(run: Run, state: State) -> None:
    run.network.load_state_dict(state["network"])
    run.masks.set_state(state["masks"])
    run.began = type(run.began)(*state["began"])
    run.order.set_state(run.began.order)
    run.augment.set_state(run.began.augment)
    run.curves, run.done, run.seen = state["curves"], state["done"], state["seen"]


def _plain(outcome: Outcome) -> State:
    return {**vars(outcome), "status": str(outcome.status)}


def _outcome(form: State) -> Outcome:
    return Outcome(**form | {"status": Status(form["status"])})

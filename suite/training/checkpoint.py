"""How far training has come, on the disk: killed and started again, it ends in the same bits.

A checkpoint holds the run's state, the rule's, the outputs since the last evaluation, and where the
present epoch *began*, with the states of the streams that it drew from. Resumed, a run draws the
epoch's order and augmentation again and passes over what it was trained on, so nothing in the loop
has to know its place. A file is replaced whole, read only if its SHA-256 fits, by a loader that
makes tensors and plain values and nothing else, and removed when the record is in the journal.
Devices that share a trial keep one each, and go on only if all are at the same step. Timed trials
and Ray's keep none.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from suite.data import Examples
from suite.training.devices import Devices
from suite.training.outputs import each, first, joined, parted
from suite.training.update_rules import UpdateRule
from suite.vocabulary.record import Outcome, Status

State = dict[str, Any]
log = logging.getLogger(__name__)

FORMAT = 2  # Raised with any change of what is kept: an older checkpoint is then as good as none.
DIGEST = 64  # characters of a SHA-256, which a file begins with


class Kept(Protocol):
    """What a checkpoint asks of a run; `suite.training.loop.Run` is one.

    Attributes:
        device: where it computes.
        initial_digest: of its weights before the first step.
    """

    device: str
    devices: Devices
    examples: Examples
    initial_digest: str

    def state(self) -> State:
        """Return all that its next step depends on but the update rule's own."""

    def restore(self, state: State) -> None:
        """Go to where the run was that returned this state."""


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
        runs: Sequence[Kept],
        rule: UpdateRule,
        since: tuple[list[Any], list[Tensor]],
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
            "runs": [run.state() for run in runs],
            "rule": rule.state(),
            "since": [self._joined(batches) for batches in since],
            "ended": {cell: _plain(outcome) for cell, outcome in (ended or {}).items()},
        }
        try:
            self._write(state)
        except OSError as error:
            log.warning("checkpoint %s cannot be written: %s", self.path, error)
        self.next = time.monotonic() + self.every

    def resume(
        self, runs: Sequence[Kept], rule: UpdateRule
    ) -> tuple[list[Any], list[Tensor], dict[int, Outcome]]:
        """Bring runs that have not begun to where they were kept, if they were.

        Returns:
            outputs and targets since the last evaluation, and the outcomes of runs that have ended.
        """
        state = self._read(runs)
        # All devices go on from the same step, or all begin: a kill may come between two writings.
        if not runs[0].devices.same(state["runs"][0]["done"] if state else 0) or state is None:
            return [], [], {}
        for run, kept in zip(runs, state["runs"], strict=True):
            run.restore(kept)
        rule.restore(state["rule"])
        device = runs[0].device
        outputs, targets = (self._parted(whole, sizes, device) for whole, sizes in state["since"])
        return outputs, targets, {cell: _outcome(form) for cell, form in state["ended"].items()}

    def _joined(self, batches: list[Any]) -> tuple[Any, list[int]]:
        """Return batches as one: a file of a hundred thousand small tensors takes seconds."""
        sizes = [first(batch).shape[self.dim] for batch in batches]
        return (joined(batches, self.dim) if batches else None), sizes

    def _parted(self, whole: Any, sizes: list[int], device: str) -> list[Any]:
        if whole is None:
            return []
        return parted(each(lambda tensor: tensor.to(device), whole), sizes, self.dim)

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

    def _read(self, runs: Sequence[Kept]) -> State | None:
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


def _belongs(runs: Sequence[Kept]) -> list[str]:
    """Return what must be the same where a run goes on, if it is to end in the same bits."""
    here = [
        str(FORMAT),
        str(torch.__version__),
        torch.backends.cpu.get_cpu_capability(),
        runs[0].device,
    ]
    if torch.device(runs[0].device).type == "cuda":
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        here += [torch.cuda.get_device_name(runs[0].device), str(cudnn)]
    return here + [digest for run in runs for digest in (run.initial_digest, run.examples.digest)]


def _plain(outcome: Outcome) -> State:
    return {**vars(outcome), "status": str(outcome.status)}


def _outcome(form: State) -> Outcome:
    return Outcome(**form | {"status": Status(form["status"])})

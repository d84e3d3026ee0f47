"""A clock for training alone: it leaves evaluation out and waits for the device."""

from __future__ import annotations

import time

import torch


class Stopwatch:
    """Adds up the seconds between `start` and `stop`."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.seconds = 0.0
        self._started = 0.0

    def start(self) -> None:
        self._synchronise()
        self._started = time.perf_counter()

    def stop(self) -> None:
        self._synchronise()
        self.seconds += time.perf_counter() - self._started

    def _synchronise(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

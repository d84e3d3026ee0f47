"""The plain loop in a process a core, one thread each, and nothing else: no curves, no records."""

from __future__ import annotations

import multiprocessing
import os

import torch
from common import Splits, cells, data, train

splits: Splits


def start() -> None:
    global splits
    torch.set_num_threads(1)
    splits = data()


def run(cell: tuple[int, float, int]) -> float:
    return train(*cell, splits)


if __name__ == "__main__":
    workers = len(os.sched_getaffinity(0))
    with multiprocessing.get_context("spawn").Pool(workers, start) as pool:
        longest_first = sorted(cells())
        for right in pool.imap_unordered(run, longest_first):
            print(right)

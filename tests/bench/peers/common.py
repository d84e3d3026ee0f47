"""The grid that every way of running it shares: Fashion-MNIST 20,000/4,000, 3 epochs."""

from __future__ import annotations

import gzip
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path("/usr/share/datasets/fashion-mnist")
EPOCHS = 3


def cells() -> Iterator[tuple[int, float, int]]:
    """Yield batch size, rate and seed: 48 trials, or as many seeds as the first argument says."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    yield from itertools.product((64, 256), (0.03, 0.1, 0.3), range(seeds))


def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return training and validation images, float `(n, 1, 28, 28)` in [0, 1], and labels."""
    pixels = np.frombuffer(
        gzip.open(FOLDER / "train-images-idx3-ubyte.gz").read(), np.uint8, offset=16
    )
    labels = np.frombuffer(
        gzip.open(FOLDER / "train-labels-idx1-ubyte.gz").read(), np.uint8, offset=8
    )
    x = torch.tensor(pixels.reshape(-1, 1, 28, 28)[:24_000]).float() / 255
    y = torch.tensor(labels[:24_000]).long()
    return x[:20_000], y[:20_000], x[20_000:], y[20_000:]


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))

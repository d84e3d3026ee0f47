"""The grid that every way of running it shares: Fashion-MNIST 20,000/4,000, 3 epochs.

Arguments of each way: how many seeds of the eight, and the network.
"""

from __future__ import annotations

import gzip
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

FOLDER = Path("/usr/share/datasets/fashion-mnist")
EPOCHS = 3
SEEDS, NETWORK = int(sys.argv[1]) if sys.argv[1:] else 8, (sys.argv[2:] or ["mlp"])[0]

Splits = tuple[Tensor, Tensor, Tensor, Tensor]


def cells() -> Iterator[tuple[int, float, int]]:
    """Yield batch size, rate and seed of each trial, six a seed."""
    yield from itertools.product((64, 256), (0.03, 0.1, 0.3), range(SEEDS))


def pixels_and_labels() -> tuple[np.ndarray, np.ndarray]:
    """Return the 24,000 images, bytes `(n, 28, 28)`, and their labels `(n,)`."""
    pixels = np.frombuffer(
        gzip.open(FOLDER / "train-images-idx3-ubyte.gz").read(), np.uint8, offset=16
    )
    labels = np.frombuffer(
        gzip.open(FOLDER / "train-labels-idx1-ubyte.gz").read(), np.uint8, offset=8
    )
    return pixels.reshape(-1, 28, 28)[:24_000], labels[:24_000]


def data() -> Splits:
    """Return training and validation images, float `(n, 1, 28, 28)` in [0, 1], and labels."""
    pixels, labels = pixels_and_labels()
    x, y = torch.tensor(pixels).unsqueeze(1).float() / 255, torch.tensor(labels).long()
    return x[:20_000], y[:20_000], x[20_000:], y[20_000:]


def network() -> nn.Module:
    """Return the MLP or the LeNet of the grid, as `suite` builds them."""
    if NETWORK == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def train(batch_size: int, lr: float, seed: int, splits: Splits) -> float:
    """Return the accuracy after a plain loop over tensors in memory: nn.Module and torch.optim."""
    x, y, validation_x, validation_y = splits
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for index in order.split(batch_size):
            loss = F.cross_entropy(model(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            right = (model(validation_x).argmax(1) == validation_y).float().mean()
    return float(right)

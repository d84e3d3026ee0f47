"""A plain sequential loop on resident tensors, with nn.Module and torch.optim, all cores."""

from __future__ import annotations

import torch
from common import EPOCHS, cells, data, mlp
from torch.nn import functional as F

x, y, validation_x, validation_y = data()
for batch_size, lr, seed in cells():
    torch.manual_seed(seed)
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for index in order.split(batch_size):
            loss = F.cross_entropy(network(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            right = (network(validation_x).argmax(1) == validation_y).float().mean()
    print(batch_size, lr, seed, float(right))

"""A plain sequential loop on resident tensors, with nn.Module and torch.optim, all cores."""

from __future__ import annotations

from common import cells, data, train

splits = data()
for cell in cells():
    print(*cell, train(*cell, splits))

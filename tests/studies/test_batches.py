"""Known answers of what the studies of batches and rates define themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from studies.raise_the_batch import growing_batch


def test_gathered_batches_move_the_weights_as_one_batch_would() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(16, 3), torch.randn(16, 1)
    ours, theirs = nn.Linear(3, 1), nn.Linear(3, 1)
    theirs.load_state_dict(ours.state_dict())
    rule = growing_batch(momentum=0.9, every=2, factor=2)
    growing = rule.function()(ours.parameters(), 0.1, **rule.arguments())
    sgd = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)

    def step(network: nn.Module, with_: torch.optim.Optimizer, some: slice) -> Tensor:
        network.zero_grad()
        (network(x[some]) - y[some]).square().mean().backward()
        with_.step()
        return torch.cat([one.detach().flatten() for one in network.parameters()])

    for start in (0, 4, 8, 12):  # two steps on a batch of four, and one on two of them
        moved = step(ours, growing, slice(start, start + 4))
    for some in (slice(0, 4), slice(4, 8), slice(8, 16)):
        meant = step(theirs, sgd, some)
    assert torch.allclose(moved, meant, atol=1e-6)

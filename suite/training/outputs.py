"""What a network returns: one tensor, or several in a tuple, a list or a dictionary.

Of several the first is what is measured; the loss gets them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as tree

from suite.data.labels import IGNORED

Outputs = Any


def first(outputs: Outputs) -> Tensor:
    """Return the outputs that are measured."""
    found: Tensor = outputs if isinstance(outputs, Tensor) else tree.tree_leaves(outputs)[0]
    return found


def answers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return outputs `(m, outputs)` and the targets that they answer, as they are but for sequences.

    Of outputs `(n, length, outputs)` those count whose position has a target, and the last position
    alone where a sequence has one: it has seen all others.
    """
    if outputs.ndim != 3 or targets.dtype is not torch.int64:
        return outputs, targets
    if targets.ndim == 1:
        return outputs[:, -1], targets
    counts = targets != IGNORED
    return outputs[counts], targets[counts]


def asked(targets: Tensor) -> int:
    """Return how many answers targets ask for: the examples, or positions, that a mean is over."""
    return int((targets != IGNORED).sum()) if by_position(targets) else len(targets)


def by_position(targets: Tensor) -> bool:
    """Say whether every position of a sequence has a target of its own."""
    return targets.dtype is torch.int64 and targets.ndim == 2


def each(function: Callable[[Tensor], Tensor], outputs: Outputs) -> Outputs:
    """Return a function of each tensor, in the same form."""
    return function(outputs) if isinstance(outputs, Tensor) else tree.tree_map(function, outputs)


def joined(batches: Sequence[Outputs], dim: int = 0) -> Outputs:
    """Return the outputs of several batches as those of one."""
    if isinstance(batches[0], Tensor):
        return torch.cat(list(batches), dim)
    leaves = zip(*map(tree.tree_leaves, batches), strict=True)
    form = tree.tree_structure(batches[0])
    return tree.tree_unflatten([torch.cat(tensors, dim) for tensors in leaves], form)


def parted(whole: Outputs, sizes: list[int], dim: int = 0) -> list[Outputs]:
    """Return what was joined, batch by batch."""
    leaves, form = tree.tree_flatten(whole)
    parts = zip(*(torch.split(leaf, sizes, dim) for leaf in leaves), strict=True)
    return [tree.tree_unflatten(part, form) for part in parts]

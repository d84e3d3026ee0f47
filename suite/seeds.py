"""Named random streams: every use of chance in a trial has its own, derived from the trial's seed.

Streams are independent of each other and of who else is running, so two arms at the same seed
share the split, the order and, where shapes allow, the initial weights, and a new use of chance
disturbs none of the old ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Iterator
from typing import Any, Literal

Purpose = Literal[
    "split",
    "init",
    "order",
    "dropout",
    "synthetic",
    "labels",
    "augment",
    "shift",
    "probe",
    "global",
]


def stream(seed: int, purpose: Purpose, rank: int = 0) -> int:
    """Return the 63-bit seed of a trial's stream for one purpose.

    Args:
        rank: of the process, where several share a trial and each draws for its own examples.
    """
    name = f"{seed}/{purpose}/{rank}" if rank else f"{seed}/{purpose}"
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and PyTorch, and leave them as they were.

    What a trial draws without a stream of its own, such as a network's `nn.Dropout`, comes from its
    seed then too.
    """
    import numpy as np  # here, since a study's file imports this one, and listing loads neither
    import torch

    before = global_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - it is what others use
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_global_state(before)


def global_state() -> dict[str, Any]:
    """Return the states of the global generators, as plain values and tensors."""
    import numpy as np
    import torch

    drawn: Any = np.random.get_state()  # noqa: NPY002
    name, keys, *rest = drawn
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(keys.astype(np.int64)), *rest),
        "torch": torch.random.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if on_gpu else [],
    }


def set_global_state(state: dict[str, Any]) -> None:
    """Bring the global generators to where they were when `global_state` returned this."""
    import numpy as np
    import torch

    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.random.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])

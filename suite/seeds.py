"""Named random streams: every use of chance in a trial has its own, derived from the trial's seed.

Streams are independent of each other and of who else is running, so two arms at the same seed
share the split, the order and, where shapes allow, the initial weights, and a new use of chance
disturbs none of the old ones.
"""

from __future__ import annotations

import hashlib
from typing import Literal

Purpose = Literal[
    "split", "init", "order", "dropout", "synthetic", "labels", "augment", "shift", "probe"
]


def stream(seed: int, purpose: Purpose, rank: int = 0) -> int:
    """Return the 63-bit seed of a trial's stream for one purpose.

    Args:
        rank: of the process, where several share a trial and each draws for its own examples.
    """
    name = f"{seed}/{purpose}/{rank}" if rank else f"{seed}/{purpose}"
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1

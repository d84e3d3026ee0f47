"""Colours of figures, each as a pair: one for a light page and one for a dark one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

Pair = tuple[str, str]

# Okabe and Ito's hues, darkened or lightened until each has a contrast of 3:1 with its page.
CATEGORIES: tuple[Pair, ...] = (
    ("#0072b2", "#56b4e9"),
    ("#c24e00", "#f08a4b"),
    ("#00805d", "#2fc79a"),
    ("#a6478a", "#e79ac6"),
    ("#8a6d00", "#e3c04b"),
    ("#5d6b78", "#a9b4bf"),
)
# The stretches of plasma that have a contrast of 3:1 with a white and with a nearly black page.
LIGHT_STRETCH, DARK_STRETCH = (0.0, 0.64), (0.4, 1.0)

# Neighbours differ in outline and dash too, for readers and printers that cannot tell the colours.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h", "<", ">")
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.6)))


def colours(levels: Sequence[Any]) -> list[Pair]:
    """Return a pair for every level: a ramp where levels are numbers in order, else hues."""
    if len(levels) == 1:
        return [CATEGORIES[0]]
    numbers = all(isinstance(level, int | float) for level in levels)
    if (numbers and len(levels) > 2) or len(levels) > len(CATEGORIES):
        return _ramp(len(levels))
    return list(CATEGORIES[: len(levels)])


def _ramp(count: int) -> list[Pair]:
    plasma = mpl.colormaps["plasma"]
    return [
        (to_hex(plasma(light)), to_hex(plasma(dark)))
        for light, dark in zip(
            np.linspace(*LIGHT_STRETCH, count), np.linspace(*DARK_STRETCH, count), strict=True
        )
    ]

"""Labelled examples on a device: sources, fixed splits, augmentation and shifts."""

from suite.data.augmentation import augmented, shifted_tests, transform
from suite.data.splits import Examples, Split, load, outline, standardise

__all__ = [
    "Examples",
    "Split",
    "augmented",
    "load",
    "outline",
    "shifted_tests",
    "standardise",
    "transform",
]

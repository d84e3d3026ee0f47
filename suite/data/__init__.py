"""Labelled examples on a device: sources, fixed splits, augmentation and shifts."""

from suite.data.augmentation import augmented, shifted_tests, transform
from suite.data.images import image_folder
from suite.data.mixing import mixed
from suite.data.sequences import sequences
from suite.data.splits import Examples, Split, load, outline, standardise
from suite.data.tables import arrays, table

__all__ = [
    "Examples",
    "Split",
    "arrays",
    "augmented",
    "image_folder",
    "load",
    "mixed",
    "outline",
    "sequences",
    "shifted_tests",
    "standardise",
    "table",
    "transform",
]

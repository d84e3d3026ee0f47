"""Labelled examples on a device, in fixed splits."""

from suite.data.augmentation import augmented, shifted_tests
from suite.data.splits import Examples, Split, load, standardise

__all__ = ["Examples", "Split", "augmented", "load", "shifted_tests", "standardise"]

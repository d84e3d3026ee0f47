"""Labelled examples on a device, in fixed splits."""

from suite.data.splits import Examples, Split, load, standardise

__all__ = ["Examples", "Split", "load", "standardise"]

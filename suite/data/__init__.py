"""Labelled examples on a device, in fixed splits."""

from suite.data.splits import Examples, Split, load

__all__ = ["Examples", "Split", "load"]

"""The training core: update rules, one step, evaluation and the loop."""

from suite.training.loop import train

__all__ = ["train"]

"""The training core: update rules, one step, the loop, checkpoints, stacks of cells, what memory they take."""

from suite.training.evaluation import predict
from suite.training.loop import Run, train

__all__ = ["Run", "predict", "train"]

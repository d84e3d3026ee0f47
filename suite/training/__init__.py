"""The training core: update rules, one step, evaluation and the loop."""

from suite.training.evaluation import predict
from suite.training.loop import Run, train

__all__ = ["Run", "predict", "train"]

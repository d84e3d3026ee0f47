"""Thumbrules: rules of thumb about training neural networks, put on trial.

This package's top level is the vocabulary of a study file; it loads no torch.
"""

from suite.vocabulary.claims import (
    Difference,
    Equivalence,
    Identity,
    Interaction,
    Ordering,
    Rate,
    Threshold,
    Trend,
    Within,
)
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Axis, axis
from suite.vocabulary.metrics import define_metric
from suite.vocabulary.model import Model
from suite.vocabulary.optimizer import Optimizer, Schedule
from suite.vocabulary.recipe import Budget, Recipe, Transformation
from suite.vocabulary.study import Part, Study, Target
from suite.vocabulary.views import curves, heat, images, lines, matrix

__all__ = [
    "Axis",
    "Budget",
    "Data",
    "Difference",
    "Equivalence",
    "Identity",
    "Interaction",
    "Model",
    "Optimizer",
    "Ordering",
    "Part",
    "Rate",
    "Recipe",
    "Schedule",
    "Study",
    "Target",
    "Threshold",
    "Transformation",
    "Trend",
    "Within",
    "axis",
    "curves",
    "define_metric",
    "heat",
    "images",
    "lines",
    "matrix",
]

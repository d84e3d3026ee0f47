"""Thumbrules: rules of thumb about training neural networks, put on trial.

This package's top level is the vocabulary of a study file; it loads no torch.
"""

from suite.claims import (
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
from suite.grid import Axis, axis
from suite.metrics import define_metric
from suite.recipe import Budget, Data, Model, Optimizer, Recipe, Schedule, Transformation
from suite.study import Part, Study, Target
from suite.views import curves, heat, images, lines, matrix

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

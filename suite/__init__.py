"""Thumbrules: rules of thumb about training neural networks, put on trial.

This package's top level is the vocabulary of a study file; it loads no torch.
"""

from suite.ground.fields import number, scalar
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
from suite.vocabulary.data import Data, source
from suite.vocabulary.grid import Axis, axis
from suite.vocabulary.loss import Loss, loss, metric
from suite.vocabulary.metrics import define_metric
from suite.vocabulary.model import (
    Activation,
    Initialisation,
    Model,
    activation,
    initialisation,
    model,
)
from suite.vocabulary.optimizer import Optimizer, Schedule, optimizer, schedule
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.study import Part, Study, Target
from suite.vocabulary.transformation import Transformation, transformation
from suite.vocabulary.views import curves, heat, images, lines, matrix

__all__ = [
    "Activation",
    "Axis",
    "Budget",
    "Data",
    "Difference",
    "Equivalence",
    "Identity",
    "Initialisation",
    "Interaction",
    "Loss",
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
    "activation",
    "axis",
    "curves",
    "define_metric",
    "heat",
    "images",
    "initialisation",
    "lines",
    "loss",
    "matrix",
    "metric",
    "model",
    "number",
    "optimizer",
    "scalar",
    "schedule",
    "source",
    "transformation",
]

"""Thumbrules: rules of thumb about training neural networks, put on trial.

This package's top level is the vocabulary of a study file, and `results` for what came of it; it
loads neither torch nor pandas.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from suite.ground.fields import number, scalar
from suite.vocabulary.claims import (
    Boundary,
    Difference,
    Equivalence,
    Identity,
    Interaction,
    Ordering,
    Rate,
    Slope,
    Threshold,
    Trend,
    Within,
)
from suite.vocabulary.data import Data, source
from suite.vocabulary.grid import Axis, axis
from suite.vocabulary.looks import looks
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
from suite.vocabulary.optimizer import Average, Optimizer, Schedule, optimizer, schedule
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.shared import shared
from suite.vocabulary.study import Part, Study, Target
from suite.vocabulary.transformation import Transformation, transformation
from suite.vocabulary.views import Law, curves, effect_map, heat, images, lines, matrix

if TYPE_CHECKING:
    from suite.evidence.frames import Frames

__all__ = [
    "Activation",
    "Average",
    "Axis",
    "Boundary",
    "Budget",
    "Data",
    "Difference",
    "Equivalence",
    "Identity",
    "Initialisation",
    "Interaction",
    "Law",
    "Loss",
    "Model",
    "Optimizer",
    "Ordering",
    "Part",
    "Rate",
    "Recipe",
    "Schedule",
    "Slope",
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
    "effect_map",
    "heat",
    "images",
    "initialisation",
    "lines",
    "looks",
    "loss",
    "matrix",
    "metric",
    "model",
    "number",
    "optimizer",
    "results",
    "scalar",
    "schedule",
    "shared",
    "source",
    "transformation",
]


def results(
    study: str, *, folder: str | PathLike[str] = ".", archive: str | PathLike[str] | None = None
) -> Frames:
    """Return the results of a study's latest run, as pandas frames.

    `trials` has a row a trial, `curves` a row a point of a curve, `findings` a row a claim, and
    `best("test/accuracy")` is the cell that validation would choose, with its interval and the
    cells that cannot be told from it. MLflow is not asked.

    `folder` is where the study ran: its journal is read, and its studies if it has some. `archive`
    is a file that `suite export` wrote, read in place of the journal.

    Raises a RequestError, one line, if there is no such study, folder or archive, the study has no
    results there, or its grid is another now than when it ran.
    """
    from suite.runs.results import read  # with pandas, which a study file need not wait for

    return read(study, folder, archive)

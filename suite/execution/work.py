"""What a process does with one trial. Importing this file imports torch."""

from __future__ import annotations

import time

import torch

from suite.data import load
from suite.errors import RequestError
from suite.execution.strategy import Finished
from suite.models import build
from suite.recipe import Recipe
from suite.record import Outcome, Status
from suite.study import Trial
from suite.training import train


def run_trial(trial: Trial, device: str) -> Finished:
    """Train one trial; whatever goes wrong inside it is its outcome, not the run's."""
    started = time.time()
    try:
        outcome = train(trial.recipe, trial.seed, device=device, alone=trial.alone)
    except Exception as error:
        outcome = Outcome(status=Status.FAILED, error=f"{type(error).__name__}: {error}")
    return Finished(trial, outcome, started, time.time())


def check(recipe: Recipe, device: str) -> None:
    """Load the data and build the network of a recipe.

    Raises:
        RequestError: if the data, the network or the device cannot be had.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise RequestError("PyTorch finds no CUDA device here (did you mean --device cpu?)")
    examples = load(recipe.data, 0, device)
    build(recipe.model, examples.shape, examples.outputs, 0)

"""A network trained again from its record, to the same bits."""

from __future__ import annotations

import torch

from suite.ground.errors import RequestError
from suite.ground.wording import worded
from suite.training.loop import Run, weights_digest
from suite.vocabulary import discovery
from suite.vocabulary.record import Record


def trained(record: Record) -> Run:
    """Return a trial trained again, to the same bits.

    Raises:
        RequestError: if it cannot be here, or not to the same weights; what it says is `Worded`.
    """
    device = record.provenance.device
    if record.is_probe:
        raise RequestError(worded("trial {trial} is no network's", trial=record.id))
    recipe = discovery.recipe_of(record)
    if recipe.devices > 1:
        raise RequestError(worded("trial {trial} ran on several devices", trial=record.id))
    if device == "cuda" and not torch.cuda.is_available():
        raise RequestError(worded("trial {trial} ran on a GPU, which is not here", trial=record.id))
    run = Run(recipe, record.seed, device)
    run.train()
    if weights_digest(run.network) != record.outcome.weights_digest:
        raise RequestError(worded("trial {trial} ends with other weights here", trial=record.id))
    return run

"""Models of the best trials, in MLflow's format: trained again from their records, to the same bits."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import torch

from suite.errors import RequestError
from suite.evidence.results import Results
from suite.execution.strategy import THREADS
from suite.identity import rebuild
from suite.recipe import Recipe
from suite.record import Record
from suite.tracking.tracker import Tracker
from suite.training import determinism
from suite.training.evaluation import predict
from suite.training.loop import Run, digest
from suite.training.step import prepare
from suite.wording import counted, worded


def keep_models(results: Results, best: Iterable[str], tracker: Tracker) -> None:
    """Log the networks of some trials; one whose weights come out otherwise here is left out."""
    determinism.enforce(THREADS)
    records = {record.id: record for record in results.records}
    kept = 0
    for trial in best:
        try:
            run = trained(records[trial])
        except RequestError as error:
            print(f"not kept as a model: {error}", file=sys.stderr)
            continue
        example = prepare(run.examples.test.inputs[:2])
        outputs = predict(run.network, example)
        tracker.keep_model(
            results.study.name, trial, run.network.cpu().eval(), *_arrays(example, outputs)
        )
        kept += tracker.error is None
    print(
        f"{counted(kept, 'model')} of {results.study.name} kept in {tracker.uri}, each in the run "
        "of its arm's best trial",
        file=sys.stderr,
    )


def trained(record: Record) -> Run:
    """Return a trial trained again, to the same bits.

    Raises:
        RequestError: if it cannot be here, or not to the same weights; what it says is `Worded`.
    """
    device = record.provenance.device
    if "function" in record.recipe:
        raise RequestError(worded("trial {trial} is no network's", trial=record.id))
    recipe: Recipe = rebuild(Recipe, record.recipe)
    if recipe.devices > 1:
        raise RequestError(worded("trial {trial} ran on several devices", trial=record.id))
    if device == "cuda" and not torch.cuda.is_available():
        raise RequestError(worded("trial {trial} ran on a GPU, which is not here", trial=record.id))
    run = Run(recipe, record.seed, device)
    run.train()
    if digest(run.network) != record.outcome.weights_digest:
        raise RequestError(worded("trial {trial} ends with other weights here", trial=record.id))
    return run


def _arrays(*tensors: torch.Tensor) -> list[object]:
    return [tensor.cpu().numpy() for tensor in tensors]

"""Models of the best trials, in MLflow's format: trained again from their records, to the same bits.

Keeping the weights of every trial until the best is known would cost disk space and time in every
worker, and cached trials would have none. Models are logged in MLflow's traced format, which holds
no pickle. Trials on several devices are left out, and one that trained stacked rarely comes out
equal alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import torch

from suite.evidence.results import Results
from suite.execution.strategy import THREADS
from suite.ground.errors import RequestError
from suite.ground.wording import plural
from suite.reproduce.trained import trained
from suite.tracking.tracker import Tracker
from suite.training import determinism
from suite.training.evaluation import predict
from suite.training.step import prepare


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
        example = prepare(run.examples.test.inputs[:2].to(run.device))
        outputs = predict(run.network, example)
        tracker.keep_model(
            results.study.name, trial, run.network.cpu().eval(), *_arrays(example, outputs)
        )
        kept += tracker.error is None
    print(
        f"{plural(kept, 'model')} of {results.study.name} kept in {tracker.uri}, each in the run "
        "of its arm's best trial",
        file=sys.stderr,
    )


def _arrays(*tensors: torch.Tensor) -> list[object]:
    return [tensor.cpu().numpy() for tensor in tensors]

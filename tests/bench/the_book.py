"""Train the book's networks at their full settings, without MLflow: one JSON line a trial.

`python -m tests.bench.the_book --out FILE [--seeds N] [--workers N] [--device cuda] [--only PART ...]`

Lines already in the file are not trained again, so an interrupted run goes on where it stopped.
Seconds are those of the steps, without loading and evaluation. With more than one worker the
trials share the device, so their speeds are no measure of it: `workers` says which they are.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from studies.the_book import study
from suite.execution.strategy import THREADS
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Recipe


def start() -> None:
    """Make a worker compute the same bits every time, as the suite's workers do."""
    from suite.training import determinism

    determinism.enforce(THREADS)


def measured(trial: Trial, device: str, workers: int) -> dict[str, Any]:
    """Train one trial, as `suite.training.train` does, and return what its line says."""
    import torch

    from suite.data import load

    cuda = device.startswith("cuda")
    load.cache_clear()  # 60,000 images of 224×224 pixels are 3 GB, and every worker has its own
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    try:
        outcome = trained(trial, device)
    except Exception as error:
        outcome = {"status": "failed", "error": f"{type(error).__name__}: {error}", "final": {}}
    return {
        "id": trial.id,
        "part": trial.part,
        **trial.cell,
        "seed": trial.seed,
        **outcome,
        "wall_seconds": time.perf_counter() - began,
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "peak_bytes": torch.cuda.max_memory_allocated() if cuda else None,
        "workers": workers,
        "torch": torch.__version__,
    }


def trained(trial: Trial, device: str) -> dict[str, Any]:
    from suite.training.loop import Run, not_finite

    assert isinstance(trial.recipe, Recipe)
    run = Run(trial.recipe, trial.seed, device)
    reason = run.train()
    final = {} if reason else run.final()
    reason = reason or not_finite(final, run.done)
    return {
        "status": "diverged" if reason else "finished",
        "error": reason,
        "final": final | run.cost(timed=True),
        "curves": run.curves,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tier", default="full")
    parser.add_argument("--only", nargs="*", default=[], metavar="PART")
    options = parser.parse_args()
    text = options.out.read_text() if options.out.exists() else ""
    done = {json.loads(line)["id"] for line in text.splitlines() if line.endswith("}")}
    grids = study.grids(options.tier, seeds=options.seeds)
    wanted = [grid for grid in grids if not options.only or grid.name in options.only]
    trials = [trial for trial in study.trials(wanted) if trial.id not in done]
    trials.sort(key=lambda trial: trial.seed)
    spawn = multiprocessing.get_context("spawn")
    with (
        options.out.open("a") as out,
        ProcessPoolExecutor(options.workers, mp_context=spawn, initializer=start) as pool,
    ):
        if text and not text.endswith("\n"):
            out.write("\n")  # a line cut short by a kill
        futures: list[Future[dict[str, Any]]] = [
            pool.submit(measured, trial, options.device, options.workers) for trial in trials
        ]
        for future in as_completed(futures):
            line = future.result()
            out.write(json.dumps(line) + "\n")
            out.flush()
            final = line["final"]
            print(
                f"{line['part']} seed {line['seed']}: {line['status']} {line['error']} "
                f"test {final.get('test/accuracy', math.nan):.4f}, "
                f"{final.get('cost/examples_per_second', math.nan):.0f} examples/s, "
                f"{line['wall_seconds']:.0f} s in all",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Ray Tune over the plain loop, a slot a core, the data shipped once."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray import tune

HERE = str(Path(__file__).parent)


def run(config: dict[str, Any], arguments: list[str], splits: Any) -> None:
    sys.argv[1:] = arguments
    sys.path.insert(0, HERE)
    import torch
    from common import train

    torch.set_num_threads(1)
    tune.report({"accuracy": train(*config["cell"], splits)})


if __name__ == "__main__":
    from common import cells, data

    ray.init(num_cpus=len(os.sched_getaffinity(0)), include_dashboard=False, log_to_driver=False)
    wanted = list(cells())
    if wanted:
        trainable = tune.with_parameters(run, arguments=sys.argv[1:], splits=data())
        with tempfile.TemporaryDirectory() as folder:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"cpu": 1}),
                param_space={"cell": tune.grid_search(wanted)},
                run_config=tune.RunConfig(storage_path=folder, verbose=0),
            )
            for result in tuner.fit():
                print(result.config["cell"], result.metrics["accuracy"])

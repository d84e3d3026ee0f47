"""What a process does with one trial. Importing this file imports torch."""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import distributed

from suite.data import load
from suite.execution.computing import facts
from suite.execution.contained import contained, noting_reads
from suite.execution.strategy import Bundle, Checkpoints, Finished
from suite.ground.errors import RequestError, blaming_own_code, first_line, own_line
from suite.ground.identity import digest, trial_id
from suite.seeds import seeded, stream
from suite.training import precision, train
from suite.training.checkpoint import Checkpoint
from suite.training.fitting import batches_fit, built, fits
from suite.training.footprint import footprint
from suite.vocabulary import discovery
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.metrics import check_metric
from suite.vocabulary.recipe import Probe, Recipe
from suite.vocabulary.record import Outcome, Status, read_words
from suite.vocabulary.study import Study

CHANGED = "the code of its study, or a file that it reads, has changed since the run began"


def run_trial(trial: Trial, device: str, checkpoints: Checkpoints | None = None) -> Finished:
    """Train one trial; whatever goes wrong inside it is its outcome, not the run's."""
    started, read = time.time(), dict[str, str]()
    try:
        # This process may have read the study's file later than the one that asks.
        if trial_id(trial.recipe, trial.seed, alone=trial.alone) != trial.id:
            raise RequestError(CHANGED)
        with contained(), noting_reads() as read:
            outcome = _outcome(trial, device, checkpoints)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever one's own code raises
        said = f"{type(error).__name__}: {error}".encode(errors="backslashreplace").decode()
        first, _, rest = said.partition("\n")
        place = f" ({own})" if (own := own_line(error)) else ""
        outcome = Outcome(status=Status.FAILED, error=f"{first}{place}\n{rest}".rstrip())
    machine = facts(trial.recipe, outcome, device)
    if isinstance(trial.recipe, Probe):
        machine["data_source"] = read_words(read)
    elif beside := _beside(trial.recipe, read):
        source = (machine["data_source"], read_words(beside))
        machine["data_source"] = "; ".join(filter(None, source))
    # A clock that was set back meanwhile must not make it end before it began.
    return Finished(trial, outcome, started, max(started, time.time()), machine=machine)


def _beside(recipe: Recipe, read: Mapping[str, str]) -> dict[str, str]:
    """Return what components of one's own read, but for files whose digests are in the id.

    Of data of one's own the examples have a digest.
    """
    parts = list(recipe.parts)
    if not any(part.home for part in parts if not isinstance(part, Data)):
        return {}
    named = [file.resolve() for part in parts for file in part.files()]
    return {
        path: digest
        for path, digest in read.items()
        if not any(Path(path).resolve().is_relative_to(one) for one in named)
    }


def _outcome(trial: Trial, device: str, checkpoints: Checkpoints | None) -> Outcome:
    if isinstance(trial.recipe, Probe):
        return measure_probe(trial.recipe, trial.seed)
    checkpoint = None if trial.alone else _checkpoint((trial,), checkpoints)
    return train(trial.recipe, trial.seed, device=device, alone=trial.alone, checkpoint=checkpoint)


def run_bundle(
    bundle: Bundle, device: str, checkpoints: Checkpoints | None = None
) -> list[Finished]:
    """Train the trials of a bundle as one program, or its only one as it is."""
    if len(bundle) == 1:
        return [run_trial(bundle[0], device, checkpoints)]
    from suite.training.stack import train_together

    started = time.time()
    recipes = [trial.recipe for trial in bundle if isinstance(trial.recipe, Recipe)]
    seeds = [trial.seed for trial in bundle]
    outcomes: list[Outcome] = []
    # Whatever one of them raises, or all together: alone, each has its own outcome. What is handled
    # would keep its tensors meanwhile.
    with contextlib.suppress(Exception), contained():
        outcomes = train_together(recipes, seeds, device, _checkpoint(bundle, checkpoints))
    if not outcomes:
        return [run_trial(trial, device, checkpoints) for trial in bundle]
    share = max(0.0, time.time() - started) / len(bundle)
    ids = tuple(trial.id for trial in bundle)
    return [
        Finished(
            trial,
            outcome,
            started + i * share,
            started + (i + 1) * share,
            ids,
            facts(trial.recipe, outcome, device),
        )
        for i, (trial, outcome) in enumerate(zip(bundle, outcomes, strict=True))
    ]


def _checkpoint(bundle: Bundle, checkpoints: Checkpoints | None) -> Checkpoint | None:
    """Return the file of a trial, of this device's part in it, or of a bundle."""
    if checkpoints is None:
        return None
    name, first = bundle[0].id, bundle[0]
    if len(bundle) > 1:
        name += f"-{digest([trial.id for trial in bundle])}"
    elif first.devices > 1:
        name += f"-{distributed.get_rank()}"
    dim = 1 if len(bundle) > 1 else 0
    return Checkpoint(checkpoints.folder / name, checkpoints.every, dim=dim)


def measure_probe(probe: Probe, seed: int) -> Outcome:
    """Call a probe; a value that is not finite is a divergence, as in training."""
    study = _study(probe.study, probe.source)
    if study.source != probe.source:
        raise RequestError(CHANGED)
    function = discovery.probe(study, probe.function)
    # What a probe draws without a generator of its own comes from its seed too.
    with seeded(stream(seed, "probe")):
        values = function(probe.cell, seed)
    if not isinstance(values, Mapping):
        raise TypeError(f"a probe returns metrics by name, not {values!r}")
    final = {name: float(value) for name, value in values.items()}
    for name in final:
        check_metric(name)
    wrong = [name for name, value in final.items() if not math.isfinite(value)]
    if wrong:
        kept = {name: value for name, value in final.items() if name not in wrong}
        error = f"{wrong[0]} was {final[wrong[0]]}"
        return Outcome(status=Status.DIVERGED, final=kept, error=error)
    return Outcome(status=Status.FINISHED, final=final)


@functools.lru_cache(maxsize=1)
def _study(name: str, _source: str) -> Study:
    """Return a study, the same for as long as its file is: what its probes cache, they share."""
    return discovery.load(name)


def check(recipe: Recipe, device: str) -> int:
    """Load the data and build the network of a recipe; return the bytes that a trial of it needs.

    Raises:
        RequestError: if the data, the network, the device or its precision cannot be had.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise RequestError("PyTorch finds no CUDA device here (did you mean --device cpu?)")
    precision.check(recipe.precision, device)
    with contained(), refusing_misfits(recipe):
        examples = load(recipe.data, 0, device)
        network = built(recipe.model, examples, 0)
        fits(recipe, network, examples)
        batches_fit(
            recipe,
            len(examples.train),
            lambda: (copy.deepcopy(network), examples.train.inputs[:1].cpu()),
        )
        return footprint(recipe, network, examples)


@contextlib.contextmanager
def refusing_misfits(recipe: Recipe) -> Iterator[None]:
    """Turn what PyTorch, or one's own code, says of a recipe into one line."""
    # What one's own code returns may fail anywhere.
    kinds = (Exception,) if recipe.own else (MemoryError, RuntimeError, TypeError, ValueError)
    try:
        # What is warned of is said only where nothing is refused: a refusal is one line.
        with warnings.catch_warnings(record=True) as warned, blaming_own_code():
            yield
        for one in warned:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    except RequestError:
        raise
    except kinds as error:
        raise RequestError(misfit(recipe, error)) from None


def misfit(recipe: Recipe, error: Exception) -> str:
    """Return one line for what PyTorch says of a network and data."""
    reason = first_line(error)
    if isinstance(error, MemoryError) or "memory" in reason:
        return f"data and network do not fit this machine: {reason}"
    return f"model '{recipe.model.name}' and data '{recipe.data.name}' do not fit: {reason}"

"""The names of what a trial measures, with their words, units and good direction."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from suite.ground.errors import RequestError, nearest
from suite.ground.fields import coerce
from suite.ground.wording import worded

Unit = Literal["percent", "nats", "seconds", "per second", "count", "none"]
Better = Literal["higher", "lower", "neither"]


class Metric(NamedTuple):
    """How a metric is written and read.

    `percent` values are fractions in a record and percentage points in a report.

    Attributes:
        clock: a clock measures it, so that no two runs give the same number.
    """

    words: str
    unit: Unit
    better: Better
    clock: bool = False


# A part of a name between slashes: it begins and ends with a letter, a digit or _.
PART = re.compile(r"\w([\w.\- ]*\w)?")
LONGEST = 200  # characters; MLflow takes 250
CHOSEN = "chosen/"  # before an axis: the level of it that validation chose, seed by seed
SPLITS = {"train": "training", "validation": "validation", "test": "test"}
METRICS: dict[str, Metric] = {
    "train/loss": Metric("training loss", "nats", "lower"),
    "train/accuracy": Metric("training accuracy", "percent", "higher"),
    "train/running_loss": Metric("training loss, averaged over the epoch", "nats", "lower"),
    "train/running_accuracy": Metric(
        "training accuracy, averaged over the epoch", "percent", "higher"
    ),
    "train/bits_per_symbol": Metric("training bits per symbol", "none", "lower"),
    "train/running_bits_per_symbol": Metric(
        "training bits per symbol, averaged over the epoch", "none", "lower"
    ),
    "validation/loss": Metric("validation loss", "nats", "lower"),
    "validation/accuracy": Metric("validation accuracy", "percent", "higher"),
    "validation/bits_per_symbol": Metric("validation bits per symbol", "none", "lower"),
    "test/loss": Metric("test loss", "nats", "lower"),
    "test/accuracy": Metric("test accuracy", "percent", "higher"),
    "test/bits_per_symbol": Metric("test bits per symbol", "none", "lower"),
    **{
        f"{split}/cross_entropy": Metric(f"{words} cross-entropy", "nats", "lower")
        for split, words in SPLITS.items()
    },
    "test/calibration_error": Metric("calibration error on test", "percent", "lower"),
    "generalisation_gap": Metric("training minus test accuracy", "percent", "lower"),
    "gradient/norm": Metric("norm of the gradient", "none", "neither"),
    "weights/norm": Metric("norm of the weights", "none", "neither"),
    "cost/steps": Metric("steps", "count", "lower"),
    "cost/examples": Metric("training examples seen", "count", "lower"),
    "cost/seconds": Metric("seconds of training", "seconds", "lower", clock=True),
    "cost/seconds_per_epoch": Metric("seconds per epoch", "seconds", "lower", clock=True),
    "cost/examples_per_second": Metric(
        "training examples per second", "per second", "higher", clock=True
    ),
    "cost/looks": Metric("validation examples looked at to stop early", "count", "lower"),
    "stopping/epochs": Metric("epochs until training was stopped", "count", "lower"),
    "stopping/best_epoch": Metric("epoch of the lowest validation loss", "count", "neither"),
    "target/epochs": Metric("epochs to the target", "count", "lower"),
    "target/steps": Metric("steps to the target", "count", "lower"),
    "target/examples": Metric("examples to the target", "count", "lower"),
    "target/seconds": Metric("seconds to the target", "seconds", "lower", clock=True),
}


def define_metric(
    name: str,
    words: str,
    *,
    unit: Unit = "none",
    better: Better = "neither",
    clock: bool | None = None,
) -> str:
    """Give a study's own metric its words and unit, and return its name.

    Args:
        clock: whether a clock measures it; None says that it does if its unit has seconds in it or
            its words speak of time.

    Raises:
        RequestError: if the name is taken by a metric with other words, or there is no such unit.
    """
    check_written(name, "a metric")
    if chosen_axis(name):
        raise RequestError(f"'{name}' is a level that validation chose, and no metric of one's own")
    coerce(words, str, f"metric '{name}': words")
    coerce(unit, Unit, f"metric '{name}': unit")
    coerce(better, Better, f"metric '{name}': better")
    if clock is None:
        clock = unit in ("seconds", "per second") or "time" in words.split()
    metric = Metric(words, unit, better, clock)
    if METRICS.setdefault(name, metric) != metric:
        raise RequestError(f"there is a metric '{name}' already: {METRICS[name].words}")
    return name


def check_written(name: str, who: str) -> None:
    """Raise RequestError if a name cannot stand in the journal, MLflow, a table and a file's name."""
    parts = name.split("/") if isinstance(name, str) else [""]
    if not all(PART.fullmatch(part) for part in parts) or len(str(name)) > LONGEST:
        raise RequestError(
            f"{who} is called by letters, digits, '_', '-', '.' and spaces, in parts between '/', and "
            f"not {name!r}"
        )


def is_timed(name: str) -> bool:
    """Say whether a clock measures a metric, so that no two runs give the same number."""
    return name in METRICS and METRICS[name].clock


def chosen_axis(name: str) -> str:
    """Return the axis whose chosen level a metric is; empty if it is another metric."""
    return name.removeprefix(CHOSEN) if name.startswith(CHOSEN) else ""


def check_accuracy(metric: str, field: str, value: float, *, most: float = 1.0) -> None:
    """Raise RequestError if a field says more of an accuracy than a fraction can be."""
    if metric.rpartition("/")[2].endswith("accuracy") and abs(value) > most:
        raise RequestError(
            f"{field}={value:g} is {100 * value:g} % of {metric}, which is a fraction "
            f"(did you mean {value / 100:g}?)"
        )


def check_metric(name: str) -> None:
    """Raise RequestError if there is no metric of that name."""
    if axis := chosen_axis(name):  # whether there is that axis its grid says
        words = axis.rsplit(".", 1)[-1].replace("_", " ")
        METRICS.setdefault(name, Metric(worded("chosen {axis}", axis=words), "none", "neither"))
    if name not in METRICS:
        raise RequestError(f"there is no metric '{name}' {nearest(name, METRICS)}")

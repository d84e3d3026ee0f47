"""A study's results as pandas frames, for whoever wants to ask what no page answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from suite.evidence.best import Best, best
from suite.evidence.contexts import AS_WRITTEN
from suite.evidence.findings import Finding
from suite.evidence.results import Results
from suite.evidence.table import COLUMNS, hashable
from suite.ground.errors import RequestError
from suite.ground.files import replaced
from suite.ground.identity import flatten
from suite.ground.wording import plural
from suite.vocabulary.grid import in_context
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.study import MAIN

SHOWN = 20  # rows on a terminal
CURVES = ("metric", "epoch", "value")


@dataclass(frozen=True)
class Frames:
    """The results of a study's latest run.

    Attributes:
        results: what the frames are made of; `results.study` is the study.
    """

    results: Results

    def __repr__(self) -> str:
        ran = self.results.execution
        trials = plural(len(self.results.records), "trial")
        return f"<results of study '{ran.study}', {ran.tier} tier, {trials}>"

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial, one that diverged or failed included.

        Its columns are `id`, `part`, `seed`, `status`, `error`, `spent` (seconds of a process),
        the axes by path, every other field of the recipe that is not the same in all trials, and
        the final metrics by name. What a trial does not have is NaN.
        """
        rows = self.results.table
        rows = rows if len(rows) else pd.DataFrame(columns=COLUMNS)
        axes = [path for path in _axes(self.results) if path in rows]
        metrics = [name for name in rows if name not in (*COLUMNS, *axes)]
        varied = _varied_fields(self.results)
        frame = rows.assign(**varied)
        return frame[[*COLUMNS, *axes, *(path for path in varied if path not in axes), *metrics]]

    @property
    def of_interest(self) -> pd.DataFrame:
        """The trials with their axes and the metrics that the study selects by and speaks of."""
        study, frame = self.results.study, self.trials
        metrics = (study.select, *(claim.of for claim in study.claims))
        wanted = dict.fromkeys(["part", *_axes(self.results), "seed", "status", *metrics])
        return frame[[name for name in wanted if name in frame]]

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row a point: `id`, `part`, the axes by path, `seed`, `metric`, `epoch`, `value`."""
        axes = [path for path in _axes(self.results) if path in self.trials]
        cells = self.trials[axes].itertuples(index=False, name=None)
        rows = [
            (record.id, record.part, *cell, record.seed, metric, epoch, value)
            for record, cell in zip(self.results.records, cells, strict=True)
            for metric, curve in record.outcome.curves.items()
            for epoch, value in curve
        ]
        return pd.DataFrame(rows, columns=["id", "part", *axes, "seed", *CURVES])

    @cached_property
    def findings(self) -> pd.DataFrame:
        """A row a claim, in the study's order, and after it one for each context that it asks for.

        A context's `part` is the claim's with its name, `main@fashion`; `reach` says over all of
        them, beside the claim as written, how far it holds.

        `effect` with its 95 % interval, `low` to `high`, is in the unit of `metric`, a ratio, a
        rank correlation or a share, as the claim's `kind` has it; `n` counts paired seeds. `chosen`
        says by arm, tuned axis and seed which level was taken. The others are those of
        `suite.evidence.Finding`.
        """
        return pd.DataFrame(
            [
                _row(one, in_context(finding.claim.part, name) if name else finding.claim.part)
                for finding in self.results.findings
                for name, one in {AS_WRITTEN: finding, **finding.contexts}.items()
            ]
        )

    def best(self, metric: str, part: str = MAIN, *, each: str | None = None) -> Best:
        """Return the cell of a part that is best on validation, and what it measures.

        It *is* the answer to "which setting would one take, and what does it give": the cell is
        chosen by the study's `select`, a validation metric, averaged over seeds, and `metric` is
        what was asked, such as `test/accuracy`, at that cell: its mean over seeds, with the cells
        that paired t tests cannot tell from it. It is *not* the cell where `metric` is best, nor a
        verdict: no claim was made beforehand. Asked for the metric that also chose, the mean is
        too good, for the luckiest cell won. Where looks are declared, the seeds that all cells have
        count.

        With `each`, an axis, one cell stands for each of its levels, the best on validation:
        `best("test/accuracy", each="model")` compares networks, each at the rate chosen for it.

        Raises:
            RequestError: if there is no such part or axis, it measured no such metric, or
                nothing that a cell can be chosen by.
        """
        return best(self.results, metric, part, each)


@dataclass(frozen=True)
class AllFrames:
    """The results of several studies' latest runs, by name: what one has no column for is NaN."""

    by_study: Mapping[str, Frames]

    @property
    def trials(self) -> pd.DataFrame:
        """A row a trial, as `Frames.trials` has it, with its `study` first."""
        return self._joined({name: one.trials for name, one in self.by_study.items()})

    @property
    def curves(self) -> pd.DataFrame:
        """A row a point, as `Frames.curves` has it, with its `study` first."""
        return self._joined({name: one.curves for name, one in self.by_study.items()})

    @property
    def of_interest(self) -> pd.DataFrame:
        """What trials of all studies have."""
        return self.trials[["study", "id", "part", "seed", "status", "spent"]]

    def _joined(self, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        # An axis may have numbers in one study and words in another.
        named = [one.astype(object).assign(study=name) for name, one in frames.items() if len(one)]
        named = named or [pd.DataFrame(columns=["study", *COLUMNS])]
        joined = pd.concat(named, ignore_index=True).infer_objects()
        return joined[["study", *(name for name in joined if name != "study")]]


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as plain values; a number that does not exist is None."""
    found = frame.astype(object).to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in found]


def short(frame: pd.DataFrame) -> str:
    """Return the first and last rows of a frame as a terminal shows them."""
    return str(frame.to_string(index=False, max_rows=SHOWN, na_rep="")) if len(frame) else ""


def write(frame: pd.DataFrame, path: Path, *, parquet: bool) -> None:
    """Write a frame as CSV or Parquet, whole or not at all.

    A column of Parquet has one type, and an axis may have levels of several: those that are neither
    numbers nor words are the text that a CSV has.

    Raises:
        RequestError: if the file cannot be written, or pyarrow is not here.
    """
    with replaced(path) as partial:
        if not parquet:
            frame.to_csv(partial, index=False, lineterminator="\n")
            return
        mixed = frame.select_dtypes(object)
        text = {str(name): mixed[name].map(str, na_action="ignore") for name in mixed}
        try:
            frame.assign(**text).to_parquet(partial, index=False)
        except ImportError:
            raise RequestError("Parquet needs pyarrow: install it, or write a CSV") from None


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _axes(results: Results) -> list[str]:
    """Return the paths of all parts' axes, in the study's order."""
    return list(dict.fromkeys(axis.path for grid in results.grids for axis in grid.axes))


def _varied_fields(results: Results) -> dict[str, list[Any]]:
    """Return, by path, what each record's trial had of the fields that differ between trials.

    A level with a name of its own sets several fields, and a part may fix what another one varies.
    """
    flat: dict[int, dict[str, Any]] = {}  # by the identity of a recipe, which seeds share
    fields: list[Mapping[str, Any]] = []  # of each record's trial
    for trial in results.trials:
        if isinstance(trial.recipe, Recipe) and id(trial.recipe) not in flat:
            flat[id(trial.recipe)] = flatten(trial.recipe)
        fields.append(flat.get(id(trial.recipe), {}) | dict(trial.cell))
    paths = dict.fromkeys(path for one in flat.values() for path in one)
    varied = [path for path in paths if len({_key(one, path) for one in flat.values()}) > 1]
    return {path: [hashable(one.get(path)) for one in fields] for path in varied}


def _key(fields: Mapping[str, Any], path: str) -> tuple[bool, str]:
    return path in fields, repr(fields.get(path))


def _row(finding: Finding, part: str) -> dict[str, Any]:
    claim = finding.claim
    low, high = finding.interval
    return {
        "says": claim.says,
        "kind": type(claim).__name__,
        "part": part,
        "metric": claim.of,
        "verdict": str(finding.verdict),
        "reason": str(finding.reason),
        "effect": finding.estimate,
        "low": low,
        "high": high,
        "n": finding.n,
        "asked": finding.asked,
        "look": finding.look,
        "looks": finding.looks,
        "p": finding.p,
        "adjusted_p": finding.adjusted_p,
        "p_margin": finding.p_margin,
        "adjusted_p_margin": finding.adjusted_p_margin,
        "p_beyond": finding.p_beyond,
        "adjusted_p_beyond": finding.adjusted_p_beyond,
        "shared": finding.shared,
        "more_seeds": finding.more_seeds,
        "trials": finding.trials,
        "lost": finding.lost,
        "spent": finding.spent,
        "chosen": {name: arm.levels_chosen for name, arm in finding.arms.items()},
        "tried": {name: arm.tried for name, arm in finding.arms.items()},
        "notes": "; ".join(finding.notes),
        "reach": str(finding.across.reach) if finding.across else "",
    }

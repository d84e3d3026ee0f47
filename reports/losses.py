"""What a comparison had to do without, and which way that could lean."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.shown import part_rows
from reports.words import arm_words, counted, listed
from suite.claims import Counted, Identity
from suite.evidence import Finding
from suite.evidence.arms import ArmValues, at_level
from suite.evidence.results import Results
from suite.grid import Grid
from suite.metrics import METRICS


def losses(results: Results, finding: Finding) -> list[str]:
    """Say which trials of a finding left no value, and what bias that could cause."""
    claim = finding.claim
    grid = next(grid for grid in results.grids if grid.name == claim.part)
    rows = part_rows(results, grid)
    said = [
        words
        for arm in finding.arms.values()
        for words in _of_arm(_rows(rows, arm.levels), arm.levels, claim.of, arm, grid)
    ]
    if isinstance(claim, Counted | Identity):
        return said  # what is lost is what is counted, or has nothing to be paired with
    unpaired = grid.seeds - finding.n
    if said and not finding.n:
        said.append("No seed measured every arm, so there is no effect to state.")
    elif said and unpaired:
        seeds = f"{unpaired} of {counted(grid.seeds, 'seed')}"
        said.append(
            f"{seeds} could not be paired and {_are(unpaired)} left out. If those were the hard "
            "ones, the arm that lost them looks better here than it is."
        )
    elif said:
        said.append(
            "Every seed still found a level that worked, so no pair is missing; but an arm that "
            "loses trials is more fragile than its tuned value shows."
        )
    return said


def _rows(rows: pd.DataFrame, arm: Any) -> pd.DataFrame:
    for path, level in arm.items():
        rows = at_level(rows, path, level)
    return rows


def _of_arm(rows: pd.DataFrame, levels: Any, metric: str, arm: ArmValues, grid: Grid) -> list[str]:
    lost = rows.loc[rows["status"] != "finished", "status"].value_counts()
    good = rows[rows["status"] == "finished"]
    absent = int(good[metric].isna().sum()) if metric in good else len(good)
    missing = grid.seeds - len(arm.values)
    clauses = [f"{count} {status}" for status, count in lost.items()]
    if absent:
        goal = "did not reach the target" if metric.startswith("target/") else _without(metric)
        clauses.append(f"{absent} finished but {goal}")
    if not clauses:
        return []
    seeds = f", which leaves {counted(missing, 'seed')} without a value" if missing else ""
    return [f"Of {counted(len(rows), 'trial')} with {arm_words(levels)}, {listed(clauses)}{seeds}."]


def _without(metric: str) -> str:
    return f"gave no value for {METRICS[metric].words}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"

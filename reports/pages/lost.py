"""What a comparison had to do without, and which way that could lean."""

from __future__ import annotations

from typing import Any

import pandas as pd

from suite.evidence import Finding
from suite.evidence.arms import ArmValues, at_levels
from suite.evidence.results import Results
from suite.evidence.table import finished
from suite.language.catalogue import gettext, ngettext
from suite.language.words import arm_words, listed, metric_words, seeds_words, status_words
from suite.vocabulary.claims import Counted, Identity


def losses(results: Results, finding: Finding) -> list[str]:
    """Say which trials of a finding left no value, and what bias that could cause."""
    claim = finding.claim
    grid = next(grid for grid in results.grids if grid.name == claim.part)
    seeds = set().union(*(arm.ends.index for arm in finding.arms.values()))  # of its look
    rows = results.parts[grid.name]
    rows = rows[rows["seed"].isin(seeds)]
    if claim.of in rows and rows[claim.of].notna().all() and len(finished(rows)) == len(rows):
        return []
    said = [
        words
        for arm in finding.arms.values()
        for words in _of_arm(at_levels(rows, arm.levels), arm.levels, claim.of, arm)
    ]
    if isinstance(claim, Counted | Identity):
        return said  # what is lost is what is counted, or has nothing to be paired with
    unpaired = finding.asked - finding.n
    if said and not finding.n:
        said.append(gettext("No seed measured every arm, so there is no effect to state."))
    elif said and unpaired:
        pattern = ngettext(
            "{n} of {seeds} could not be paired and is left out. If it was a hard one, the arm "
            "that lost it looks better here than it is.",
            "{n} of {seeds} could not be paired and are left out. If those were the hard ones, "
            "the arm that lost them looks better here than it is.",
            unpaired,
        )
        said.append(pattern.format(n=unpaired, seeds=seeds_words(finding.asked)))
    elif said:
        said.append(
            gettext(
                "Every seed still found a level that worked, so no pair is missing; but an arm "
                "that loses trials is more fragile than its tuned value shows."
            )
        )
    return said


def _of_arm(rows: pd.DataFrame, levels: Any, metric: str, arm: ArmValues) -> list[str]:
    lost = rows.loc[rows["status"] != "finished", "status"].value_counts()
    good = finished(rows)
    absent = int(good[metric].isna().sum()) if metric in good else len(good)
    missing = arm.ends.index.nunique() - len(arm.values)
    clauses = [f"{count} {status_words(str(status))}" for status, count in lost.items()]
    if absent:
        clauses.append(_without(metric, absent))
    if not clauses:
        return []
    pattern = gettext("Of {n} trials with {arm}, {ends}.")
    if missing:
        pattern = gettext("Of {n} trials with {arm}, {ends}, which leaves {seeds} without a value.")
    ends, seeds = listed(clauses), seeds_words(missing)
    return [pattern.format(n=f"{len(rows):,}", arm=arm_words(levels), ends=ends, seeds=seeds)]


def _without(metric: str, count: int) -> str:
    if metric.startswith("target/"):
        return gettext("{n} finished but did not reach the target").format(n=count)
    pattern = gettext("{n} finished but gave no value for {metric}")
    return pattern.format(n=count, metric=metric_words(metric))

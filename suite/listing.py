"""What `list` and `plan` print: plain forms for JSON, and the same as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suite.coverage import coverage
from suite.study import TIERS, Study

if TYPE_CHECKING:
    from suite.coordinator import Request
    from suite.execution.estimate import Estimate
    from suite.execution.plan import Plan

Form = Mapping[str, Any]
WORTH_SAYING = 1.5  # times as fast


def listing(studies: Iterable[Study]) -> Form:
    """Return every study with its claims and trials at each tier, and what the notes' claims got."""
    studies = tuple(studies)
    return {
        "studies": [_study_form(study) for study in studies],
        "coverage": [dataclasses.asdict(one) for one in coverage(studies)],
    }


def _study_form(study: Study) -> Form:
    return {
        "name": study.name,
        "title": study.title,
        "question": study.question,
        "tiers": {tier: sum(grid.size for grid in study.grids(tier)) for tier in TIERS},
        "claims": [
            {"number": claim.number, "says": claim.says, "source": claim.source}
            for claim in study.claims
        ],
    }


def listing_text(form: Form) -> str:
    """Return a listing to read."""
    blocks = []
    for study in form["studies"]:
        tiers = ", ".join(f"{tier} {trials}" for tier, trials in study["tiers"].items())
        lines = [study["name"], f"  {study['question'] or study['title']}", f"  trials: {tiers}"]
        for claim in study["claims"]:
            number = f"{claim['number']:>4}" if claim["number"] else "    "
            source = f"  [{claim['source']}]" if claim["source"] else ""
            lines.append(f"{number}  {claim['says']}{source}")
        blocks.append("\n".join(lines))
    tested = sum(bool(one["studies"]) for one in form["coverage"])
    lines = [f"The notes' claims: {tested} of {len(form['coverage'])} tested"]
    for one in form["coverage"]:
        where = ", ".join(one["studies"]) or f"not tested: {one['reason']}"
        lines.append(f"{one['number']:>4}  {where}  [{one['phrase']}]")
    return "\n\n".join([*blocks, "\n".join(lines)])


def plan_form(requests: Sequence[Request], plan: Plan, cost: Estimate, stacked: Estimate) -> Form:
    """Return a plan with its estimated cost, and the cost if cells were stacked."""
    return {
        "studies": [
            {
                "name": request.study.name,
                "tier": request.tier,
                "grids": [_grid_form(grid) for grid in request.grids],
            }
            for request in requests
        ],
        "trials": len(plan.pending) + len(plan.cached),
        "cached": len(plan.cached),
        "device": plan.device,
        "workers": plan.workers,
        "cohorts": [
            {
                "trials": len(cohort.trials),
                "strategy": cohort.strategy,
                "alone": cohort.alone,
                "reason": cohort.reason,
            }
            for cohort in plan.cohorts
        ],
        "seconds": round(cost.seconds, 1),
        "process_seconds": round(cost.process_seconds, 1),
        "vectorised_seconds": round(stacked.seconds, 1),
    }


def _grid_form(grid: Any) -> Form:
    return {
        "part": grid.name,
        "axes": {axis.path: list(axis.levels) for axis in grid.axes},
        "cells": len(grid.cells),
        "seeds": grid.seeds,
    }


def plan_text(form: Form) -> str:
    """Return a plan to read."""
    lines = []
    for study in form["studies"]:
        lines.append(f"{study['name']}, {study['tier']} tier")
        for grid in study["grids"]:
            axes = " × ".join(f"{path} {levels}" for path, levels in grid["axes"].items())
            count = f"{grid['cells']} cells × {grid['seeds']} seeds"
            lines.append(f"  {grid['part']}: {axes or 'one cell'}: {count}")
    lines.append(f"{form['trials']} trials, {form['cached']} of them in the store already")
    for cohort in form["cohorts"]:
        alone = ", alone" if cohort["alone"] else ""
        lines.append(f"  {cohort['trials']} {cohort['strategy']}{alone}: {cohort['reason']}")
    if form["cohorts"]:
        lines.append(f"about {form['seconds']:.0f} s on {form['workers']} × {form['device']}")
        if form["seconds"] > WORTH_SAYING * form["vectorised_seconds"]:
            lines.append(
                f"about {form['vectorised_seconds']:.0f} s with --strategy vectorised, "
                "whose bits depend on which trials train together"
            )
    return "\n".join(lines)

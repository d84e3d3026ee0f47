"""The command `suite plan`, and what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from suite.commands.arguments import Form, grid_options, show, study_names
from suite.commands.requests import engine_of, requests_of
from suite.execution.estimate import Estimate, Estimator
from suite.execution.plan import Plan
from suite.runs import coordinator
from suite.runs.coordinator import Request
from suite.tracking.journal import Journal
from suite.vocabulary.grid import Grid

WORTH_SAYING = 1.5  # times as fast
# Of the trials that looks may add to the first, the share that the studies here did add: 3,720 of 7,535.
GOES_ON = 0.5


@click.command()
@study_names
@grid_options
def plan(studies: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Show what a run would do: cells, what is cached, strategy and why, and the cost."""
    requests, engine = requests_of(studies, options), engine_of(options)
    made = coordinator.plan(requests, Journal(), engine)
    estimator = Estimator()
    cost = stacked = estimator.estimate(made)
    if engine.strategy == "auto":
        stacked = estimator.estimate(made.stacked(engine.device))
    most, dearest = made, cost
    if any(request.has_looks for request in requests):
        most = coordinator.plan_of_all(requests, Journal(), engine)
        dearest = estimator.estimate(most)
    show(plan_form(requests, made, most, (cost, dearest, stacked)), as_json, plan_text)


def plan_form(
    requests: Sequence[Request], plan: Plan, most: Plan, costs: tuple[Estimate, Estimate, Estimate]
) -> Form:
    """Return a plan with its estimated cost, that of all looks, and that if cells were stacked."""
    cost, dearest, stacked = costs
    expected = cost.seconds + GOES_ON * (dearest.seconds - cost.seconds)
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
        "most_trials": len(most.pending) + len(most.cached),
        "cached": len(plan.cached),
        "device": plan.device,
        "workers": plan.workers,
        "places": plan.places,
        "cohorts": [
            {
                "trials": len(cohort.trials),
                "strategy": cohort.strategy,
                "alone": cohort.alone,
                "device": cohort.device,
                "workers": cohort.workers,
                "reason": cohort.reason,
                "seconds": round(seconds, 1),
            }
            for cohort, seconds in zip(plan.cohorts, cost.cohorts, strict=True)
        ],
        "seconds": round(cost.seconds, 1),
        "expected_seconds": round(expected, 1),
        "most_seconds": round(dearest.seconds, 1),
        "process_seconds": round(cost.process_seconds, 1),
        "vectorised_seconds": round(stacked.seconds, 1),
    }


def _grid_form(grid: Grid) -> Form:
    return {
        "part": grid.name,
        "axes": {axis.path: list(axis.levels) for axis in grid.axes},
        "cells": len(grid.cells),
        "seeds": grid.seeds,
        "looks": list(grid.looks.counts) if grid.looks else [],
    }


def plan_text(form: Form) -> str:
    """Return a plan to read."""
    lines = []
    for study in form["studies"]:
        lines.append(f"{study['name']}, {study['tier']} tier")
        for grid in study["grids"]:
            axes = " × ".join(f"{path} {levels}" for path, levels in grid["axes"].items())
            count = f"{grid['cells']} cells × {grid['seeds']} seeds"
            if grid["looks"]:
                *some, last = map(str, grid["looks"])
                after = f"{', '.join(some)} and {last} seeds"
                count = f"{grid['cells']} cells, looks after {after}"
            lines.append(f"  {grid['part']}: {axes or 'one cell'}: {count}")
    lines.append(f"{form['trials']} trials, {form['cached']} of them in the store already")
    for cohort in form["cohorts"]:
        alone = ", alone" if cohort["alone"] else ""
        where = f" on {cohort['workers']} × {cohort['device']}, about {cohort['seconds']:.0f} s"
        how = cohort["strategy"] + alone + (where if len(form["cohorts"]) > 1 else "")
        lines.append(f"  {cohort['trials']} {how}: {cohort['reason']}")
    if form["cohorts"]:
        lines.append(f"about {form['seconds']:.0f} s on {form['places']}")
        if form["most_trials"] > form["trials"]:
            lines[-1] += (
                f" at least, for the next look; expected {form['expected_seconds']:.0f} s; at most "
                f"{form['most_seconds']:.0f} s, for {form['most_trials']} trials"
            )
        if form["seconds"] > WORTH_SAYING * form["vectorised_seconds"]:
            lines.append(
                f"about {form['vectorised_seconds']:.0f} s with --strategy vectorised, "
                "whose bits depend on which trials train together"
            )
    return "\n".join(lines)

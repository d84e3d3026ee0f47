"""The command `suite train`, and what it prints."""

from __future__ import annotations

import sys
from typing import Any

import click

from suite.commands.arguments import DEVICES, Choice, Form, as_json, settings, show
from suite.execution.plan import make_plan
from suite.ground.errors import RequestError
from suite.ground.fields import replace_at
from suite.ground.identity import canonical, flatten
from suite.runs.coordinator import run_one
from suite.vocabulary import discovery
from suite.vocabulary.components import within
from suite.vocabulary.grid import Trial
from suite.vocabulary.metrics import METRICS
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.record import Outcome


@click.command()
@settings
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", type=Choice(*DEVICES), default="auto")
@as_json
def train(settings: tuple[tuple[str, Any], ...], seed: int, device: str, as_json: bool) -> None:
    """Train one recipe, no study, and print its final metrics."""
    try:
        recipe = replace_at(Recipe(), dict(settings))
    except RequestError:  # a name may be a study's own
        with within(discovery.all_names()):
            try:
                recipe = replace_at(Recipe(), dict(settings))
            except RequestError as error:
                unknown = " cannot be '" in str(error)  # a study that cannot be read may have it
                also = "".join(f"; {words}" for words in discovery.unread() if unknown)
                raise RequestError(f"{error}{also}") from None
    trial = Trial("", "main", {}, recipe, seed, alone=True)
    finished = run_one(make_plan([trial], lambda _: False, strategy="sequential", device=device))
    from suite.data.described import described

    form = {"data": described(recipe.data, seed), **outcome_form(recipe, seed, finished.outcome)}
    show(form, as_json, outcome_text)
    if finished.outcome.status == "failed":
        sys.exit(1)


def outcome_form(recipe: Recipe, seed: int, outcome: Outcome) -> dict[str, Any]:
    """Return what training one recipe gave."""
    return {
        "recipe": {path: canonical(value) for path, value in flatten(recipe).items()},
        "seed": seed,
        "status": str(outcome.status),
        "error": outcome.error,
        "final": dict(outcome.final),
        "weights_digest": outcome.weights_digest,
        "data_digest": outcome.data_digest,
    }


def outcome_text(form: Form) -> str:
    """Return final metrics to read."""
    lines = [f"{form['status']}{': ' + form['error'] if form['error'] else ''}"]
    lines.append(f"  {form['data']}")
    for name, value in form["final"].items():
        words = METRICS[name].words if name in METRICS else name
        shown = f"{value:.2%}" if name in METRICS and METRICS[name].unit == "percent" else value
        lines.append(f"  {words:<28} {shown if isinstance(shown, str) else format(shown, '.6g')}")
    return "\n".join(lines)

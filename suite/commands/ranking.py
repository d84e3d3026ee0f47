"""Networks ranked, each at the learning rate that validation chose for it, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from suite.commands.arguments import Form
from suite.evidence.arms import is_edge
from suite.evidence.frames import Frames
from suite.evidence.results import Results
from suite.ground.wording import plural
from suite.language.quantities import axis_label, bracketed, decimal, decimals, p_words, scaled
from suite.language.words import listed, metric_words
from suite.vocabulary.metrics import METRICS

RATE = "optimizer.lr"
NAN = float("nan")


class Ranked(NamedTuple):
    """A network at its rate.

    Attributes:
        on_edge: whether it is the first or last that was tried, and better than any between them.
        score: mean of the validation metric that ranks.
        seeds: how many of its trials finished.
        mean: of the test metric, with its 95 % interval, `low` to `high`.
        difference: of the test metric, this network less the first one, paired by seed, with its 95 %
            interval; not a number for the first one itself, as is `adjusted_p`, of Holm's correction.
        alike: whether it cannot be told from the first one.
    """

    network: str
    rate: float
    on_edge: bool
    score: float
    seeds: int
    mean: float
    low: float
    high: float
    difference: float = NAN
    difference_low: float = NAN
    difference_high: float = NAN
    adjusted_p: float = NAN
    alike: bool = True


def metric_of(results: Results) -> str:
    """Return the test metric of the one that selects."""
    return results.study.select.replace("validation/", "test/")


def ranking(results: Results) -> list[Ranked]:
    """Return the networks of a study, the best on validation first."""
    frames = Frames(results)
    best = frames.best(metric_of(results), each="model")
    every = frames.best(metric_of(results))
    inner = {
        (cell["model"], score)
        for cell, score in [
            (every.cell, every.score),
            *((one.cell, one.score) for one in every.rivals),
        ]
        if not is_edge(results.grids[0], results.grids[0].axis(RATE), cell)
    }

    def ranked(cell: Any, score: float, *numbers: Any) -> Ranked:
        network = cell["model"]
        return Ranked(network, cell[RATE], (network, score) not in inner, score, *numbers)

    first = ranked(best.cell, best.score, best.n, best.mean, best.low, best.high)
    others = (
        ranked(
            *(one.cell, one.score, one.seeds, one.mean, *one.interval),
            *(-one.difference, -one.high, -one.low, one.adjusted_p, one.alike),
        )
        for one in best.rivals
    )
    return [first, *others]


def ranking_form(ranked: Sequence[Ranked]) -> list[dict[str, Any]]:
    """Return a ranking; a number that does not exist is null."""
    return [
        {name: None if value != value else value for name, value in one._asdict().items()}  # noqa: PLR0124
        for one in ranked
    ]


def ranking_text(form: Form, ranked: Sequence[Ranked], results: Results) -> str:
    """Return a ranking to read: a row a network, how sure it is, and how to go on."""
    select, metric = results.study.select, metric_of(results)
    # The unit of a cross-entropy is no other loss's.
    label = metric_words if results.study.recipe.loss.values else axis_label
    head = ("", "network", "rate", label(select), f"{label(metric)} [95 %]")
    table = [(*head, "to the first [95 %]", "p (Holm)")]
    for place, one in enumerate(ranked, 1):
        row = (str(place), one.network, f"{one.rate:g}", _shown(select, one.score))
        difference = _shown(metric, one.difference, one.difference_low, one.difference_high)
        against = (difference, p_words(one.adjusted_p)) if place > 1 else ("", "")
        table.append((*row, _shown(metric, one.mean, one.low, one.high), *against))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    rows = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
    ran = plural(form["ran"], "trial")
    name = form["study"]
    blocks = (
        [f"{ran} ran, {form['cached']:,} were in the store already", form["data"]],
        rows,
        _sentences(ranked, results),
        [
            f"{form['file']} is the study that ran: change it, and `suite run {name}` goes on",
            f"trials: `suite results {name}`; page: `suite report {name}`, reports/html/{name}.html",
        ],
    )
    return "\n\n".join("\n".join(block) for block in blocks)


def _shown(metric: str, mean: float, low: float = NAN, high: float = NAN) -> str:
    """Return a number with its interval; its unit stands above it."""
    mean, low, high = (scaled(metric, value) for value in (mean, low, high))
    digits = decimals((high - low) / 2, mean)
    return f"{decimal(mean, digits)} {bracketed(low, high, digits)}".rstrip()


def _sentences(ranked: Sequence[Ranked], results: Results) -> Iterator[str]:
    """Say how sure the ranking is, and what would make it surer."""
    first, *others = ranked
    seeds = plural(first.seeds, "seed")
    if alike := listed(one.network for one in others if one.alike):
        yield (
            f"{first.network} is best on validation; on test, {alike} cannot be told from it with "
            f"{seeds}: more may (`--seeds {4 * first.seeds}`)."
        )
    else:
        yield f"{first.network} is best on validation; on test, {seeds} tell it from all others."
    higher = METRICS[metric_of(results)].better == "higher"
    for one in others:
        if not one.alike and (one.difference > 0) == higher:
            yield f"{one.network}, which validation did not choose, is better on test."
    for one in ranked:
        if one.on_edge:
            yield (
                f"{one.network} did best at {one.rate:g}, at the end of the rates that were tried: "
                "one beyond may suit it better."
            )
    lost = sum(record.outcome.status != "finished" for record in results.records)
    if lost:
        yield f"{lost} of {plural(len(results.records), 'trial')} diverged or failed."
    if results.study.recipe.loss.values:
        yield "The loss is the mean squared error; of standardised values, always saying the mean has 1."
    yield (
        "Validation chose networks and rates, test chose nothing. The trials that chose are the ones "
        "compared: a small p is some comfort and no proof."
    )

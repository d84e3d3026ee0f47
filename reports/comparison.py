"""What the page of a comparison shows: what moved between two result sets, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.cards import Badge, badge, price
from reports.changes import change_words, environment_differences, trials_words
from reports.effects import effect_words, matters_words
from reports.environment import Difference
from reports.figures import shifts
from reports.figures.canvas import NARROW, WIDE, Picture, drawing
from reports.figures.palette import CATEGORIES
from reports.quantities import bracketed, moment, written
from reports.words import listed, sentence
from suite.evidence.comparison import (
    COST_MATTERS,
    MOVES,
    ClaimChange,
    Comparison,
    CostChange,
    StudyComparison,
)
from suite.evidence.results import Results
from suite.wording import counted


@dataclass(frozen=True)
class Row:
    """A claim in both sets."""

    study: str
    says: str
    a: Badge
    b: Badge
    effect_a: str
    effect_b: str
    price_a: str
    price_b: str
    difference: str
    matters: str
    outcome: str


@dataclass(frozen=True)
class Cost:
    """The seconds of a part's timed trials, B over A."""

    study: str
    part: str
    ratio: str
    size: str
    moved: bool


@dataclass(frozen=True)
class Study:
    """One study in both sets."""

    title: str
    size: str
    a: str
    b: str
    trials: str
    notes: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class ComparisonPage:
    """Everything the page of a comparison shows."""

    title: str
    a: str
    b: str
    size_a: str
    size_b: str
    tallies: tuple[tuple[int, str], ...]
    trials: str
    incomplete: str
    moves: str
    cost_matters: str
    changed: tuple[Row, ...]
    moved: tuple[Row, ...]
    only: tuple[Row, ...]
    picture: Picture | None
    cut: bool
    environment: tuple[Difference, ...]
    costs: tuple[Cost, ...]
    studies: tuple[Study, ...]
    left_out: tuple[tuple[str, str], ...]


def comparison_page(comparison: Comparison) -> ComparisonPage:
    """Return the page of a comparison."""
    rows = [(claim, _row(study, claim)) for study in comparison.studies for claim in study.claims]
    trials = comparison.trials
    drawn = [claim for claim in comparison.claims if shifts.is_drawn(claim)]
    return ComparisonPage(
        title=_title(comparison),
        a=comparison.a,
        b=comparison.b,
        size_a=_size(trials.shared + trials.only_a, [study.a for study in comparison.studies]),
        size_b=_size(trials.shared + trials.only_b, [study.b for study in comparison.studies]),
        tallies=_tallies(comparison),
        trials=trials_words(trials),
        incomplete=_incomplete(comparison),
        moves=f"{MOVES:.0%}",
        cost_matters=f"{COST_MATTERS:g}",
        changed=tuple(row for claim, row in rows if claim.verdict_changed),
        moved=tuple(row for claim, row in rows if claim.moved and not claim.verdict_changed),
        only=tuple(row for claim, row in rows if claim.only),
        picture=_picture(drawn) if drawn else None,
        cut=shifts.is_cut(drawn),
        environment=tuple(environment_differences(comparison)),
        costs=tuple(_cost(study, cost) for study in comparison.studies for cost in study.costs),
        studies=tuple(map(_study, comparison.studies)),
        left_out=tuple((name, sentence(why)) for name, why in comparison.left_out.items()),
    )


def _title(comparison: Comparison) -> str:
    if not comparison.verdicts_changed:
        return "No verdict changed"
    return f"{counted(comparison.verdicts_changed, 'verdict')} changed"


def _size(trials: int, sides: Sequence[Results]) -> str:
    newest = max(results.execution.started for results in sides)
    return f"{counted(trials, 'trial')}, newest run {moment(newest)}"


def _tallies(comparison: Comparison) -> tuple[tuple[int, str], ...]:
    claims = comparison.claims
    costs = [cost for study in comparison.studies for cost in study.costs]
    return (
        (comparison.verdicts_changed, "verdicts changed"),
        (sum(claim.moved for claim in claims), "effects moved"),
        (sum(cost.moved for cost in costs), "costs moved"),
        (sum(claim.only is not None for claim in claims), "decided by one set only"),
        (sum(claim.unmeasured for claim in claims), "measured by neither"),
        (sum(claim.equal for claim in claims), "equal in every seed"),
        (len(claims), "claims compared"),
    )


def _incomplete(comparison: Comparison) -> str:
    """Name the studies whose files do not fit what was run; empty if there is none."""
    named = [study.a.study.title for study in comparison.studies if [*_notes(study)]]
    return f"{listed(named)}: see there, below." if named else ""


def _row(study: StudyComparison, change: ClaimChange) -> Row:
    return Row(
        study=study.a.study.title,
        says=change.claim.says,
        a=badge(change.a.verdict),
        b=badge(change.b.verdict),
        effect_a=effect_words(change.a),
        effect_b=effect_words(change.b),
        price_a=price(change.a),
        price_b=price(change.b),
        difference=change_words(change),
        matters=matters_words(change.claim),
        outcome=_outcome(change),
    )


def _outcome(change: ClaimChange) -> str:
    if change.only:
        return f"only {change.only.upper()} can decide it"
    if change.unmeasured:
        return "neither set measured it"
    if change.moved:
        return "the effect moved"
    return "" if change.equal else "no move of the effect is shown"


def _cost(study: StudyComparison, cost: CostChange) -> Cost:
    low, high = cost.interval
    ratio = f"×{written(cost.ratio, 2)} {bracketed(low, high, 2)}".rstrip()
    size = f"{counted(cost.trials, 'pair')} of trials, {counted(cost.n, 'seed')}"
    return Cost(study.a.study.title, cost.part, ratio, size, cost.moved)


def _study(study: StudyComparison) -> Study:
    return Study(
        title=study.a.study.title,
        size=_tally(study),
        a=_side(study.a),
        b=_side(study.b),
        trials=trials_words(study.trials),
        notes=tuple(_notes(study)),
        rows=tuple(_row(study, claim) for claim in study.claims),
    )


def _tally(study: StudyComparison) -> str:
    changed = sum(claim.verdict_changed for claim in study.claims)
    moved = sum(claim.moved for claim in study.claims)
    said = [counted(len(study.claims), "claim")]
    said += [f"{counted(changed, 'verdict')} changed"] if changed else []
    said += [f"{counted(moved, 'effect')} moved"] if moved else []
    return ", ".join(said)


def _side(results: Results) -> str:
    ran = results.execution
    return f"{ran.tier} tier, {counted(len(results.records), 'trial')}, {moment(ran.started)}"


def _notes(study: StudyComparison) -> Iterator[str]:
    for side, results in (("A", study.a), ("B", study.b)):
        if results.claims_changed:
            yield f"The claims in the study’s file have been changed since the trials of {side} ran."
        if results.missing:
            asked = counted(len(results.records) + results.missing, "trial")
            yield f"{side} lacks {results.missing:,} of the {asked} that the study’s file asks for."


def _picture(claims: list[ClaimChange]) -> Picture:
    drawn = drawing(
        "shifts", (WIDE, NARROW), lambda size: shifts.draw(claims, size), CATEGORIES[:2],
        list, lambda: shifts.alt(claims),
    )  # fmt: skip
    return drawn.picture()

"""What the page of a comparison shows: what moved between two result sets, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from reports.figures import moves
from reports.figures.canvas import NARROW, WIDE, Drawing, Picture, drawing
from reports.figures.palette import CATEGORIES
from reports.files import Link, in_language, in_other_languages
from reports.pages.cards import Badge, badge, price
from reports.pages.setting import part_title
from reports.writer import write_pages
from suite.evidence.comparison import (
    COST_MATTERS,
    MOVES,
    ClaimChange,
    Comparison,
    CostChange,
    StudyComparison,
)
from suite.evidence.results import Results
from suite.language.catalogue import gettext, ngettext, translate
from suite.language.changes import change_words, environment_differences, sameness_words
from suite.language.contexts import REACHES, context_words
from suite.language.effects import effect_words, matters_words
from suite.language.provenance import Discrepancy
from suite.language.quantities import bracketed, decimal, moment
from suite.language.words import claims_words, comma, listed, seeds_words, sentence, trials_words


@dataclass(frozen=True)
class ClaimLine:
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
class CostLine:
    """The seconds of a part's timed trials, B over A."""

    study: str
    part: str
    ratio: str
    size: str
    moved: bool


@dataclass(frozen=True)
class StudySection:
    """One study in both sets."""

    title: str
    size: str
    a: str
    b: str
    trials: str
    notes: tuple[str, ...]
    rows: tuple[ClaimLine, ...]


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
    changed: tuple[ClaimLine, ...]
    moved: tuple[ClaimLine, ...]
    only: tuple[ClaimLine, ...]
    picture: Picture | None
    cut: bool
    environment: tuple[Discrepancy, ...]
    costs: tuple[CostLine, ...]
    studies: tuple[StudySection, ...]
    left_out: tuple[tuple[str, str], ...]
    languages: tuple[Link, ...]


def write_comparison(comparison: Comparison, name: str, paths: Mapping[str, Path]) -> None:
    """Write the page of a comparison in every language.

    Args:
        name: of the English page; the others are linked by theirs, which follow from it.
        paths: by language, where its page goes.

    Raises:
        OSError: one of them cannot be written; none is.
    """
    drawn = _drawing(comparison)
    write_pages("comparison.html", lambda: comparison_page(comparison, drawn, name), paths)


def comparison_page(comparison: Comparison, drawn: Drawing | None, name: str) -> ComparisonPage:
    """Return the page of a comparison in the language that is being written."""
    rows = [(claim, _row(study, claim)) for study in comparison.studies for claim in study.claims]
    trials = comparison.trials
    return ComparisonPage(
        title=_title(comparison),
        a=comparison.a,
        b=comparison.b,
        size_a=_size(trials.shared + trials.only_a, [study.a for study in comparison.studies]),
        size_b=_size(trials.shared + trials.only_b, [study.b for study in comparison.studies]),
        tallies=_tallies(comparison),
        trials=sameness_words(trials),
        incomplete=_incomplete(comparison),
        moves=f"{MOVES:.0%}",
        cost_matters=f"{COST_MATTERS:g}",
        changed=tuple(row for claim, row in rows if claim.verdict_changed or claim.reach_changed),
        moved=tuple(row for claim, row in rows if claim.moved and not claim.verdict_changed),
        only=tuple(row for claim, row in rows if claim.only),
        picture=drawn.picture() if drawn else None,
        cut=moves.is_cut(_drawn(comparison)),
        environment=tuple(environment_differences(comparison)),
        costs=tuple(_cost(study, cost) for study in comparison.studies for cost in study.costs),
        studies=tuple(map(_study, comparison.studies)),
        left_out=tuple(
            (name, sentence(translate(why))) for name, why in comparison.left_out.items()
        ),
        languages=in_other_languages(lambda: quote(in_language(name))),
    )


def _title(comparison: Comparison) -> str:
    if not comparison.verdicts_changed:
        return gettext("No verdict changed")
    return _changed_words(comparison.verdicts_changed)


def _changed_words(count: int) -> str:
    pattern = ngettext("{n} verdict changed", "{n} verdicts changed", count)
    return pattern.format(n=f"{count:,}")


def _moved_words(count: int) -> str:
    return ngettext("{n} effect moved", "{n} effects moved", count).format(n=f"{count:,}")


def _size(trials: int, sides: Sequence[Results]) -> str:
    newest = max(results.execution.started for results in sides)
    pattern = gettext("{trials}, newest run {moment}")
    return pattern.format(trials=trials_words(trials), moment=moment(newest))


def _tallies(comparison: Comparison) -> tuple[tuple[int, str], ...]:
    claims = comparison.claims
    costs = [cost for study in comparison.studies for cost in study.costs]
    return (
        (comparison.verdicts_changed, gettext("verdicts changed")),
        (sum(claim.moved for claim in claims), gettext("effects moved")),
        (sum(cost.moved for cost in costs), gettext("costs moved")),
        (sum(claim.only is not None for claim in claims), gettext("decided by one set only")),
        (sum(claim.unmeasured for claim in claims), gettext("measured by neither")),
        (sum(claim.equal for claim in claims), gettext("equal in every seed")),
        (len(claims), gettext("claims compared")),
    )


def _incomplete(comparison: Comparison) -> str:
    """Name the studies whose files do not fit what was run; empty if there is none."""
    named = [gettext(study.a.study.title) for study in comparison.studies if [*_notes(study)]]
    if not named:
        return ""
    return gettext("{studies}: see there, below.").format(studies=listed(named))


def _row(study: StudyComparison, change: ClaimChange) -> ClaimLine:
    return ClaimLine(
        study=gettext(study.a.study.title),
        says=_says(change),
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


def _says(change: ClaimChange) -> str:
    says = gettext(change.claim.says)
    if not change.context:
        return says
    pattern = gettext("{claim} (in context “{name}”)")
    return pattern.format(claim=says, name=context_words(change.context))


def _outcome(change: ClaimChange) -> str:
    if change.only:
        return gettext("only {side} can decide it").format(side=change.only.upper())
    if change.unmeasured:
        return gettext("neither set measured it")
    if change.reach_changed:
        a, b = (REACHES[one.across.reach]() for one in (change.a, change.b) if one.across)
        return gettext("over contexts: {a} in A, {b} in B").format(a=a, b=b)
    if change.moved:
        return gettext("the effect moved")
    return "" if change.equal else gettext("no move of the effect is shown")


def _cost(study: StudyComparison, cost: CostChange) -> CostLine:
    low, high = cost.interval
    ratio = f"×{decimal(cost.ratio, 2)} {bracketed(low, high, 2)}".rstrip()
    pairs = ngettext("{n} pair of trials", "{n} pairs of trials", cost.trials)
    size = comma((pairs.format(n=f"{cost.trials:,}"), seeds_words(cost.n)))
    part = next(part_title(grid) for grid in study.a.grids if grid.name == cost.part)
    return CostLine(gettext(study.a.study.title), part, ratio, size, cost.moved)


def _study(study: StudyComparison) -> StudySection:
    return StudySection(
        title=gettext(study.a.study.title),
        size=_tally(study),
        a=_side(study.a),
        b=_side(study.b),
        trials=sameness_words(study.trials),
        notes=tuple(_notes(study)),
        rows=tuple(_row(study, claim) for claim in study.claims),
    )


def _tally(study: StudyComparison) -> str:
    changed = sum(claim.verdict_changed for claim in study.claims)
    moved = sum(claim.moved for claim in study.claims)
    parts = [claims_words(len(study.claims))]
    parts += [_changed_words(changed)] if changed else []
    parts += [_moved_words(moved)] if moved else []
    return comma(parts)


def _side(results: Results) -> str:
    ran = results.execution
    tier = gettext("{tier} tier").format(tier=ran.tier)
    return comma((tier, trials_words(len(results.records)), moment(ran.started)))


def _notes(study: StudyComparison) -> Iterator[str]:
    for side, results in (("A", study.a), ("B", study.b)):
        if results.claims_changed:
            changed = gettext(
                "The claims in the study’s file have been changed since the trials of {side} ran."
            )
            yield changed.format(side=side)
        if results.missing:
            lacks = gettext("{side} lacks {n} of the {trials} that the study’s file asks for.")
            asked = trials_words(len(results.records) + results.missing)
            yield lacks.format(side=side, n=f"{results.missing:,}", trials=asked)


def _drawn(comparison: Comparison) -> list[ClaimChange]:
    return [claim for claim in comparison.claims if moves.is_drawn(claim)]


def _drawing(comparison: Comparison) -> Drawing | None:
    """Draw the differences of all claims; None where there is none to draw."""
    claims = _drawn(comparison)
    if not claims:
        return None
    return drawing(
        "shifts", (WIDE, NARROW), lambda size: moves.draw(claims, size), CATEGORIES[:2],
        moves.texts, lambda: moves.alt(claims),
    )  # fmt: skip

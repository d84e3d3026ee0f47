"""A claim's card: what was said, what was found, and everything that qualifies it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.figures.mark import Mark, mark
from reports.pages.lost import losses
from suite.evidence import Finding, Verdict
from suite.evidence.contexts import AS_WRITTEN, Reach
from suite.evidence.results import Results
from suite.evidence.significance import MOST_SEEDS
from suite.language.catalogue import gettext, ngettext, translate
from suite.language.contexts import GLYPHS as REACH_GLYPHS
from suite.language.contexts import REACHES, across_words, context_words
from suite.language.effects import (
    compared_words,
    effect_words,
    matters_words,
    n_words,
    range_words,
    shared_words,
    short_words,
    tuned_words,
)
from suite.language.quantities import duration, p_words
from suite.language.words import (
    GLYPHS,
    VERDICTS,
    arm_words,
    axis_words,
    comma,
    listed,
    sentence,
    sentences,
    slug,
    trials_words,
)
from suite.vocabulary.claims import (
    Alike,
    Boundary,
    Claim,
    Counted,
    Identity,
    Rate,
    Within,
    claimed_slope,
)

if TYPE_CHECKING:
    from reports.figures.canvas import Drawing, Picture


@dataclass(frozen=True)
class Badge:
    """A verdict as it is shown: a word, a glyph and a class."""

    word: str
    glyph: str
    kind: str


@dataclass(frozen=True)
class Choice:
    """What a reader may predict, and the class of the verdict that proves it right."""

    words: str
    kind: str


@dataclass(frozen=True)
class PValues:
    """A hypothesis in words with its p values."""

    hypothesis: str
    raw: str
    adjusted: str
    decides: bool


@dataclass(frozen=True)
class ContextLine:
    """A claim's finding in one context, or as written."""

    name: str
    badge: Badge
    effect: str
    reason: str
    price: str


@dataclass(frozen=True)
class Source:
    """Whose claim it is.

    Attributes:
        phrase: in the words of who says so; the notes' are Chinese whatever the page is in.
        tag: the phrase's language, if it is not the page's.
        cites: the publication.
        number: the claim's in the notes.
    """

    phrase: str
    tag: str
    cites: str
    number: int | None


def source(claim: Claim) -> Source:
    """Return whose claim it is."""
    tag = "zh" if claim.number is not None else ""  # the notes' own words
    return Source(gettext(claim.source), tag, claim.cites, claim.number)


@dataclass(frozen=True)
class Card:
    """A finding in words."""

    anchor: str
    says: str
    source: Source
    badge: Badge
    mark: Mark | None
    short: str
    reason: str
    because: str
    compared: str
    effect: str
    n: str
    price: str
    matters: str
    refuted_if: str
    p_values: tuple[PValues, ...]
    tuned: tuple[str, ...]
    same: str
    shared: str
    losses: tuple[str, ...]
    more_seeds: str
    picture: Picture | None
    absent: str
    untested: str
    cut: bool
    notes: tuple[str, ...]
    choices: tuple[Choice, ...]
    foot: str = ""
    reach: Badge | None = None
    across: str = ""
    contexts: tuple[ContextLine, ...] = ()
    forest: Picture | None = None


def badge(verdict: Verdict) -> Badge:
    """Return how a verdict is shown."""
    return Badge(VERDICTS[verdict](), GLYPHS[verdict], slug(str(verdict)))


def reach_badge(reach: Reach) -> Badge:
    """Return how far a claim reaches, as it is shown: in the colours of verdicts."""
    kinds = {Reach.ALL: Verdict.SUPPORTED, Reach.OPEN: Verdict.UNDECIDED}
    kinds |= {Reach.NONE: Verdict.REFUTED, Reach.REVERSES: Verdict.REFUTED}
    kind = kinds.get(reach, Verdict.NO_EFFECT)
    return Badge(REACHES[reach](), REACH_GLYPHS[reach], slug(str(kind)))


def context_lines(finding: Finding) -> tuple[ContextLine, ...]:
    """Return a claim's findings by context, the study as written first; none without contexts."""
    every = {AS_WRITTEN: finding, **finding.contexts} if finding.contexts else {}
    return tuple(
        ContextLine(
            context_words(name), badge(one.verdict), effect_words(one),
            sentences(map(translate, (one.reason, *one.notes))), price(one),
        )
        for name, one in every.items()
    )  # fmt: skip


def anchor(index: int) -> str:
    """Return the anchor of a study's claim, counted from 0 in the study's order."""
    return f"claim-{index + 1}"


def price(finding: Finding) -> str:
    """Return what a finding cost."""
    return comma((trials_words(finding.trials), duration(float(finding.spent))))


def card(
    results: Results,
    finding: Finding,
    index: int,
    drawn: Drawing | None,
    forest: Drawing | None = None,
) -> Card:
    """Return the card of a finding, with its figure if it has one."""
    claim = finding.claim
    return Card(
        anchor=anchor(index),
        says=gettext(claim.says),
        source=source(claim),
        badge=badge(finding.verdict),
        mark=mark(finding),
        short=short_words(finding),
        reason=sentence(translate(finding.reason)),
        because=gettext(claim.because),
        compared=compared_words(claim),
        effect=effect_words(finding),
        n=n_words(finding),
        price=price(finding),
        matters=matters_words(claim),
        refuted_if=sentence(translate(claim.refuted_if)),
        p_values=_p_values(finding),
        tuned=tuple(_tuned(finding)),
        same=listed(axis_words(path) for path in finding.arm.best),
        shared=shared_words(finding),
        losses=tuple(losses(results, finding)),
        more_seeds=_more_seeds(finding),
        picture=drawn.picture() if drawn else None,
        absent="" if _is_alone(claim) else gettext("No seed measured both arms: nothing to draw."),
        untested=_untested(claim),
        cut=drawn is not None and _is_cut(finding),
        notes=tuple(_notes(finding)),
        choices=choices(claim),
        foot=_foot(claim) if drawn else "",
        reach=reach_badge(finding.across.reach) if finding.across else None,
        across=sentence(across_words(finding)),
        contexts=context_lines(finding),
        forest=forest.picture() if forest else None,
    )


def _is_alone(claim: Claim) -> bool:
    """Whether nothing is compared, so that there are no pairs to draw."""
    return isinstance(claim, Counted | Identity)


def _untested(claim: Claim) -> str:
    if isinstance(claim, Identity):
        return gettext("None: every trial is held against the tolerance.")
    return gettext("None: a test needs two seeds.")


def _notes(finding: Finding) -> Iterator[str]:
    """Yield what qualifies a verdict, a sentence each."""
    if finding.looks > 1:
        pattern = gettext("Look {look} of {looks} that were declared beforehand.")
        yield pattern.format(look=finding.look, looks=finding.looks)
    for note in finding.notes:
        yield sentence(translate(note))


def _p_values(finding: Finding) -> tuple[PValues, ...]:
    if finding.n < 2 or math.isnan(finding.p):
        return ()
    if isinstance(finding.claim, Rate):
        share = gettext("a share of {share}").format(share=f"{finding.claim.than:.0%}")
        decided = finding.settled_by == "effect"
        return (PValues(share, p_words(finding.p), p_words(finding.adjusted_p), decided),)
    if isinstance(finding.claim, Within):
        same = gettext("a further run of what was published")
        decided = finding.settled_by == "effect"
        return (PValues(same, p_words(finding.p), p_words(finding.adjusted_p), decided),)
    by, size = finding.settled_by, matters_words(finding.claim)
    if isinstance(finding.claim, Boundary):
        within = gettext("a boundary at {range}").format(range=range_words(finding.claim))
        elsewhere = gettext("a boundary anywhere else")
        raw, adjusted = p_words(finding.p_margin), p_words(finding.adjusted_p_margin)
        return (
            PValues(within, p_words(finding.p), p_words(finding.adjusted_p), by == "effect"),
            PValues(elsewhere, raw, adjusted, by == "margin"),
        )
    tests = (
        ("effect", gettext("no difference"), finding.p, finding.adjusted_p),
        (
            "margin",
            gettext("a difference of at least {size}").format(size=size),
            finding.p_margin,
            finding.adjusted_p_margin,
        ),
        (
            "beyond",
            gettext("a difference of at most {size}").format(size=size),
            finding.p_beyond,
            finding.adjusted_p_beyond,
        ),
    )
    return tuple(
        PValues(hypothesis, p_words(raw), p_words(adjusted), by == test)
        for test, hypothesis, raw, adjusted in tests
    )


def _tuned(finding: Finding) -> list[str]:
    return [
        words
        for arm in finding.arms.values()
        for words in tuned_words(sentence(arm_words(arm.levels))[:-1], arm)
    ]


def _more_seeds(finding: Finding) -> str:
    more = finding.more_seeds
    if more is None:
        return ""
    if more + finding.n >= MOST_SEEDS:
        pattern = gettext("Not even {n} seeds would be likely to decide it.")
        return pattern.format(n=f"{MOST_SEEDS:,}")
    pattern = ngettext(
        "About {n} more seed would decide it with a chance of 80 %.",
        "About {n} more seeds would decide it with a chance of 80 %.",
        more,
    )
    return pattern.format(n=f"{more:,}")


def choices(claim: Claim) -> tuple[Choice, ...]:
    """Return what a reader can predict of a claim; only a direction can be the other way."""
    as_claimed = Choice(gettext("As claimed"), slug(Verdict.SUPPORTED))
    unknown = Choice(gettext("Cannot tell"), slug(Verdict.UNDECIDED))
    if isinstance(claim, Alike | Identity | Counted | Boundary):
        return as_claimed, Choice(gettext("Not so"), slug(Verdict.REFUTED)), unknown
    other = Choice(gettext("The other way"), slug(Verdict.REFUTED))
    none = Choice(gettext("No meaningful difference"), slug(Verdict.NO_EFFECT))
    return as_claimed, other, none, unknown


def _foot(claim: Claim) -> str:
    if claimed_slope(claim) is not None:
        return gettext("Dashed, among the grey lines of the seeds: the claimed slope.")
    if not isinstance(claim, Boundary):
        return ""
    return gettext(
        "Each grey line is a seed’s effect along the axis, the coloured one their mean with its 95 % "
        "interval. Along the foot: where the boundary may lie (dark, 95 %), and the claimed range "
        "(grey)."
    )


def _is_cut(finding: Finding) -> bool:
    from reports.figures import evidence_is_cut  # which loads what draws

    return evidence_is_cut(finding)

"""The closing page of the practitioners' notebook: how large seeds are against tricks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.files import (
    Link,
    file_name,
    front_name,
    in_every_language,
    in_other_languages,
    tricks_name,
)
from reports.pages.cards import Badge, anchor, badge
from reports.writer import script, write_pages
from suite.evidence.results import Results
from suite.evidence.tricks import CITES, SOURCE, Tricks, tricks
from suite.language.catalogue import gettext
from suite.language.quantities import NBSP, bracketed, decimal, p_words

if TYPE_CHECKING:
    from reports.figures.canvas import Drawing, Picture


CONTENT = "tricks"
MADE = f'content="Thumbrules {CONTENT}"'  # in the head of a page of ours


@dataclass(frozen=True)
class Row:
    """A trick, with the link to its claim."""

    href: str
    rule: str
    says: str
    effect: str
    spread: str
    n: int


@dataclass(frozen=True)
class TricksPage:
    """Everything the page shows."""

    badge: Badge
    source: str
    cites: str
    answer: str
    medians: str
    picture: Picture
    rows: tuple[Row, ...]
    front: str
    languages: tuple[Link, ...]


def write_tricks(all_results: Sequence[Results], folder: Path) -> None:
    """Write the page in every language, if there is anything to say."""
    found = tricks(all_results)
    names = in_every_language(tricks_name)
    if found is None:
        for path in (folder / name for name in names.values()):
            if path.exists() and MADE in path.read_text(encoding="utf-8", errors="replace"):
                path.unlink()  # of a run that is no longer here
        return
    from reports.figures.tricks import picture_of  # which loads what draws

    drawn = picture_of(found)
    paths = {language: folder / name for language, name in names.items()}
    write_pages(
        "tricks.html",
        lambda: _page(found, drawn),
        paths,
        script=script("study.js"),
        content=CONTENT,
    )


def answer_words(found: Tricks) -> str:
    """Return the share of tricks that are smaller than seeds: `12 of 18, 67 % [41, 87], p = 0.24`."""
    low, high = found.interval
    share = found.smaller / len(found.all)
    pattern = gettext(
        "{n} of {all} rules move test accuracy by less than one standard deviation over seeds: "
        "{share} % {interval}, p {p} against one half."
    )
    p = p_words(found.p)
    return pattern.format(
        n=found.smaller,
        all=len(found.all),
        share=decimal(100 * share, 0),
        interval=bracketed(100 * low, 100 * high, 0),
        p=p if p.startswith("<") else f"={NBSP}{p}",
    )


def _page(found: Tricks, drawn: Drawing) -> TricksPage:
    medians = gettext(
        "The median rule moves it by {effect} points; the median standard deviation over seeds is "
        "{spread} points."
    )
    rows = (
        Row(
            href=f"{file_name(trick.study)}#{anchor(trick.claim)}",
            rule=gettext(trick.finding.claim.source),
            says=gettext(trick.finding.claim.says),
            effect=decimal(100 * trick.finding.estimate, 2),
            spread=decimal(100 * trick.spread, 2),
            n=trick.finding.n,
        )
        for trick in found.all
    )
    return TricksPage(
        badge=badge(found.verdict),
        source=gettext(SOURCE),
        cites=CITES,
        answer=answer_words(found),
        medians=medians.format(
            effect=decimal(100 * found.median_effect, 2),
            spread=decimal(100 * found.median_spread, 2),
        ),
        picture=drawn.picture(),
        rows=tuple(rows),
        front=front_name(),
        languages=in_other_languages(tricks_name),
    )

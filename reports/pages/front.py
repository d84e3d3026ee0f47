"""The front page: every claim, a notebook after another, the notes' in their order, with its verdict, effect and price."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from reports.figures.mark import Mark, margins, mark
from reports.files import Link, file_name, front_name, in_other_languages, tile_name, tricks_name
from reports.pages.cards import Badge, Source, anchor, badge, price, source
from suite.evidence import Finding, Verdict
from suite.evidence.across import q_values
from suite.evidence.results import Results
from suite.language.catalogue import gettext, ngettext
from suite.language.contexts import REACHES
from suite.language.effects import compared_words, effect_words
from suite.language.quantities import duration, moment, p_words
from suite.language.words import listed, sentences, trials_words
from suite.runs.conclusions import verdict_counts
from suite.vocabulary.claims import Tested
from suite.vocabulary.notes import CHAPTERS, NOT_TESTED, PHRASES
from suite.vocabulary.record import Links
from suite.vocabulary.study import FOLKLORE, NOTES, OWN

STRIKING = 6  # claims in a list of what is largest


@dataclass(frozen=True)
class ClaimRow:
    """A claim."""

    href: str
    says: str
    source: Source
    badge: Badge
    mark: Mark | None
    compared: str
    effect: str
    price: str
    q: str
    notebook: str
    study: str
    study_href: str
    reach: str


@dataclass(frozen=True)
class Section:
    """A chapter of the notes, or a study whose claims are not from them.

    Attributes:
        untested: phrases that no study can test, each with its number and the reason.
    """

    name: str
    notebook: str
    title: str
    rows: tuple[ClaimRow, ...]
    untested: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True)
class Notebook:
    """A collection of claims, counted apart from others."""

    name: str
    title: str
    by_kind: tuple[tuple[str, Tally], ...]
    revised: str
    reaches: str
    tiles: tuple[StudyLine, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class StudyLine:
    """A study: a tile with its figure in small and its counts, or a line in the list of studies."""

    href: str
    title: str
    question: str
    picture: Markup
    counts: Tally
    tier: str
    size: str
    started: str
    missing: str
    link: str


@dataclass(frozen=True)
class Front:
    """Everything the front page shows."""

    tallies: Tally
    notebooks: tuple[Notebook, ...]
    claims: int
    studies: tuple[StudyLine, ...]
    closing: str
    fell: tuple[ClaimRow, ...]
    largest: tuple[ClaimRow, ...]
    languages: tuple[Link, ...]


def front(all_results: Sequence[Results], links: Mapping[str, Links], folder: Path) -> Front:
    """Return the front page of several studies, whose figures in small lie in `folder`."""
    rows = list(_rows(all_results))
    of_notes = [row for row in rows if row.notebook == NOTES]
    chapters = (
        Section(
            chapter.letter,
            NOTES,
            f"{chapter.letter}. {gettext(chapter.title)}",
            tuple(_numbered(of_notes, range(chapter.first, chapter.last + 1))),
            tuple(_untested(range(chapter.first, chapter.last + 1))),
        )
        for chapter in CHAPTERS
    )
    others: dict[tuple[str, str], list[ClaimRow]] = {}
    for row in rows:
        if row.source.number is None or row.notebook != NOTES:
            others.setdefault((row.notebook, row.study), []).append(row)
    further = (
        Section(f"study-{i + 1}", notebook, study, tuple(found))
        for i, ((notebook, study), found) in enumerate(others.items())
    )
    sections = [section for section in (*chapters, *further) if section.rows]
    lines = {
        one.study.name: _line(one, links.get(one.study.name, Links()).charts, folder)
        for one in all_results
    }
    return Front(
        tallies(all_results),
        tuple(_notebooks(all_results, sections, lines)),
        len(rows),
        tuple(lines.values()),
        tricks_name() if (folder / tricks_name()).exists() else "",
        tuple(_striking(all_results, rows, Verdict.REFUTED)),
        tuple(_striking(all_results, rows, Verdict.SUPPORTED)),
        in_other_languages(front_name),
    )


def _striking(
    all_results: Sequence[Results], rows: Sequence[ClaimRow], verdict: Verdict
) -> Iterator[ClaimRow]:
    """Yield, of each study, the claim with a verdict and the largest effect; the largest first.

    Effects are counted in units of what matters.
    """
    findings = (finding for one in all_results for finding in one.findings)
    found = [
        (abs(margins(finding.claim, finding.estimate)), row)
        for finding, row in zip(findings, rows, strict=True)
        if finding.verdict is verdict and isinstance(finding.claim, Tested)
    ]
    found.sort(key=lambda pair: pair[0])
    of_study = {row.study_href: (size, row) for size, row in found}
    largest = sorted(of_study.values(), key=lambda pair: pair[0], reverse=True)
    yield from (row for _, row in largest[:STRIKING])


def _notebooks(
    all_results: Sequence[Results], sections: Sequence[Section], lines: Mapping[str, StudyLine]
) -> Iterator[Notebook]:
    """Yield each notebook that has claims here, the practitioners' first and one's own last."""
    order = [FOLKLORE, NOTES]
    for name in sorted(
        {one.study.notebook for one in all_results},
        key=lambda name: (order.index(name) if name in order else len(order), name),
    ):
        of_book = [one for one in all_results if one.study.notebook == name]
        yield Notebook(
            name,
            NOTEBOOK_WORDS[name]() if name in NOTEBOOK_WORDS else name,
            tallies_by_kind(of_book),
            revised(of_book),
            _reaches(of_book),
            tuple(lines[one.study.name] for one in _main(of_book)),
            tuple(section for section in sections if section.notebook == name),
        )


Tally = tuple[tuple[Badge, int], ...]


def tallies(all_results: Iterable[Results]) -> Tally:
    """Return how many claims have each verdict."""
    counts = Counter(finding.verdict for results in all_results for finding in results.findings)
    return tuple((badge(verdict), counts[verdict]) for verdict in Verdict)


def tallies_by_kind(all_results: Iterable[Results]) -> tuple[tuple[str, Tally], ...]:
    """Return how many claims of each kind have each verdict that there is."""
    found = [finding for results in all_results for finding in results.findings]
    return tuple(
        (
            KIND_WORDS[kind](),
            tuple((badge(Verdict(verdict)), count) for verdict, count in of_kind.items() if count),
        )
        for kind, of_kind in verdict_counts(found).items()
    )


def revised(all_results: Iterable[Results]) -> str:
    """Say how many claims were changed after results had been seen; empty if none was."""
    found = [finding for results in all_results for finding in results.findings]
    pattern = gettext(
        "{n} of {all} claims, or their seeds or levels, were changed after results had been seen."
    )
    changed = sum(finding.revised for finding in found)
    return pattern.format(n=changed, all=len(found)) if changed else ""


NOTEBOOK_WORDS: Mapping[str, Callable[[], str]] = {
    FOLKLORE: lambda: gettext("What practitioners tell each other"),
    NOTES: lambda: gettext("A student’s notes"),
    OWN: lambda: gettext("Your own studies"),
}
KIND_WORDS: Mapping[str, Callable[[], str]] = {
    "effects": lambda: gettext("Effects"),
    "equivalences": lambda: gettext("No difference that matters"),
    "identities": lambda: gettext("Exact by algebra"),
    "shares": lambda: gettext("Shares of seeds"),
}


def size(results: Results) -> str:
    """Return how many trials there are and how long they took."""
    spent = sum(r.provenance.finished - r.provenance.started for r in results.records)
    return f"{trials_words(len(results.records))}, {duration(spent)}"


def missing(results: Results) -> str:
    """Say what a run lacks, or that its claims are others now; empty if it is whole."""
    said = []
    if results.claims_changed:
        said.append(
            gettext("The claims in the study's file have been changed since these trials ran.")
        )
    if results.missing:
        pattern = gettext(
            "{n} of the {all} that this run asked for have no record yet. What follows rests on the "
            "others and may change."
        )
        total = trials_words(len(results.records) + results.missing)
        said.append(pattern.format(n=f"{results.missing:,}", all=total))
    return sentences(said)


def _reach(finding: Finding) -> str:
    if finding.across is None:
        return ""
    return gettext("over contexts: {reach}").format(reach=REACHES[finding.across.reach]())


def _rows(all_results: Sequence[Results]) -> Iterator[ClaimRow]:
    q_of = q_values(all_results)
    for results in all_results:
        study = results.study
        href = file_name(study.name)
        for i, finding in enumerate(results.findings):
            claim, q = finding.claim, q_of[study.name][i]
            yield ClaimRow(
                href=f"{href}#{anchor(i)}",
                says=gettext(claim.says),
                source=source(claim),
                badge=badge(finding.verdict),
                mark=mark(finding),
                compared=compared_words(claim),
                effect=effect_words(finding),
                price=price(finding),
                q="" if math.isnan(q) else p_words(q),
                notebook=study.notebook,
                study=gettext(study.title),
                reach=_reach(finding),
                study_href=href,
            )


def _numbered(rows: Iterable[ClaimRow], numbers: range) -> list[ClaimRow]:
    found = [(row.source.number, row) for row in rows if row.source.number in numbers]
    return [row for _, row in sorted(found, key=lambda pair: pair[0] or 0)]


def _untested(numbers: range) -> Iterator[tuple[int, str, str]]:
    for number in numbers:
        if number in NOT_TESTED:
            yield number, PHRASES[number], gettext(NOT_TESTED[number])


def _main(all_results: Sequence[Results]) -> Sequence[Results]:
    """Return the studies whose headline is asked in further contexts; all, where none is."""
    return [one for one in all_results if one.study.contexts] or all_results


def _reaches(all_results: Iterable[Results]) -> str:
    """Say how many claims were asked in further contexts, and how they held; empty if none was."""
    found = [finding.across for one in all_results for finding in one.findings if finding.across]
    counts = Counter(across.reach for across in found)
    said = listed(f"{REACHES[reach]()} ({counts[reach]})" for reach in REACHES if counts[reach])
    pattern = ngettext(
        "{n} claim was asked in further contexts: {reaches}.",
        "{n} claims were asked in further contexts: {reaches}.",
        len(found),
    )
    return pattern.format(n=len(found), reaches=said) if found else ""


def _picture(folder: Path, study: str) -> Markup:
    """Return a study's figure in small, as it was written beside its page."""
    file = folder / tile_name(study)
    return Markup(file.read_text(encoding="utf-8")) if file.exists() else Markup()  # noqa: S704


def _line(results: Results, link: str, folder: Path) -> StudyLine:
    study = results.study
    counts = Counter(finding.verdict for finding in results.findings)
    return StudyLine(
        file_name(study.name),
        gettext(study.title),
        gettext(study.question),
        _picture(folder, study.name),
        tuple((badge(verdict), counts[verdict]) for verdict in Verdict if counts[verdict]),
        results.execution.tier,
        size(results),
        moment(results.execution.started),
        missing(results),
        link,
    )

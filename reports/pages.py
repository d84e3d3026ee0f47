"""What the templates are given: the study pages and the index, as plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.cards import Badge, Card, anchor, badge, card, price
from reports.cells import CellTable, Loss, cell_table, losses_of
from reports.commands import rerun, rerun_cell
from reports.effects import compared, effect_words
from reports.environment import Facts, data_digests, environment
from reports.figures import Plate, plate
from reports.quantities import duration, moment, p_words
from reports.setting import PartSetting, part_setting
from reports.words import axis_words, counted, listed
from suite.evidence import Verdict
from suite.evidence.across import q_values
from suite.evidence.results import Results
from suite.metrics import METRICS
from suite.study import Study


@dataclass(frozen=True)
class StudyPage:
    """Everything a study's page shows."""

    name: str
    title: str
    question: str
    notebook: str
    notes: str
    tier: str
    command: str
    started: str
    size: str
    missing: str
    link: str
    tallies: tuple[tuple[Badge, int], ...]
    parts: tuple[PartSetting, ...]
    tuned_on: str
    target: str
    cards: tuple[Card, ...]
    plates: tuple[Plate, ...]
    tables: tuple[CellTable, ...]
    losses: tuple[Loss, ...]
    facts: tuple[Facts, ...]
    digests: tuple[tuple[str, str], ...]
    rerun: str
    rerun_cell: str


@dataclass(frozen=True)
class Row:
    """A claim in the index."""

    href: str
    number: int | None
    says: str
    source: str
    badge: Badge
    compared: str
    effect: str
    price: str
    q: str


@dataclass(frozen=True)
class Section:
    """A study in the index."""

    name: str
    title: str
    question: str
    tier: str
    started: str
    size: str
    missing: str
    link: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Index:
    """Everything the index shows."""

    tallies: tuple[tuple[Badge, int], ...]
    claims: int
    sections: tuple[Section, ...]


def file_name(study: str) -> str:
    """Return the name of a study's page."""
    return f"{study}.html"


def study_page(results: Results, link: str) -> StudyPage:
    """Return a study's page."""
    study = results.study
    cards = [card(results, finding, i) for i, finding in enumerate(results.findings)]
    plates = [plate(results, view, f"figure-{i + 1}") for i, view in enumerate(study.views)]
    return StudyPage(
        name=study.name,
        title=study.title,
        question=study.question,
        notebook=study.notebook,
        notes=study.notes,
        tier=results.execution.tier,
        command=results.execution.command,
        started=moment(results.execution.started),
        size=_size(results),
        missing=_missing(results),
        link=link,
        tallies=_tallies([results]),
        parts=tuple(part_setting(results, grid) for grid in results.grids),
        tuned_on=_tuned_on(results),
        target=_target(study),
        cards=tuple(cards),
        plates=tuple(plates),
        tables=tuple(cell_table(results, grid) for grid in results.grids),
        losses=tuple(losses_of(results)),
        facts=tuple(environment(results)),
        digests=tuple(data_digests(results)),
        rerun=rerun(results.execution),
        rerun_cell=rerun_cell(results),
    )


def index(all_results: Sequence[Results], links: Mapping[str, str]) -> Index:
    """Return the index of several studies."""
    q_of = q_values(all_results)
    sections = [
        _section(results, links.get(results.study.name, ""), q_of[results.study.name])
        for results in all_results
    ]
    claims = sum(len(results.findings) for results in all_results)
    return Index(_tallies(all_results), claims, tuple(sections))


def _section(results: Results, link: str, q_values: Sequence[float]) -> Section:
    study = results.study
    rows = [
        Row(
            f"{file_name(study.name)}#{anchor(i)}",
            finding.claim.number,
            finding.claim.says,
            finding.claim.source,
            badge(finding.verdict),
            compared(finding.claim),
            effect_words(finding),
            price(finding),
            "" if math.isnan(q) else p_words(q),
        )
        for i, (finding, q) in enumerate(zip(results.findings, q_values, strict=True))
    ]
    return Section(
        study.name,
        study.title,
        study.question,
        results.execution.tier,
        moment(results.execution.started),
        _size(results),
        _missing(results),
        link,
        tuple(rows),
    )


def _tallies(all_results: Sequence[Results]) -> tuple[tuple[Badge, int], ...]:
    counts = Counter(finding.verdict for results in all_results for finding in results.findings)
    return tuple((badge(verdict), counts[verdict]) for verdict in Verdict)


def _size(results: Results) -> str:
    spent = sum(r.provenance.finished - r.provenance.started for r in results.records)
    return f"{counted(len(results.records), 'trial')}, {duration(spent)}"


def _missing(results: Results) -> str:
    if results.claims_changed:
        return "The claims in the study's file have been changed since these trials ran."
    if not results.missing:
        return ""
    total = counted(len(results.records) + results.missing, "trial")
    return (
        f"{results.missing:,} of the {total} that this run asked for have no record yet. "
        "What follows rests on the others and may change."
    )


def _tuned_on(results: Results) -> str:
    """Say which axes some arm or view leaves to tuning, and on which metric they are chosen."""
    tuned: dict[str, None] = {}
    for finding in results.findings:
        for arm in finding.arms.values():
            tuned |= dict.fromkeys(axis_words(path) for path in arm.best)
    if not tuned:
        return ""
    metric = METRICS[results.study.select]
    which = "highest" if metric.better == "higher" else "lowest"
    return (
        f"{listed(tuned)}, where a claim names no level: each seed takes the level with the "
        f"{which} {metric.words} and looks at the test split once."
    )


def _target(study: Study) -> str:
    if study.target is None:
        return ""
    metric = METRICS[study.target.metric]
    way = "at least" if metric.better == "higher" else "at most"
    level = f"{study.target.level:.0%}" if metric.unit == "percent" else f"{study.target.level:g}"
    return f"{metric.words} of {way} {level.replace('%', ' %')}"

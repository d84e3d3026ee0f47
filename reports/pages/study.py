"""What a study's template is given, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.figures import Plate, Sketch, evidence, forest_of, plate, sketch
from reports.figures.canvas import Drawing
from reports.files import Link, file_name, front_name, in_other_languages
from reports.pages.cards import Card, anchor, card
from reports.pages.cells import Cell, CellTable, Loss, cell_table, cells_of, losses_of
from reports.pages.front import Tally, missing, revised, size, tallies_by_kind
from reports.pages.rerun import rerun, rerun_cell, rerun_view
from reports.pages.setting import PartSetting, part_setting
from suite.evidence.results import Results
from suite.language.catalogue import gettext
from suite.language.provenance import Facts, data_digests, environment
from suite.language.quantities import moment
from suite.language.words import axis_words, listed, metric_words
from suite.vocabulary.metrics import METRICS
from suite.vocabulary.record import Links
from suite.vocabulary.study import Study

if TYPE_CHECKING:
    from reports.figures.images import Gallery


@dataclass(frozen=True)
class StudyPage:
    """Everything a study's page shows."""

    name: str
    title: str
    question: str
    docstring: str
    notes: str
    tier: str
    command: str
    started: str
    size: str
    missing: str
    link: Links
    tallies: tuple[tuple[str, Tally], ...]
    revised: str
    parts: tuple[PartSetting, ...]
    tuned_on: str
    target: str
    cards: tuple[Card, ...]
    plates: tuple[tuple[Plate, str], ...]
    tables: tuple[CellTable, ...]
    has_curves: bool
    losses: tuple[Loss, ...]
    facts: tuple[Facts, ...]
    digests: tuple[tuple[str, str], ...]
    rerun: str
    rerun_cell: str
    front: str
    languages: tuple[Link, ...]


@dataclass(frozen=True)
class Album:
    """What takes long to make and no language changes: drawings, and the cells of each part."""

    evidence: tuple[Drawing | None, ...]
    forests: tuple[Drawing | None, ...]
    sketches: tuple[Sketch | Gallery, ...]
    cells: tuple[list[Cell], ...]

    @property
    def tile(self) -> str:
        """The first figure that is drawn, as a phone has it, in the language that is being written."""
        drawings = (one.drawing for one in self.sketches if isinstance(one, Sketch) and one.drawing)
        first = next(drawings, None)
        return first.still("narrow") if first else ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing that another machine, or another day, could show."""
        return not any(getattr(one, "reason", "") for one in self.sketches)


def album(results: Results) -> Album:
    """Draw every figure of a study's page, and average its cells."""
    return Album(
        tuple(evidence(finding, anchor(i)) for i, finding in enumerate(results.findings)),
        tuple(forest_of(one, f"{anchor(i)}-all") for i, one in enumerate(results.findings)),
        tuple(
            sketch(results, view, f"{results.study.name}-{i + 1}")
            for i, view in enumerate(results.study.views)
        ),
        tuple(cells_of(results, grid) for grid in results.grids),
    )


def study_page(results: Results, drawn: Album, link: Links) -> StudyPage:
    """Return a study's page in the language that is being written."""
    study, execution = results.study, results.execution
    found = zip(results.findings, drawn.evidence, drawn.forests, strict=True)
    cards = [card(results, finding, i, *drawings) for i, (finding, *drawings) in enumerate(found)]
    cells = zip(results.grids, drawn.cells, strict=True)
    return StudyPage(
        name=study.name,
        title=gettext(study.title),
        question=gettext(study.question),
        docstring=gettext(study.docstring),
        notes=study.notes,
        tier=execution.tier,
        command=execution.command,
        started=moment(execution.started),
        size=size(results),
        missing=missing(results),
        link=link,
        tallies=tallies_by_kind([results]),
        revised=revised([results]),
        parts=tuple(part_setting(results, grid) for grid in results.grids),
        tuned_on=_tuned_on(results),
        target=_target(study),
        cards=tuple(cards),
        plates=tuple((plate(one), rerun_view(execution, one.view)) for one in drawn.sketches),
        tables=tuple(cell_table(grid, of_grid) for grid, of_grid in cells),
        has_curves=any(record.outcome.curves for record in results.records),
        losses=tuple(losses_of(results)),
        facts=tuple(environment(results)),
        digests=tuple(data_digests(results)),
        rerun=rerun(execution),
        rerun_cell=rerun_cell(results),
        front=front_name(),
        languages=in_other_languages(lambda: file_name(study.name)),
    )


def _tuned_on(results: Results) -> str:
    """Say which axes some arm or view leaves to tuning, and on which metric they are chosen."""
    tuned: dict[str, None] = {}
    for finding in results.findings:
        for arm in finding.arms.values():
            tuned |= dict.fromkeys(axis_words(path) for path in arm.best)
    if not tuned:
        return ""
    higher = METRICS[results.study.select].better == "higher"
    pattern = gettext(
        "{axes}, where a claim names no level: each seed takes the level with the lowest {metric} "
        "and looks at the test split once."
    )
    if higher:
        pattern = gettext(
            "{axes}, where a claim names no level: each seed takes the level with the highest "
            "{metric} and looks at the test split once."
        )
    return pattern.format(axes=listed(tuned), metric=metric_words(results.study.select))


def _target(study: Study) -> str:
    if study.target is None:
        return ""
    metric = METRICS[study.target.metric]
    pattern = gettext("{metric} of at most {level}")
    if metric.better == "higher":
        pattern = gettext("{metric} of at least {level}")
    level = f"{study.target.level:.0%}" if metric.unit == "percent" else f"{study.target.level:g}"
    words = metric_words(study.target.metric)
    return pattern.format(metric=words, level=level.replace("%", " %"))

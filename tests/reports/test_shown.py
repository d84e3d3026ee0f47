"""What a figure shows of the results."""

from __future__ import annotations

import dataclasses

import pytest

from reports.figures import curves as curves_figure
from reports.figures import evidence
from reports.figures import heat as heat_figure
from reports.figures import lines as lines_figure
from reports.figures.canvas import NARROW, WIDE, Size, lay_out
from reports.figures.difference import labels
from reports.figures.mark import mark
from reports.figures.scales import log_y, places
from reports.figures.shown import shown
from suite import Difference, Interaction, Law, Study, axis, curves, define_metric, heat, lines
from suite.evidence import findings
from suite.evidence.results import Results
from suite.ground.errors import RequestError
from suite.language.effects import effect_words, side
from suite.vocabulary.record import Execution
from suite.vocabulary.views import View
from tests.evidence.test_claims_and_evidence import a_record, never

LABELS, DECAY, RATE = "data.random_labels", "optimizer.weight_decay", "optimizer.lr"
STUDY = Study(
    "Example",
    grid=(axis(LABELS, (0.0, 0.2)), axis(DECAY, (0.0, 0.1)), axis(RATE, (0.1, 1.0))),
    name="example",
)
# Validation prefers the rate 1.0 with true labels and 0.1 with random ones.
RECORDS = tuple(
    a_record(
        {LABELS: labels, DECAY: decay, RATE: rate},
        seed,
        {
            "validation/accuracy": rate if labels == 0.0 else 1.1 - rate,
            "weights/norm": 10 * rate + decay + labels,
        },
        curves={"weights/norm": [(1.0, 10 * rate + decay + labels)]},
    )
    for labels in (0.0, 0.2)
    for decay in (0.0, 0.1)
    for rate in (0.1, 1.0)
    for seed in (0, 1)
)
EXECUTION = Execution(
    study="example", tier="laptop", overrides={}, only={}, seeds=None, trials=[], command="",
    started=0.0, claims="",
)  # fmt: skip


@pytest.mark.parametrize(
    "view",
    [
        lines("weights/norm", over=DECAY, tuned=True, where={LABELS: 0.2}),
        curves("weights/norm", colour=DECAY, tuned=True, where={LABELS: 0.2}),
    ],
)
def test_a_view_that_holds_a_level_shows_and_tunes_over_no_other(view: View) -> None:
    data = shown(Results(STUDY, EXECUTION, STUDY.grids(), RECORDS, 0), view)
    assert sorted(data.points["value"]) == pytest.approx([1.2, 1.2, 1.3, 1.3])
    assert data.trials["count"].sum() == len(RECORDS) / 2
    assert data.notes[0] == "Only random labels 0.2."
    assert data.notes[1] == "For each seed the learning rate that validation chose."
    assert data.notes[2] == "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}2."


def test_an_error_that_spans_much_has_a_logarithmic_axis_and_an_accuracy_has_not() -> None:
    error = define_metric("test_shown/error", "an error", better="lower")
    assert log_y(error, [0.01, 1.0])
    assert not log_y(error, [0.5, 1.0])
    assert not log_y("test/accuracy", [0.01, 1.0])
    assert log_y("target/steps", [20.0, 250.0])
    assert log_y("chosen/optimizer.lr", [0.04, 0.32])
    assert not log_y("chosen/optimizer.lr", [0.04, 0.16])


@pytest.mark.parametrize(
    ("levels", "logarithmic"),
    [((2, 4, 32), True), ((8, 40, 200), True), ((0.0, 0.5, 0.8), False), ((10, 20, 30), False)],
)
def test_levels_that_double_are_spaced_by_their_logarithms(
    levels: tuple[float, ...], logarithmic: bool
) -> None:
    assert places(axis("a", levels)) == ([float(level) for level in levels], logarithmic)


def test_arms_are_labelled_by_what_tells_them_apart() -> None:
    claim = Interaction(
        of="weights/norm", arm={DECAY: 0.1}, against={DECAY: 0.0}, within={LABELS: 0.2},
        without={LABELS: 0.0}, direction="higher", matters=0.1, says="So.", source="",
    )  # fmt: skip
    alone = Difference(
        of="weights/norm", arm={DECAY: 0.1, LABELS: 0.2}, against={DECAY: 0.0, LABELS: 0.2},
        direction="higher", matters=0.1, says="So.", source="",
    )  # fmt: skip
    study = dataclasses.replace(STUDY, claims=(claim, alone))
    four, two = findings(study, study.grids(), RECORDS)
    assert labels(four) == (
        ["0\n0.2", "0.1\n0.2", "0\n0", "0.1\n0"],
        "weight decay and random labels",
    )
    assert labels(two) == (["weight decay\n0", "weight decay\n0.1"], "")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_long_labels_of_columns_leave_room_for_the_cells(size: Size) -> None:
    """Warnings are errors here: matplotlib's, that no layout was found, would be one."""
    widths = tuple((64,) * layers for layers in (9, 14))
    grid = (axis("model.widths", widths), axis(RATE, (0.1, 1.0)))
    study = Study("Long", grid=grid, name="example")
    records = tuple(
        a_record({"model.widths": width, RATE: rate}, 0, {"weights/norm": rate})
        for width in widths
        for rate in (0.1, 1.0)
    )
    view = heat("weights/norm", x="model.widths", y=RATE)
    figure = heat_figure.draw(
        shown(Results(study, EXECUTION, study.grids(), records, 0), view), size
    )
    lay_out(figure)
    (axes,) = figure.axes
    assert axes.bbox.height > 60
    assert axes.get_tightbbox().y0 >= 0


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_an_only_evaluation_is_the_only_place_on_its_axis(size: Size) -> None:
    data = shown(
        Results(STUDY, EXECUTION, STUDY.grids(), RECORDS, 0), curves("weights/norm", colour=DECAY)
    )
    (axes,) = curves_figure.draw(data, size).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1"]


@pytest.mark.parametrize("reached", [0, 1, 4, 9])
def test_a_target_that_seeds_never_reached_can_be_drawn(reached: int) -> None:
    """ "Never" is later than all that came, and has no place on an axis."""
    found = never({"arm": [seed < reached for seed in range(9)], "against": [True] * 9})
    drawn = evidence(found, "never")
    assert (drawn is None) == (reached == 0)
    assert mark(found) is not None
    assert "NaN" not in effect_words(found)
    assert side(found.claim, found.estimate) in (-1, 0, 1)


@pytest.mark.parametrize(
    ("law", "heights"),
    [
        (Law(1.0, factor=2.0), [[0.2, 2.0]]),
        (Law(0.5), [[1.05, 1.05 * 10**0.5], [1.25, 1.25 * 10**0.5]]),  # through each line's first
    ],
)
def test_a_law_is_drawn_beside_what_was_measured(law: Law, heights: list[list[float]]) -> None:
    view = lines("weights/norm", over=RATE, colour=LABELS, laws={"a law": law})
    data = shown(Results(STUDY, EXECUTION, STUDY.grids(), RECORDS, 0), view)
    (axes,) = lines_figure.draw(data, WIDE).axes
    dashed = [list(one.get_ydata()) for one in axes.lines if one.get_linestyle() == "--"]
    drawn = [
        one for one in dashed if len(one) == 2 and any(one == pytest.approx(h) for h in heights)
    ]
    assert len(drawn) == len(heights)
    assert "a law" in [text.get_text() for text in axes.texts]
    assert "a law" in lines_figure.alt(data)


def test_a_name_is_no_formula_and_a_long_one_takes_no_room() -> None:
    widths = []
    for name in ("short", "costs $5 and $6 " * 10):
        view = lines("weights/norm", over=RATE, laws={name: Law(0.0)})
        data = shown(Results(STUDY, EXECUTION, STUDY.grids(), RECORDS, 0), view)
        figure = lines_figure.draw(data, WIDE)
        lay_out(figure)
        widths.append(figure.axes[0].get_position().width)
    assert widths[0] == pytest.approx(widths[1])
    (said,) = figure.axes[0].texts
    assert " ".join(said.get_text().split()) == name.strip()
    assert not said.get_parse_math()


def test_what_is_no_law_is_refused() -> None:
    with pytest.raises(
        RequestError, match=r"law 'linear' must be a Law, as Law\(1.0\) is, not 1.0"
    ):
        lines("weights/norm", over=RATE, laws={"linear": 1.0}).check()
    with pytest.raises(RequestError, match="a law's name"):
        lines("weights/norm", over=RATE, laws={1: Law(1.0)}).check()
    with pytest.raises(RequestError, match="exponent"):
        Law(400.0)


@pytest.mark.parametrize(
    "view",
    [
        heat("weights/norm", x=RATE, y=DECAY, laws={"a law": Law(1.0)}),
        lines("weights/norm", over=DECAY, laws={"a law": Law(1.0)}),  # which begins at 0
        lines("weights/norm", over="model", laws={"a law": Law(1.0)}),
    ],
)
def test_a_law_needs_lines_over_positive_numbers(view: View) -> None:
    grid = (axis(DECAY, (0.0, 0.1)), axis(RATE, (0.1, 1.0)), axis("model", ("mlp", "linear")))
    with pytest.raises(RequestError, match="only lines over positive numbers"):
        Study("Example", grid=grid, views=(view,), name="example").check()

"""What a figure shows of the results."""

from __future__ import annotations

import pytest

from reports.figures.scales import log_y
from reports.shown import shown
from suite import Study, axis, curves, define_metric, lines
from suite.evidence.results import Results
from suite.record import Execution
from suite.views import View
from tests.test_claims_and_evidence import a_record

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


def test_an_error_that_spans_much_has_a_logarithmic_axis_and_an_accuracy_has_not() -> None:
    error = define_metric("test_shown/error", "an error", better="lower")
    assert log_y(error, [0.01, 1.0])
    assert not log_y(error, [0.5, 1.0])
    assert not log_y("test/accuracy", [0.01, 1.0])

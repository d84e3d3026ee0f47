"""Claims about the level that validation chose, about a slope, and tuning by a target's price."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from reports.figures.shown import shown
from suite import (
    Difference,
    Equivalence,
    Rate,
    Slope,
    Study,
    Target,
    Trend,
    axis,
    curves,
    define_metric,
    lines,
)
from suite.evidence import Verdict, findings
from suite.evidence.reasons import Reason
from suite.evidence.results import Results
from suite.ground.errors import RequestError
from suite.language.catalogue import writing
from suite.language.effects import effect_words
from suite.runs.coordinator import Request
from suite.vocabulary.record import Outcome, Record
from tests.synthetic import PROVENANCE

RATES = tuple(0.01 * 2**i for i in range(8))
BATCHES = (16, 32, 64, 128)
CHOSEN = "chosen/optimizer.lr"
COMMON: dict[str, Any] = {"of": CHOSEN, "scale": "ratio", "says": "So.", "source": ""}
ALONG: dict[str, Any] = {"over": "batch_size", "per": "doubling", **COMMON}


def a_study(*claims: Any, rates: tuple[float, ...] = RATES, **changes: Any) -> Study:
    grid = (axis("batch_size", BATCHES), axis("optimizer.lr", rates))
    return Study("T", name="t", claims=claims, **{"seeds": 6, "grid": grid, **changes})


def records(study: Study, best: Callable[[int, int], float], **curve: Any) -> list[Record]:
    """Trials that validate the better the nearer their rate is to the best of batch and seed."""
    made = []
    for trial in study.trials(study.grids()):
        off = math.log2(trial.cell["optimizer.lr"] / best(trial.cell["batch_size"], trial.seed))
        final = {"validation/accuracy": 0.9 - 0.01 * off**2, "cost/steps": 100.0}
        made.append(
            Record(
                id=trial.id, study="t", part="main", cell=dict(trial.cell), recipe={},
                seed=trial.seed, alone=False, provenance=PROVENANCE,
                outcome=Outcome(status="finished", final=final, **curve),  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return made


def growing(exponent: float) -> Callable[[int, int], float]:
    """A best rate that grows with a power of the batch, half a level higher at every other seed."""
    return lambda batch, seed: 0.02 * (batch / 16) ** exponent * 2 ** (seed % 2)


def found(claim: Any, best: Callable[[int, int], float], **changes: Any) -> Any:
    study = a_study(claim, **changes)
    (one,) = findings(study, study.grids(), records(study, best))
    return one


def test_the_level_that_validation_chose_is_a_metric_of_each_seed() -> None:
    claim = Trend(direction="higher", matters=1.5, **ALONG)
    one = found(claim, growing(1))
    assert one.arms["16"].values.tolist() == [0.02, 0.04, 0.02, 0.04, 0.02, 0.04]
    assert one.estimate == pytest.approx(2)
    assert one.verdict is Verdict.SUPPORTED
    arms: dict[str, Any] = {"arm": {"batch_size": 128}, "against": {"batch_size": 16}}
    ratio = found(Difference(direction="higher", matters=2, **arms, **COMMON), growing(1))
    assert ratio.estimate == pytest.approx(8)


@pytest.mark.parametrize(
    ("exponent", "verdict"),
    [(1.0, Verdict.SUPPORTED), (0.0, Verdict.REFUTED), (2 / 3, Verdict.UNDECIDED)],
)
def test_a_slope_is_held_against_the_claimed_one(exponent: float, verdict: Verdict) -> None:
    one = found(Slope(slope=2, matters=1.25, **ALONG), growing(exponent))
    assert one.verdict is verdict
    if exponent != 2 / 3:  # else levels are rounded
        assert one.estimate == pytest.approx(2**exponent / 2)
        said = effect_words(one)
        assert said.startswith(f"chosen learning rate: {2**exponent:g}")
        assert "per doubling, 2 being claimed" in said


@pytest.mark.parametrize(
    ("exponent", "verdict"), [(0.0, Verdict.SUPPORTED), (1.0, Verdict.NO_EFFECT)]
)
def test_a_trend_may_be_held_against_another_slope(exponent: float, verdict: Verdict) -> None:
    one = found(Trend(direction="lower", than=2, matters=1.25, **ALONG), growing(exponent))
    assert one.verdict is verdict
    assert one.estimate == pytest.approx(2**exponent / 2)
    assert "per doubling, held against 2" in effect_words(one)
    assert one.claim.refuted_if == (
        "the slope per doubling is higher than a factor of 2 by at least a factor of 1.25"
    )


def test_a_slope_by_difference_is_in_the_metrics_unit() -> None:
    claim = Slope(slope=0.02, matters=0.01, **(ALONG | {"scale": "difference"}))
    one = found(claim, lambda batch, seed: 0.01 * (1 + math.log2(batch / 16)), rates=RATES[:4])
    by_hand = np.polyfit([0, 1, 2, 3], [0.01, 0.02, 0.04, 0.04], 1)[0]
    assert one.estimate == pytest.approx(by_hand - 0.02)


def test_levels_that_agree_in_every_seed_are_known_to_a_step_of_the_grid_only() -> None:
    claim = Slope(slope=2, matters=1.05, **ALONG)
    one = found(claim, lambda batch, seed: 0.02 * batch / 16)
    assert one.estimate == pytest.approx(1)
    assert one.verdict is Verdict.UNDECIDED
    assert one.interval[0] < 0.95


def test_the_step_is_that_of_an_arms_own_levels() -> None:
    claim = Slope(slope=2, matters=1.25, **ALONG)
    apart = {batch: tuple(rate * 1.01**i for rate in RATES) for i, batch in enumerate(BATCHES)}
    grid = (axis("batch_size", BATCHES), axis("optimizer.lr", apart, per="batch_size"))
    study = a_study(claim, grid=grid)
    (one,) = findings(study, study.grids(), records(study, lambda batch, seed: 0.02 * batch / 16))
    same = found(claim, lambda batch, seed: 0.02 * batch / 16)
    wide = [math.log(found.interval[1] / found.interval[0]) for found in (one, same)]
    assert wide[0] == pytest.approx(wide[1], rel=0.01)


def test_of_two_levels_neither_was_chosen_for_what_it_is() -> None:
    one = found(Slope(slope=2, matters=1.25, **ALONG), growing(1), rates=RATES[:2])
    assert (one.verdict, one.reason) == (Verdict.UNDECIDED, Reason.FEW_TO_CHOOSE)


def test_a_level_on_the_edge_of_its_grid_decides_nothing() -> None:
    one = found(Slope(slope=2, matters=1.25, **ALONG), growing(1), rates=RATES[:4])
    assert one.verdict is Verdict.UNDECIDED
    assert "edge" in one.reason


def test_a_figure_shows_the_chosen_level() -> None:
    view = lines(CHOSEN, over="batch_size", tuned=True)
    study = a_study(views=(view,))
    request = Request(study)
    ran = request.execution(request.trials)
    results = Results(study, ran, study.grids(), tuple(records(study, growing(1))), 0)
    means = shown(results, view).means[0]
    assert [means[i].mean for i in range(4)] == pytest.approx([0.03, 0.06, 0.12, 0.24])


EQUAL = {"arm": {"batch_size": 16}, "against": {"batch_size": 32}}
REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: a_study(Slope(slope=-2, matters=1.25, **ALONG)),
        "a slope must be above 0 where scale is ratio, not -2: claim 'So.'",
    ),
    (
        lambda: define_metric("chosen/optimizer.lr", "mine"),
        "'chosen/optimizer.lr' is a level that validation chose, and no metric of one's own",
    ),
    (
        lambda: a_study(Equivalence(matters=1.25, **EQUAL, **(COMMON | {"of": "chosen/optimizer.l"}))),
        "claim 'So.': 'chosen/optimizer.l': part 'main' has no axis 'optimizer.l' "
        "(did you mean 'optimizer.lr'?)",
    ),
    (
        lambda: a_study(
            Equivalence(
                arm={"batch_size": 16}, against={"batch_size": 32, "optimizer.lr": 0.01},
                matters=1.25, **COMMON,
            )  # fmt: skip
        ),
        "claim 'So.': 'chosen/optimizer.lr' needs arms in which 'optimizer.lr' is tuned",
    ),
    (
        lambda: a_study(
            Rate(of=CHOSEN, arm={"batch_size": 16, "optimizer.lr": 0.01}, event="reached",
                 direction="higher", says="So.", source="")
        ),
        "claim 'So.': 'chosen/optimizer.lr' needs arms in which 'optimizer.lr' is tuned",
    ),
    (
        lambda: a_study(views=(lines(CHOSEN, over="batch_size"),)),
        "view of 'chosen/optimizer.lr' needs tuned=True, 'optimizer.lr' held nowhere, and is no curve",
    ),
    (
        lambda: a_study(views=(curves(CHOSEN, colour="batch_size", tuned=True),)),
        "view of 'chosen/optimizer.lr' needs tuned=True, 'optimizer.lr' held nowhere, and is no curve",
    ),
    (
        lambda: Study(
            "T", probe=lambda cell, seed: {}, grid=(axis("x", (1, 2)), axis("y", (1, 2, 3))),
            claims=(Equivalence(arm={"x": 1}, against={"x": 2}, of="chosen/y", matters=1, says="So.",
                                source=""),),
        ),
        "claim 'So.': 'chosen/y' needs tuning, and of a probe nothing is tuned",
    ),
    (
        lambda: Study(
            "T", grid=(axis("batch_size", (16, 32)), axis("model.norm", ("none", "batch"))),
            claims=(Equivalence(of="chosen/model.norm", matters=1, says="So.", source="", **EQUAL),),
        ),
        "claim 'So.': 'chosen/model.norm' needs an axis whose levels are numbers",
    ),
    (
        lambda: a_study(select="target/steps"),
        "Study.select: 'target/steps' needs the study to have a target",
    ),
    (
        lambda: a_study(select="target/seconds", target=Target("validation/accuracy", 0.8)),
        "Study.select must be a validation metric, or what the target costs in steps, epochs or "
        "examples, not 'target/seconds'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_in_one_line(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(RequestError) as error:
        make()
    assert str(error.value) == message


def test_a_level_may_be_tuned_by_what_reaches_the_target_soonest() -> None:
    steps = {0.01: 50.0, 0.02: 20.0, 0.04: None, 0.08: 30.0}
    claim = Equivalence(
        of="target/steps", matters=1.25, scale="ratio", says="So.", source="", **EQUAL
    )
    study = a_study(
        claim, rates=tuple(steps), select="target/steps", target=Target("validation/accuracy", 0.8)
    )

    def with_curve(record: Record) -> Record:
        reached = steps[record.cell["optimizer.lr"]]
        curve = [(step, 0.9 if step == reached else 0.5) for step in (20.0, 30.0, 50.0, 100.0)]
        outcome = dataclasses.replace(record.outcome, curves={"validation/accuracy": curve})
        return dataclasses.replace(record, outcome=outcome)

    # By accuracy at the end 0.04 would be best, which never came to the target.
    some = [with_curve(record) for record in records(study, lambda batch, seed: 0.04)]
    (one,) = findings(study, study.grids(), some)
    assert one.arm.values.tolist() == [20.0] * 6
    assert one.arm.levels_chosen == {"optimizer.lr": dict.fromkeys(range(6), 0.02)}


def test_a_slope_and_a_chosen_level_have_their_chinese() -> None:
    one = found(Slope(slope=2, matters=1.25, **ALONG), growing(1))
    with writing("zh"):
        assert effect_words(one).startswith("每翻一番，选出的学习率：2.00 倍")

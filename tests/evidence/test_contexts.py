"""Where a rule holds: known answers, from a study with contexts to what is said over all of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats

from suite import (
    Boundary,
    Difference,
    Equivalence,
    Identity,
    Ordering,
    Rate,
    Study,
    Trend,
    axis,
    define_metric,
    looks,
)
from suite.evidence import Finding, Verdict, findings
from suite.evidence.contexts import Place, Reach, Why, heterogeneity, judge, odd_one
from suite.evidence.looks import look_at
from suite.evidence.frames import Frames
from suite.evidence.results import Results
from suite.ground.errors import RequestError
from suite.ground.identity import canonical
from suite.runs.conclusions import finding_form
from suite.vocabulary.claims import Claim
from suite.vocabulary.record import Execution, Outcome, Record, Status
from tests.evidence.test_kinds_of_claim import NOWHERE

VALUE = define_metric("test_contexts/effect", "an effect")
COMMON: dict[str, Any] = {"of": VALUE, "says": "It does.", "source": ""}
ARMS: dict[str, Any] = {"arm": {"x": 1.0}, "against": {"x": 0.0}}
CONTEXTS = ("b", "c", "d")


def a_claim(**changes: Any) -> Difference:
    given = {"direction": "higher", "matters": 1.0, "contexts": CONTEXTS, **COMMON, **ARMS}
    return Difference(**(given | changes))


def a_study(*claims: Claim, **changes: Any) -> Study:
    """A probe whose axis `place` has another level in each context."""
    given: dict[str, Any] = {
        "probe": lambda cell, seed: {VALUE: 0.0},
        "grid": (axis("x", (0.0, 1.0)), axis("place", ("a",))),
        "contexts": {name: {"place": name} for name in CONTEXTS},
        "claims": claims,
        "seeds": 8,
        "name": "t",
    }
    return Study("t", **(given | changes))


Value = Callable[[Mapping[str, Any], int], float]


def effects(**sizes: float) -> Value:
    """Return values whose effect of x has a size at each place, and a spread of about 0.5."""

    def value(cell: Mapping[str, Any], seed: int) -> float:
        key = [seed, round(4 * cell["x"]), ord(cell["place"])]
        return cell["x"] * sizes[cell["place"]] + float(np.random.default_rng(key).normal(0, 0.35))

    return value


def records_of(study: Study, value: Value) -> list[Record]:
    return [
        Record(
            id=one.id, study="t", part=one.part, cell=dict(one.cell), recipe=canonical(one.recipe),
            seed=one.seed, alone=False, provenance=NOWHERE,
            outcome=Outcome(status=Status.FINISHED, final={VALUE: value(one.cell, one.seed)}),
        )
        for one in study.trials(study.grids())
    ]  # fmt: skip


def found(value: Value, *claims: Claim, **changes: Any) -> list[Finding]:
    study = a_study(*claims, **changes)
    return findings(study, study.grids(), records_of(study, value))


def one(value: Value, claim: Claim, **changes: Any) -> Finding:
    return found(value, claim, **changes)[0]


def reach(finding: Finding) -> tuple[Reach, str | None]:
    assert finding.across is not None
    return finding.across.reach, finding.across.breaks


def test_a_rule_holds_in_all_if_it_is_supported_everywhere() -> None:
    finding = one(effects(a=3, b=3, c=3, d=3), a_claim())
    assert [there.verdict for there in finding.contexts.values()] == [Verdict.SUPPORTED] * 3
    assert list(finding.contexts) == ["b", "c", "d"]
    assert reach(finding) == (Reach.ALL, None)


def test_it_holds_in_all_though_it_is_larger_somewhere_and_that_is_said() -> None:
    finding = one(effects(a=3, b=3, c=3, d=9), a_claim())
    assert reach(finding) == (Reach.ALL, None)
    assert finding.across is not None
    assert finding.across.adjusted_p < 0.05
    assert "not equally large" in finding.across.reason


def test_it_depends_on_the_context_without_which_the_others_are_alike() -> None:
    finding = one(effects(a=1.2, b=1.2, c=-0.5, d=1.2), a_claim())
    assert reach(finding) == (Reach.DEPENDS, "c")
    written = one(effects(a=-0.5, b=1.2, c=1.2, d=1.2), a_claim())
    assert reach(written) == (Reach.DEPENDS, "")
    of_two = one(effects(a=0.9, b=-0.5), a_claim(contexts=("b",)))
    assert reach(of_two) == (Reach.DEPENDS, "b")


def test_it_reverses_where_it_is_shown_the_other_way() -> None:
    assert reach(one(effects(a=3, b=3, c=-3, d=3), a_claim())) == (Reach.REVERSES, "c")
    written = one(effects(a=-3, b=3, c=-3, d=-3), a_claim())
    assert reach(written) == (Reach.REVERSES, "b")
    size_open = one(effects(a=3, b=3, c=-1, d=3), a_claim())
    assert size_open.contexts["c"].verdict is Verdict.SIZE_OPEN
    assert reach(size_open) == (Reach.REVERSES, "c")


def test_it_holds_in_none_if_it_is_decided_against_everywhere() -> None:
    finding = one(effects(a=-3, b=-3, c=0, d=0), a_claim())
    assert reach(finding) == (Reach.NONE, None)


def test_else_it_is_open() -> None:
    assert reach(one(effects(a=0.9, b=0.9, c=0.9, d=0.9), a_claim())) == (Reach.OPEN, None)


def test_places_that_can_no_longer_be_compared_are_not_unlike() -> None:
    """They were at an earlier look; since then the best rate of one lies on the edge of its grid."""
    seeds = np.array([1.0, 1.1, 0.9])
    places = {"": Place(Verdict.SUPPORTED, 1, seeds), "b": Place(Verdict.UNDECIDED, 0, seeds[:0])}
    across = judge(a_claim(), places, 0.001, 0.001)
    assert (across.reach, across.breaks) == (Reach.OPEN, None)


@pytest.mark.parametrize("kind", [Boundary, Trend, Ordering])
def test_a_claim_holds_no_level_of_the_axis_along_which_it_runs(kind: Any) -> None:
    given: dict[str, Any] = {**COMMON, "arm": {"x": 0.0, "place": "a"}, "over": "x", "matters": 0.5}
    if kind is Boundary:
        given |= {"against": {"place": "b"}, "low": 0.1, "high": 0.9}
    else:
        given |= {"direction": "higher"}
    if kind is Trend:
        given |= {"per": "unit"}
    grid = (axis("x", (0.0, 1.0)), axis("place", ("a", "b")))
    with pytest.raises(RequestError, match="cannot hold the axis that it runs along: 'x'"):
        a_study(kind(**given), grid=grid, contexts={})


def test_an_equivalence_that_is_refuted_somewhere_depends_and_does_not_reverse() -> None:
    claim = Equivalence(matters=1.0, contexts=("b",), **COMMON, **ARMS)
    assert reach(one(effects(a=0, b=5), claim)) == (Reach.DEPENDS, "b")
    assert reach(one(effects(a=0, b=0), claim)) == (Reach.ALL, None)


def test_shares_and_identities_are_judged_by_their_verdicts() -> None:
    rate = Rate(
        arm={"x": 1.0}, event="reached", level=2.0, direction="higher", contexts=("b",), **COMMON
    )
    finding = one(effects(a=4, b=0), rate)
    assert reach(finding) == (Reach.REVERSES, "b")
    assert finding.across is not None
    assert math.isnan(finding.across.p)
    exact = Identity(tolerance=0.5, contexts=("b",), **COMMON)
    assert reach(one(lambda cell, seed: 0.1, exact)) == (Reach.ALL, None)
    broken = one(lambda cell, seed: 9.0 * (cell["place"] == "b"), exact)
    assert reach(broken) == (Reach.DEPENDS, "b")


def test_contexts_cost_the_other_claims_nothing() -> None:
    values = effects(a=1.5, b=0, c=0, d=0)
    plain, other = a_claim(contexts=()), a_claim(says="And so.", contexts=())
    alone = found(values, plain, other)
    beside = found(values, a_claim(), other)
    assert [one.adjusted_p_beyond for one in alone] == [one.adjusted_p_beyond for one in beside]
    assert alone[0].across is None
    raw = [there.p for there in beside[0].contexts.values()]
    adjusted = [there.adjusted_p for there in beside[0].contexts.values()]
    assert max(adjusted) > max(raw)  # Holm over three


def in_places(groups: Mapping[str, Any]) -> dict[str, Place]:
    return {name: Place(Verdict.UNDECIDED, 0, one) for name, one in groups.items()}


def test_heterogeneity_is_welch_s() -> None:
    rng = np.random.default_rng(0)
    two = {"": rng.normal(0, 1, 6), "b": rng.normal(1, 3, 9)}
    by_scipy = stats.ttest_ind(two[""], two["b"], equal_var=False).pvalue
    assert heterogeneity(in_places(two)) == pytest.approx(float(by_scipy))
    # Welch (1951) by hand, for three groups.
    groups = {**two, "c": rng.normal(0, 2, 5)}
    n = np.array([len(one) for one in groups.values()])
    w = n / np.array([one.var(ddof=1) for one in groups.values()])
    m = np.array([one.mean() for one in groups.values()])
    rest = ((1 - w / w.sum()) ** 2 / (n - 1)).sum()
    f = (w * (m - (w * m).sum() / w.sum()) ** 2).sum() / 2 / (1 + 2 * 1 / 8 * rest)
    assert heterogeneity(in_places(groups)) == pytest.approx(
        float(stats.f.sf(f, 2, 8 / (3 * rest)))
    )


def test_seeds_that_agree_need_no_test() -> None:
    same, other = np.full(4, 1.0), np.full(4, 2.0)
    assert heterogeneity(in_places({"": same, "b": same})) == 1.0
    assert heterogeneity(in_places({"": same, "b": other})) == 0.0
    assert heterogeneity(in_places({"": same, "b": other + [0, 0.1, 0, 0.1]})) < 0.001
    assert math.isnan(heterogeneity(in_places({"": same, "b": other[:1]})))
    assert odd_one(in_places({"": same, "b": other})) == "b"


def test_places_whose_seeds_agree_may_differ_by_an_image_that_nobody_saw() -> None:
    """Five seeds each, which agree to the last of 360 images, and are an image apart."""
    image = 1 / 360
    grain = math.sqrt(2) * image / math.sqrt(12)
    places = {
        name: Place(Verdict.NO_EFFECT, 0, np.full(5, mean), grain)
        for name, mean in {"": 0.0, "b": image}.items()
    }
    assert heterogeneity(places) > 0.001
    alone = {name: dataclasses.replace(one, grain=0.0) for name, one in places.items()}
    assert heterogeneity(alone) == 0.0


def test_what_is_decided_everywhere_is_not_said_to_be_undecided() -> None:
    places = {
        "": Place(Verdict.SUPPORTED, 1, np.array([1.2, 1.1, 1.3])),
        "b": Place(Verdict.NO_EFFECT, 0, np.array([0.8, 0.9, 0.7])),
    }
    across = judge(a_claim(), places, 0.2, 0.2)
    assert (across.reach, across.reason) == (Reach.OPEN, Why.DECIDED_ALIKE)


def test_rules_that_hold_alike_are_seldom_said_to_depend() -> None:
    """Of effects that are the same everywhere, with other spreads, at most 5 % are said to differ."""
    rng = np.random.default_rng(0)
    wrong, trials = 0, 1000
    for _ in range(trials):
        contrasts = [rng.normal(1.0, sd, 6) for sd in (0.5, 1.0, 2.0)]
        places = in_places(dict(zip(("", "b", "c"), contrasts, strict=True)))
        p = heterogeneity(places)
        wrong += judge(a_claim(), places, p, p).reach is Reach.DEPENDS
    assert wrong / trials < 0.05 + 2 * math.sqrt(0.05 * 0.95 / trials)


def test_contexts_of_a_ratio_differ_by_a_factor() -> None:
    claim = a_claim(scale="ratio", matters=1.2, contexts=("b",))
    finding = one(lambda cell, seed: (1 + seed) * 2 ** (cell["x"] * (1 + 0.01 * seed)), claim)
    assert finding.contexts["b"].estimate == pytest.approx(2 ** (1 + 0.035))
    assert reach(finding) == (Reach.ALL, None)


def test_a_place_whose_best_level_lies_on_the_edge_is_not_compared() -> None:
    """Its effect may be another with a level that its grid lacks, and so is no sign of a difference."""
    rates = axis("optimizer.lr", (0.01, 0.03, 0.1))
    study = Study(
        "t",
        grid=(axis("batch_size", (10, 20)), rates),
        contexts={"b": {"data.name": "fashion_mnist"}},
        claims=(
            Difference(
                of="test/accuracy", arm={"batch_size": 10}, against={"batch_size": 20},
                direction="higher", matters=0.01, says="So.", source="", contexts=("b",),
            ),
        ),
        seeds=6,
        name="t",
    )  # fmt: skip

    def reach_if_best(best: float) -> tuple[Reach, str | None]:
        records = []
        for trial in study.trials(study.grids()):
            rate = best if trial.part == "main@b" else 0.03
            luck = float(
                np.random.default_rng([trial.seed, trial.cell["batch_size"]]).normal(0, 0.003)
            )
            effect = 0.1 if trial.part == "main" else 0.005
            final = {
                "validation/accuracy": 0.9 if trial.cell["optimizer.lr"] == rate else 0.5,
                "test/accuracy": 0.7 + luck + effect * (trial.cell["batch_size"] == 10),
            }
            records.append(
                Record(
                    id=trial.id, study="t", part=trial.part, cell=dict(trial.cell), recipe={},
                    seed=trial.seed, alone=False, provenance=NOWHERE,
                    outcome=Outcome(status=Status.FINISHED, final=final),
                )
            )  # fmt: skip
        return reach(findings(study, study.grids(), records)[0])

    assert reach_if_best(0.03) == (Reach.DEPENDS, "b")
    assert reach_if_best(0.1) == (Reach.OPEN, None)


def test_looks_go_on_in_the_contexts_that_are_open() -> None:
    study = a_study(a_claim(contexts=("b",)), seeds=looks(3, 9))
    records = records_of(study, effects(a=9, b=1.0))
    grids = study.grids()
    trials = study.trials(grids)
    first = [one for one in records if one.seed < 3]
    looked = look_at(study, grids, trials, first)
    asked = {grid.name: sum(one.part == grid.name for one in looked.asked) for grid in grids}
    assert asked == {"main": 2 * 3, "main@b": 2 * 9}
    (finding,) = look_at(study, grids, trials, records).findings
    assert (finding.n, finding.contexts["b"].n) == (3, 9)
    # A place that was decided has no second look, and so there is no second test of all.
    (at_first,) = looked.findings
    assert at_first.across is not None
    assert finding.across is not None
    assert finding.across.p == at_first.across.p


def test_a_context_without_trials_is_undecided_and_the_rule_open() -> None:
    study = a_study(a_claim(contexts=("b",)))
    grids = study.grids()
    records = [one for one in records_of(study, effects(a=3, b=3)) if one.part == "main"]
    (finding,) = findings(study, grids, records)
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.contexts["b"].verdict is Verdict.UNDECIDED
    assert reach(finding) == (Reach.OPEN, None)


def test_the_form_has_each_context_and_what_they_say_together() -> None:
    form = finding_form(one(effects(a=3, b=-3), a_claim(contexts=("b",))))
    assert form["contexts"]["b"]["verdict"] == "refuted"
    assert form["across"]["reach"] == "reverses"
    assert form["across"]["breaks"] == "b"
    plain = finding_form(one(effects(a=3), a_claim(contexts=())))
    assert (plain["contexts"], plain["across"]) == ({}, None)


def test_a_frame_has_a_row_a_context() -> None:
    study = a_study(a_claim(contexts=("b",)))
    execution = Execution(
        study="t", tier="laptop", overrides={}, only={}, seeds=None, trials=[], command="",
        started=0.0, claims="",
    )  # fmt: skip
    records = tuple(records_of(study, effects(a=3, b=3)))
    results = Results(study, execution, study.grids(), records, 0, study.trials(study.grids()))
    rows = Frames(results).findings
    assert list(rows["part"]) == ["main", "main@b"]
    assert list(rows["reach"]) == ["holds in all", ""]
    assert set(Frames(results).trials["part"]) == {"main", "main@b"}


def a_boundary(**changes: Any) -> Boundary:
    given: dict[str, Any] = {
        "over": "x", "arm": {"place": "a"}, "against": {"place": "z"}, "low": 1.0, "high": 4.0,
        "matters": 1.0, **COMMON,
    }  # fmt: skip
    return Boundary(**(given | changes))


def bounded(claim: Boundary, at: Callable[[float], float], **changes: Any) -> Finding:
    """Put a boundary to an effect of the place `a` over `z` that is a function of log2 x."""

    def value(cell: Mapping[str, Any], seed: int) -> float:
        key = [seed, round(4 * cell["x"]), ord(cell["place"])]
        luck = float(np.random.default_rng(key).normal(0, 0.3))
        return seed + luck + (at(math.log2(cell["x"])) if cell["place"] == "a" else 0.0)

    grid = (axis("x", (0.5, 1.0, 2.0, 4.0, 8.0)), axis("place", ("a", "z")))
    return one(value, claim, grid=grid, contexts={}, **changes)


def test_a_boundary_is_found_where_the_effect_changes_sign() -> None:
    finding = bounded(a_boundary(), lambda x: 4 * (x - 1.2))
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.estimate == pytest.approx(2**1.2, rel=0.1)
    assert finding.interval[0] < 2**1.2 < finding.interval[1]
    assert finding.settled_by == "margin"
    assert finding_form(finding)["effect"].startswith("an effect: the effect changes sign at x 2.")


@pytest.mark.parametrize(
    ("at", "changes", "verdict", "reason"),
    [
        (lambda x: 4 * (x - 2.5), {}, Verdict.REFUTED, "lies outside"),
        (lambda x: 9.0, {}, Verdict.REFUTED, "no boundary along"),
        (lambda x: 4 * (x - 2.05), {}, Verdict.UNDECIDED, "may lie outside the claimed range too"),
        (lambda x: 4 * (abs(x - 1) - 1), {"high": 2.0}, Verdict.UNDECIDED, "crosses 2 times"),
        (lambda x: 9.0 * (x < 3) + 0.1, {"low": 4, "high": 8}, Verdict.UNDECIDED, "nowhere, but"),
        (
            lambda x: 4 * x * x - 4,
            {"low": 0.5, "high": 8},
            Verdict.UNDECIDED,
            "outside the claimed",
        ),
    ],
)
def test_boundaries_that_are_not_where_they_are_said_to_be(
    at: Callable[[float], float], changes: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    finding = bounded(a_boundary(**changes), at)
    assert finding.verdict is verdict, finding.reason
    assert reason in finding.reason


def test_a_boundary_may_be_where_an_effect_ceases_to_matter() -> None:
    finding = bounded(a_boundary(crosses="matters"), lambda x: max(0.0, 4 - 2 * (x + 1)))
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.estimate == pytest.approx(2**0.5, rel=0.15)  # where 2 - 2x is 1


def test_a_boundary_that_reaches_the_end_of_the_axis_is_open_there() -> None:
    finding = bounded(a_boundary(low=4, high=8), lambda x: 4 * (x - 3))
    assert finding.verdict is Verdict.UNDECIDED
    assert finding.interval[1] == math.inf
    assert finding_form(finding)["interval"][1] is None


def test_a_seed_that_lacks_a_level_leaves_a_boundary_undecided() -> None:
    study = a_study(
        a_boundary(),
        grid=(axis("x", (0.5, 1.0, 2.0, 4.0, 8.0)), axis("place", ("a", "z"))),
        contexts={},
    )
    values = records_of(study, lambda cell, seed: (cell["x"] - 2) * (cell["place"] == "a"))
    lost = Outcome(status=Status.DIVERGED)
    (finding,) = findings(
        study, study.grids(), [dataclasses.replace(values[0], outcome=lost), *values[1:]]
    )
    assert finding.verdict is Verdict.UNDECIDED
    assert "1 of 8 seeds lack a value" in finding.reason


def test_the_set_of_boundaries_covers_the_truth_and_verdicts_are_seldom_wrong() -> None:
    """At five seeds; a claimed range that ends just beside the truth is wrong by as little as can be."""
    from suite.evidence.boundaries import decide, edges, where
    from suite.evidence.profiles import Profile

    rng = np.random.default_rng(0)
    means, levels = np.array([-4.0, -2.0, -0.5, 2.0, 4.0]), (1.0, 2.0, 4.0, 8.0, 16.0)
    truth, studies = 2.0**2.2, 400
    covered = supported = refuted = 0
    for _ in range(studies):
        shared, own = rng.normal(0, 1, (5, 1)), rng.normal(0, 1, (5, 5))
        profile = Profile(levels, means + shared + own)
        covered += any(low <= truth <= high for low, high in where(a_boundary(), profile))
        for low, high in ((1.0, 0.999 * truth), (truth, 16.0)):
            claim = a_boundary(low=low, high=high)
            (value,) = edges(claim)
            first, last = profile.ends
            within = profile.p_somewhere(value, profile.place(low), profile.place(high))
            elsewhere = max(
                profile.p_somewhere(value, first, profile.place(low)),
                profile.p_somewhere(value, profile.place(high), last),
            )
            verdict, _ = decide(claim, profile, within, elsewhere, nowhere=False)
            supported += verdict is Verdict.SUPPORTED and high < truth
            refuted += verdict is Verdict.REFUTED and high > truth
    spread = 2 * math.sqrt(0.05 * 0.95 / studies)
    assert covered / studies > 0.95 - spread
    assert supported / studies < 0.05 + spread
    assert refuted / studies < 0.05 + spread

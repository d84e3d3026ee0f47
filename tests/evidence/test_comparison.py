"""Two result sets side by side: what moved, by how much, and what cannot be said."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from suite import Budget, Difference, Identity, Rate, Recipe, Study, Within, axis
from suite.cli import main
from suite.evidence.comparison import MOVES, StudyComparison, compare
from suite.evidence.results import Results, gather
from suite.ground.identity import SEMANTICS_VERSION, id_of
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Status
from tests.command_line import TINY_STUDY, TINY_TRIALS, make_study, refused
from tests.pages import latin_words
from tests.synthetic import make_results, results_of, ten_beats_twenty


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["suite", "compare", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(str(ended.value.code)), capsys.readouterr().out

    return run


def one_claim(form: dict[str, Any]) -> dict[str, Any]:
    ((claim,),) = [study["claims"] for study in form["studies"]]
    return dict(claim)


def test_a_set_is_equal_to_itself(compared: Callable[..., tuple[int, str]]) -> None:
    make_results(Path("a"))
    code, out = compared("a", "a", "--json")
    form = json.loads(out)
    assert code == 0
    assert (form["trials"]["shared"], form["trials"]["equal"]) == (TINY_TRIALS, TINY_TRIALS)
    assert (form["verdicts_changed"], form["effects_moved"], form["environment"]) == (0, 0, [])
    assert one_claim(form)["equal"]
    assert (
        f"All {TINY_TRIALS} trials that both have are equal bit for bit." in compared("a", "a")[1]
    )


def test_a_flipped_verdict_is_named_and_exits_with_1(
    compared: Callable[..., tuple[int, str]],
) -> None:
    make_results(Path("a"))
    make_results(Path("b"), lambda trial: 1.7 - ten_beats_twenty(trial))
    code, out = compared("a", "b")
    assert code == 1
    assert "VERDICT CHANGED  supported → refuted: Ten beats twenty." in out
    claim = one_claim(json.loads(compared("a", "b", "--json")[1]))
    assert claim["verdict_changed"]
    assert claim["moved"]
    assert claim["difference"] == pytest.approx(-0.2)
    assert (claim["n"], claim["paired"]) == (3, True)


def test_small_noise_moves_nothing(compared: Callable[..., tuple[int, str]]) -> None:
    make_results(Path("a"))
    make_results(
        Path("b"), lambda trial: ten_beats_twenty(trial) + 1e-4 * math.sin(int(trial.id, 16) % 1000)
    )
    code, out = compared("a", "b", "--json")
    form = json.loads(out)
    assert code == 0
    assert (form["verdicts_changed"], form["effects_moved"]) == (0, 0)
    assert form["trials"]["equal"] == 0
    assert not one_claim(form)["equal"]


@pytest.mark.parametrize(("share", "moved"), [(0.9 * MOVES, False), (1.1 * MOVES, True)])
def test_a_sure_difference_moves_an_effect_only_if_it_is_large_enough(
    share: float, moved: bool, compared: Callable[..., tuple[int, str]]
) -> None:
    def shifted(trial: Trial) -> float:
        extra = share * 0.01 if trial.cell["batch_size"] == 10 else 0.0
        return ten_beats_twenty(trial) + extra

    make_results(Path("a"))
    make_results(Path("b"), shifted)
    code, out = compared("a", "b", "--json")
    claim = one_claim(json.loads(out))
    assert code == 0
    assert claim["adjusted_p"] < 0.001
    assert claim["moved"] is moved


def test_the_seconds_of_timed_trials_are_compared(
    compared: Callable[..., tuple[int, str]],
) -> None:
    make_results(Path("a"))
    make_results(Path("b"), seconds=1.5)
    code, out = compared("a", "b", "--json")
    form = json.loads(out)
    (cost,) = form["studies"][0]["costs"]
    assert code == 0
    assert (cost["part"], cost["n"], cost["trials"], cost["moved"]) == ("timing", 3, 6, True)
    assert cost["ratio"] == pytest.approx(1.5)
    assert form["trials"]["equal"] == TINY_TRIALS, "a clock's numbers are no outcome"
    assert "COST MOVED  part timing: B takes 1.50 times" in compared("a", "b")[1]


def test_what_differs_in_where_they_ran_is_named(
    compared: Callable[..., tuple[int, str]],
) -> None:
    make_results(Path("a"))
    ran = {"packages": {"torch": "2.1"}, "device": "cuda"}
    make_results(Path("b"), ran=ran)
    form = json.loads(compared("a", "b", "--json")[1])
    assert form["environment"] == [
        {"name": "Device", "a": ["cpu"], "b": ["cuda"]},
        {"name": "torch", "a": ["2.0"], "b": ["2.1"]},
    ]


def test_a_claim_that_one_set_can_decide_is_no_changed_verdict(
    compared: Callable[..., tuple[int, str]],
) -> None:
    make_results(Path("a"))
    make_results(Path("b"), only={"batch_size": (10,)})
    code, out = compared("a", "b")
    assert code == 0
    assert "ONLY A DECIDES  supported: Ten beats twenty." in out
    form = json.loads(compared("b", "a", "--json")[1])
    assert (form["decided_by_one"], form["verdicts_changed"]) == (1, 0)
    assert one_claim(form)["only"] == "b"
    assert form["trials"]["only_b"] == TINY_TRIALS // 2


def test_a_claim_that_neither_set_measured_is_counted_as_such(
    compared: Callable[..., tuple[int, str]],
) -> None:
    make_results(Path("a"), only={"batch_size": (10,)})
    code, out = compared("a", "a", "--json")
    form = json.loads(out)
    assert code == 0
    assert (form["measured_by_neither"], form["claims_equal"], form["decided_by_one"]) == (1, 0, 0)


def test_changed_claims_and_studies_without_a_file_are_pointed_out(
    compared: Callable[..., tuple[int, str]],
) -> None:
    make_study(Path(), name="gone")
    make_results(Path("a"))
    make_results(Path("b"))
    Path("studies/gone.py").unlink()
    text = TINY_STUDY.replace('direction="higher"', 'direction="lower"')
    Path("studies/tiny.py").write_text(text)
    out = compared("a", "b")[1]
    assert "its claims have been changed since the trials of B ran" in out
    assert "gone: there is no study 'gone'" in out


def test_a_study_whose_grid_has_no_trial_of_either_set_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_results(Path("a"))
    make_results(Path("b"))
    text = TINY_STUDY.replace("widths=(8,)", "widths=(9,)")
    Path("studies/tiny.py").write_text(text)
    line = refused(["compare", "a", "b"], monkeypatch, capsys)
    assert "tiny: neither has a trial that its file asks for today" in line


def test_two_versions_of_training_in_one_store_are_compared(
    compared: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The other version is one of the future: version 1 is the first."""
    make_results(Path("a"))
    study = discovery.load("tiny")
    _, records = results_of(study, lambda trial: 1.7 - ten_beats_twenty(trial))
    Journal(Path("a/.thumbrules/journal.jsonl")).extend(
        dataclasses.replace(
            one, id=id_of(one.recipe, one.seed, alone=one.alone, semantics=SEMANTICS_VERSION + 1)
        )
        for one in records
    )
    code, out = compared("a@1", f"a@{SEMANTICS_VERSION + 1}")
    assert code == 1
    assert "VERDICT CHANGED  supported → refuted: Ten beats twenty." in out
    assert f"Of {TINY_TRIALS} trials that both have, none is equal bit for bit" in out
    assert compared("a", "a@1")[0] == 0
    line = refused(["compare", "a", "a@7"], monkeypatch, capsys)
    assert "suite: 'a' holds no trial of training semantics 7" in line


def test_the_page_shows_what_changed(compared: Callable[..., tuple[int, str]]) -> None:
    make_results(Path("a"))
    make_results(Path("b"), lambda trial: 1.7 - ten_beats_twenty(trial))
    assert compared("a", "b", "--out", "page.html")[0] == 1
    page = Path("page.html").read_text()
    assert "<title>1 verdict changed · Thumbrules</title>" in page
    assert "Ten beats twenty." in page
    assert "−20.0 points" in page
    assert page.count("<svg") == 2


def test_the_page_is_written_in_every_language_and_each_links_to_the_other(
    compared: Callable[..., tuple[int, str]],
) -> None:
    make_study(Path(), name="lone")
    make_results(Path("a"))
    Path("studies/lone.py").unlink()
    ran = {"packages": {"numpy": "2"}, "device": "cuda", "processor": "", "dirty": True}
    flipped = make_results(
        Path("b"), lambda trial: 1.7 - ten_beats_twenty(trial), seconds=1.5, ran=ran
    )
    half = make_results(Path("c"), only={"batch_size": (10,)})
    changed = TINY_STUDY.replace('direction="higher"', 'direction="lower"')
    Path("studies/tiny.py").write_text(changed.replace("seeds=3", "seeds=4"))
    data = {"Tiny", "Ten", "beats", "twenty", "lone", "numpy", "torch"}
    for b in (flipped, half, Path("a")):
        compared("a", str(b), "--out", "the page #1.html")
        english, chinese = (Path(f"the page #1{end}.html").read_text() for end in ("", ".zh"))
        assert 'href="the%20page%20%231.zh.html" hreflang="zh-Hans"' in english
        assert 'href="the%20page%20%231.html" hreflang="en"' in chinese
        assert "equal bit for bit" in english
        proper = {"Thumbrules", "English", "Python", "UTC", "smoke", "laptop", "full"}
        assert latin_words(chinese) <= data | proper
    assert "Ten beats twenty." in chinese


WRONG = {
    "nothing there": (["resluts", "results"], "(did you mean 'results'?)"),
    "no results": (["studies", "results"], "the folder 'studies' holds no results"),
    "a store by its path": (["results", "store.db"], "sqlite:///store.db"),
    "some file": (["results", "studies/tiny.py"], "is neither a journal nor an archive"),
    "no store": (["results", "sqlite:///none.db"], "there is no tracking store sqlite:///none.db"),
    "no folder": (["results", "results", "--out", "x/y.html"], "there is no folder x"),
    "a folder in its way": (["results", "results", "--out", "taken.html"], "taken.zh.html is no"),
    "no study in common": (["results", "other"], "no study in common: tiny: only A has it"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_refused_in_one_line(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_results(Path("results"))
    Path("taken.zh.html").mkdir()
    Path("store.db").write_bytes(b"SQLite format 3\0")
    (Path("other") / ".thumbrules").mkdir(parents=True)
    (Path("other") / ".thumbrules" / "journal.jsonl").touch()
    assert said in refused(["compare", *arguments], monkeypatch, capsys)


def both_sides(
    study: Study,
    of_a: Callable[[Trial], float],
    of_b: Callable[[Trial], float],
    seeds_a: range | None = None,
    seeds_b: range | None = None,
) -> tuple[Results, Results]:
    sides = []
    for accuracy, seeds in ((of_a, seeds_a), (of_b, seeds_b)):
        execution, records = results_of(study, accuracy)
        kept = {one.id: one for one in records if seeds is None or one.seed in seeds}
        sides.append(gather(study, execution, kept))
    return sides[0], sides[1]


def a_study(*claims: Any, seeds: int = 6, name: str = "one") -> Study:
    return Study(
        "One", grid=(axis("batch_size", (10, 20)),), seeds=seeds, claims=claims, name=name,
        recipe=Recipe(budget=Budget(epochs=1)),
    )  # fmt: skip


def a_difference(**changes: Any) -> Difference:
    return dataclasses.replace(
        Difference(
            of="test/accuracy", arm={"batch_size": 10}, against={"batch_size": 20},
            direction="higher", matters=0.01, says="Ten beats twenty.", source="",
        ),
        **changes,
    )  # fmt: skip


def compare_one(*sides: Results) -> StudyComparison:
    (study,) = compare([(sides[0], sides[1])])
    return study


@given(st.lists(st.floats(-0.05, 0.05), min_size=6, max_size=6))
def test_shared_seeds_are_compared_in_pairs(moves: list[float]) -> None:
    def moved(trial: Trial) -> float:
        return ten_beats_twenty(trial) + moves[trial.seed] * (trial.cell["batch_size"] == 10)

    sides = both_sides(a_study(a_difference()), ten_beats_twenty, moved)
    (change,) = compare_one(*sides).claims
    assert change.estimate == pytest.approx(np.mean(moves), abs=1e-12)
    if np.std(moves) > 1e-9:
        assert change.p == pytest.approx(stats.ttest_1samp(moves, 0.0).pvalue, rel=1e-3)


def test_seeds_that_are_not_shared_are_compared_as_samples() -> None:
    study = a_study(a_difference())
    sides = both_sides(study, ten_beats_twenty, ten_beats_twenty, range(3), range(3, 6))
    (change,) = compare_one(*sides).claims
    a, b = (side.findings[0].contrast for side in sides)
    assert (change.paired, change.n) == (False, 6)
    assert change.p == pytest.approx(stats.ttest_ind(b, a, equal_var=False).pvalue)
    assert change.estimate == pytest.approx(b.mean() - a.mean())


def test_on_a_ratio_scale_the_change_is_a_ratio() -> None:
    study = a_study(a_difference(scale="ratio", matters=1.05))

    def tenfold(trial: Trial) -> float:
        return ten_beats_twenty(trial) * (10 if trial.cell["batch_size"] == 10 else 1)

    (change,) = compare_one(*both_sides(study, ten_beats_twenty, tenfold)).claims
    assert change.estimate == pytest.approx(10.0)
    assert change.moved


def test_p_values_are_corrected_over_all_studies_and_equal_claims_are_left_out() -> None:
    def wobbled(trial: Trial) -> float:
        wobble = 0.004 + 0.01 * NOISE_OF_B[trial.seed] * (1 + (trial.study == "two"))
        return ten_beats_twenty(trial) + wobble * (trial.cell["batch_size"] == 10)

    one, two, same = (a_study(a_difference(), name=name) for name in ("one", "two", "same"))
    pairs = [both_sides(study, ten_beats_twenty, wobbled) for study in (one, two)]
    pairs.append(both_sides(same, ten_beats_twenty, ten_beats_twenty))
    first, second, third = (study.claims[0] for study in compare(pairs))
    assert third.equal
    assert math.isnan(third.adjusted_p)
    assert first.p < second.p
    assert first.adjusted_p == pytest.approx(min(2 * first.p, second.p))
    assert second.adjusted_p == pytest.approx(second.p)


NOISE_OF_B = (0.3, -0.4, 0.2, 0.1, -0.1, 0.5)


def test_shares_of_seeds_are_compared_by_an_exact_test() -> None:
    reached = Rate(
        of="test/accuracy", arm={"batch_size": 10}, event="reached", level=0.85,
        direction="higher", says="It is reached.", source="",
    )  # fmt: skip
    within = Within(
        of="test/accuracy", arm={"batch_size": 10}, low=0.85, high=0.95, runs=100,
        says="It lies inside.", source="",
    )  # fmt: skip
    study = a_study(reached, within)
    sides = both_sides(study, ten_beats_twenty, lambda trial: 0.1)
    for change in compare_one(*sides).claims:
        assert change.estimate == -1.0
        assert change.p == pytest.approx(2 * 0.5**6)
    apart = both_sides(study, ten_beats_twenty, lambda trial: 0.1, range(3), range(3, 6))
    for change in compare_one(*apart).claims:
        assert change.p == pytest.approx(2 / math.comb(6, 3))


def test_an_identity_moves_by_its_tolerance_and_is_not_tested() -> None:
    claim = Identity(of="test/accuracy", tolerance=1e-3, says="It is zero.", source="")
    sides = both_sides(a_study(claim), lambda trial: 0.0, lambda trial: 6e-4)
    (change,) = compare_one(*sides).claims
    assert math.isnan(change.p)
    assert change.moved
    assert not change.verdict_changed


def test_differing_trials_are_told_by_id_and_status_counts() -> None:
    study = a_study(a_difference())
    before, after = both_sides(study, ten_beats_twenty, ten_beats_twenty)
    first, *rest = after.records
    lost = dataclasses.replace(first.outcome, status=Status.DIVERGED)
    changed = dataclasses.replace(first, outcome=lost)
    after = dataclasses.replace(after, records=(changed, *rest))
    assert compare_one(before, after).trials.differing == (first.id,)

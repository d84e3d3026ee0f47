"""A record alone brings its trial back, bit for bit; where it does not, the answer says what differs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from suite import Budget, Data, Model, Optimizer, Recipe, define_metric
from suite.data import houses, load
from suite.evidence.trials import decided
from suite.execution import environment
from suite.execution.plan import expected_work
from suite.execution.records import record_of
from suite.execution.sequential import Sequential
from suite.execution.strategy import Bundle
from suite.execution.teams import Teams
from suite.ground.errors import RequestError
from suite.reproduce.differences import changes, drift, first_divergence
from suite.reproduce.report import form_of, text_of
from suite.reproduce.rerun import rerun, trial_of
from suite.reproduce.verdicts import verdicts
from suite.reproduce.wanted import wanted
from suite.runs.coordinator import Request
from suite.tracking.journal import Journal
from suite.training import update_rules
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from suite.vocabulary.metrics import METRICS, is_timed
from suite.vocabulary.record import FORMAT_VERSION, Outcome, Record, Status
from tests.command_line import make_study, suite, suite_json

TINY = Recipe(
    data=Data("digits", train_examples=200),
    model=Model(widths=(8,), dropout=0.2),
    optimizer=Optimizer(momentum=0.9),
    batch_size=20,
    budget=Budget(epochs=3),
)


def stored(record: Record) -> Record:
    """Return a record as a journal gives it back."""
    return Record.from_json(json.loads(json.dumps(record.to_json())))


def recorded(bundle: Bundle) -> list[Record]:
    """Run trials as the coordinator does, and return their records."""
    devices = bundle[0].devices
    strategy = Teams("cpu") if devices > 1 else Sequential("cpu")
    name = "vectorised" if len(bundle) > 1 else strategy.name
    ran = environment.capture() | {"strategy": name, "device": "cpu"}
    with strategy:
        done = list(strategy.run_alone(bundle) if devices > 1 else strategy.run([bundle]))
    return [stored(record_of(finished, ran, workers=1)) for finished in done]


def one(recipe: Recipe = TINY, seed: int = 0) -> Record:
    return recorded((Trial("test", "main", {}, recipe, seed),))[0]


@pytest.fixture
def nowhere(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def reproduced(records: list[Record], journal: Journal, **changed: Any) -> Any:
    return form_of(records, journal, changed)


def shortest(study: str) -> list[Trial]:
    """The shortest recipe and the shortest probe, of those that take the fewest devices."""
    shortest: dict[type, Trial] = {}
    for trial in Request(discovery.load(study), "smoke").trials:
        best = shortest.setdefault(type(trial.recipe), trial)
        shortest[type(trial.recipe)] = min(
            best, trial, key=lambda one: (one.devices, one.alone, expected_work(one))
        )
    return list(shortest.values())


def alone(study: str) -> bool:
    return all(trial.devices == 1 for trial in shortest(study))


@pytest.mark.parametrize("study", [name for name in discovery.names() if alone(name)])
def test_a_trial_of_each_kind_of_every_study_comes_back(study: str, nowhere: Journal) -> None:
    comes_back(study, nowhere)


def comes_back(study: str, nowhere: Journal) -> None:
    records = [record for trial in shortest(study) for record in recorded((trial,))]
    assert {record.outcome.status for record in records} <= {Status.FINISHED, Status.DIVERGED}
    form = reproduced(records, nowhere)
    assert form["different"] == 0, text_of(form)
    assert not any(trial["changed"] for trial in form["trials"])


def test_trials_that_trained_as_one_program_come_back_together(nowhere: Journal) -> None:
    recipes = [
        dataclasses.replace(TINY, optimizer=Optimizer(lr=lr, momentum=0.9)) for lr in (0.1, 0.2)
    ]
    bundle = tuple(
        Trial("test", "main", {}, recipe, seed) for recipe in recipes for seed in range(2)
    )
    for record in recorded(bundle):
        nowhere.add(record)
    asked = list(nowhere.records.values())[1]
    assert len(asked.provenance.cohort) == 4
    form = reproduced([asked], nowhere)
    assert form["different"] == 0, text_of(form)
    alone = reproduced([asked], nowhere, strategy="sequential")
    assert alone["trials"][0]["first"]["quantity"] != "initial weights"
    assert max(row.get("validation/loss", 0) for row in alone["drift"]) < 1e-4
    lost = Journal(nowhere.path.with_name("empty.jsonl"))
    with pytest.raises(RequestError, match="which is lost"):
        reproduced([asked], lost)


def test_what_trained_as_one_program_is_not_parted_for_want_of_memory(
    nowhere: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = recorded(tuple(Trial("test", "main", {}, TINY, seed) for seed in range(4)))
    for record in records:
        nowhere.add(record)
    monkeypatch.setattr("suite.execution.sequential.free", lambda: 80 << 20)  # for two of them
    with pytest.raises(RequestError, match="as one program with 3 others, for which there is too"):
        reproduced(records[:1], nowhere)


def test_a_timed_trial_is_compared_in_all_but_its_seconds(nowhere: Journal) -> None:
    (record,) = recorded((Trial("test", "main", {}, TINY, 0, alone=True),))
    form = reproduced([record], nowhere)
    assert form["different"] == 0
    assert "cost/seconds" in form["trials"][0]["timed"]
    assert "not compared, being a clock's: cost/examples_per_second, cost/seconds" in text_of(form)


def test_a_changed_line_of_the_update_rule_is_seen_at_the_first_point(
    nowhere: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, add = one(), update_rules.add_
    monkeypatch.setattr(
        update_rules, "add_", lambda tensors, others, factor: add(tensors, others, 1.0001 * factor)
    )
    (trial,) = reproduced([record], nowhere)["trials"]
    first = trial["first"]
    assert (first["epoch"], first["step"]) == (1.0, 10)
    assert first["quantity"] == "gradient/norm"  # the first by name of those at epoch 1
    assert first["then"] != first["now"]


def test_other_initial_weights_are_named(nowhere: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    record = one()
    outcome = dataclasses.replace(record.outcome, initial_digest="0" * 64)
    changed = dataclasses.replace(record, outcome=outcome)
    assert reproduced([changed], nowhere)["trials"][0]["first"]["quantity"] == "initial weights"


def test_final_weights_alone_are_named(nowhere: Journal) -> None:
    record = one()
    outcome = dataclasses.replace(record.outcome, weights_digest="0" * 64)
    changed = dataclasses.replace(record, outcome=outcome)
    assert reproduced([changed], nowhere)["trials"][0]["first"]["quantity"] == "final weights"


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with prices of 60 houses."""
    monkeypatch.setenv("THUMBRULES_DATA", str(tmp_path))
    file = tmp_path / houses.FOLDER / "train.csv"
    file.parent.mkdir()
    areas = np.random.default_rng(0).uniform(1e4, 3e4, 60)
    rows = [f"{i},{area},{10 * area}" for i, area in enumerate(areas)]
    file.write_text("\n".join(["Id,Area,SalePrice", *rows]))
    yield file
    load.cache_clear()


def test_a_changed_byte_of_the_data_is_named(homes: Path, nowhere: Journal) -> None:
    recipe = Recipe(
        data=Data("house_prices"), model=Model("linear"), loss="mse", batch_size=8, budget=Budget()
    )
    record = one(recipe)
    assert record.provenance.data_source == str(homes.parent)
    load.cache_clear()
    assert reproduced([record], nowhere)["equal"] == 1
    homes.write_text(homes.read_text().replace("\n7,", "\n7,1"))
    load.cache_clear()
    (trial,) = reproduced([record], nowhere)["trials"]
    assert trial["first"]["quantity"] == "data digest"
    assert "data digest" in {change["what"] for change in trial["changed"]}


def test_what_has_changed_is_listed(nowhere: Journal) -> None:
    record = one()
    ran = dataclasses.replace(
        record.provenance,
        packages={**record.provenance.packages, "torch": "2.0.0"},
        threads=2,
        instructions=("avx",),
        commit="0" * 40,
        dirty=False,
        libraries={},
    )
    (now,) = rerun([record], {}, {}).values()
    found = {
        change.what: change
        for change in changes(dataclasses.replace(record, provenance=ran), now, True)
    }
    assert found["package torch"].then == "2.0.0"
    assert found["package torch"].now == str(torch.__version__).partition("+")[0]
    assert (found["threads"].then, found["threads"].now) == (2, 1)
    assert found["instructions"].then == ("avx",)
    assert not any(name.startswith("library") for name in found)  # not recorded: nothing to say
    assert changes(record, now, True) == []
    assert [one.what for one in changes(record, now, False)] == ["SEMANTICS_VERSION"]


def test_a_trial_runs_again_with_the_threads_it_had(nowhere: Journal) -> None:
    record = one()
    two = dataclasses.replace(record, provenance=dataclasses.replace(record.provenance, threads=2))
    (again,) = rerun([two], {}, {}).values()
    assert again.provenance.threads == 2
    (again,) = rerun([two], {}, {"threads": 1}).values()
    assert again.provenance.threads == 1 == torch.get_num_threads()


CURVES = {"validation/loss": [(1.0, 0.5), (2.0, 0.25)], "gradient/norm": [(2.0, 1.0)]}


def outcome(**changed: Any) -> Outcome:
    given = {"status": Status.FINISHED, "final": {"cost/steps": 20.0}, "curves": CURVES}
    return Outcome(**given | changed)


def test_the_first_difference_is_the_first_in_time() -> None:
    later = {"gradient/norm": [(2.0, 9.0)], "validation/loss": [(1.0, 0.5), (2.0, 9.0)]}
    found = first_divergence(outcome(), outcome(curves=later, weights_digest="1"))
    assert found is not None
    assert (found.quantity, found.epoch, found.step) == ("gradient/norm", 2.0, 20)
    shorter = {"validation/loss": [(1.0, 0.5)]}
    missing = first_divergence(outcome(), outcome(curves=shorter))
    assert missing is not None
    assert (missing.epoch, missing.now) == (2.0, None)
    assert first_divergence(outcome(), outcome()) is None


def test_seconds_never_differ() -> None:
    timed = [
        outcome(
            final={"cost/seconds": seconds, "pipeline/idle_share": seconds},
            curves={"cost/seconds": [(1.0, seconds)]},
        )
        for seconds in (1.0, 2.0)
    ]
    discovery.load("model_parallelism")  # whose metric is a share of time
    assert first_divergence(*timed) is None
    once, again = (dataclasses.replace(one(), outcome=outcome) for outcome in timed)
    assert decided(once) == decided(again)


def test_a_metric_says_itself_whether_a_clock_measures_it() -> None:
    with mock.patch.dict(METRICS):
        define_metric("own/pace", "how quick it is", clock=True)
        define_metric("own/time", "how often it is time", clock=False)
        define_metric("own/seconds", "what it takes", unit="seconds")
        assert [is_timed(f"own/{name}") for name in ("pace", "time", "seconds")] == [1, 0, 1]
    assert is_timed("cost/examples_per_second") and not is_timed("target/steps")


def test_drift_is_the_largest_difference_at_each_epoch() -> None:
    other = {"validation/loss": [(1.0, 0.5), (2.0, 0.5)], "gradient/norm": [(2.0, 0.5)]}
    third = {"validation/loss": [(1.0, 1.0), (2.0, 0.3)], "gradient/norm": [(2.0, 1.0)]}
    table = drift(
        [
            (outcome(), outcome(curves=other)),
            (outcome(final={"test/loss": 1.0}), outcome(curves=third, final={"test/loss": 3.0})),
        ]
    )
    assert list(table.index) == ["1", "2", "end"]
    assert table.loc["1", "validation/loss"] == 0.5
    assert table.loc["2"].to_dict() == pytest.approx(
        {"validation/loss": 0.25, "gradient/norm": 0.5, "cost/steps": np.nan, "test/loss": np.nan},
        nan_ok=True,
    )
    assert table.loc["end", "test/loss"] == 2.0


def test_an_older_record_is_read_and_says_nothing_of_what_it_lacks() -> None:
    form = one().to_json()
    for field in ("diff", "instructions", "libraries", "gpu", "driver", "deterministic"):
        del form["provenance"][field]
    record = Record.from_json({**form, "format": FORMAT_VERSION - 1})
    (now,) = rerun([record], {}, {}).values()
    assert [change.what for change in changes(record, now, True) if change.what != "commit"] == []


def test_a_record_says_what_computed() -> None:
    ran = one().provenance
    assert ran.libraries["capability"] == torch.backends.cpu.get_cpu_capability()
    assert ran.libraries["blas"]
    assert ran.deterministic["algorithms"] == "error"
    assert ran.data_source.startswith("scikit-learn ")
    assert ran.threads == 1
    assert (ran.dirty, bool(ran.diff)) in ((True, True), (False, False))
    assert {"torch", "torchvision", "numpy", "scikit-learn"} <= ran.packages.keys()


def test_a_trial_that_hits_an_operation_without_a_deterministic_form_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = torch.tensor([1]), torch.tensor([2.0])
    monkeypatch.setattr(update_rules, "add_", lambda *_: torch.zeros(4).put_(*put))
    outcome = one().outcome
    assert outcome.status is Status.FAILED
    assert outcome.error.startswith(
        "RuntimeError: put_ does not have a deterministic implementation"
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    make_study(folder)
    suite_json(folder, "run", "tiny", "--tier", "smoke", "--seeds", "3")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file that a run writes, and what the database holds."""
    files = [file for file in folder.rglob("*") if file.is_file() and ".db" not in file.name]
    found = {
        str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.suffix != ".pyc"
    }
    with sqlite3.connect(folder / "mlflow.db") as connection:
        return found | {"db": "\n".join(connection.iterdump())}


def test_the_command_takes_a_study_a_trial_and_a_run_and_writes_nothing(store: Path) -> None:
    before = contents(store)
    form = suite_json(store, "reproduce", "tiny", "--sample", "2")
    assert (form["equal"], form["different"]) == (2, 0)
    assert [
        one["id"] for one in suite_json(store, "reproduce", "tiny", "--sample", "2")["trials"]
    ] == [one["id"] for one in form["trials"]]
    trial = form["trials"][0]["id"]
    assert suite_json(store, "reproduce", trial)["trials"][0]["id"] == trial
    with sqlite3.connect(store / "mlflow.db") as connection:
        query = "SELECT run_uuid FROM tags WHERE key = 'thumbrules.trial' AND value = ?"
        ((run,),) = connection.execute(query, (trial,)).fetchall()
    assert suite_json(store, "reproduce", run)["trials"][0]["id"] == trial
    assert contents(store) == before


def test_the_command_exits_with_1_where_a_trial_differs(store: Path, tmp_path: Path) -> None:
    make_study(tmp_path)
    true, false = (
        Journal(store / ".thumbrules/journal.jsonl"),
        Journal(tmp_path / ".thumbrules/journal.jsonl"),
    )
    (record, *_) = (one for one in true.records.values() if not one.alone)
    outcome = dataclasses.replace(record.outcome, weights_digest="0" * 64)
    false.add(dataclasses.replace(record, outcome=outcome))
    done = suite(tmp_path, "reproduce", record.id)
    assert done.returncode == 1, done.stderr
    assert "first difference: final weights" in done.stdout
    assert "0 of 1 trials gave the same bits" in done.stdout


WRONG = {
    "an unknown name": (("tiney",), "there is no trial, run or study 'tiney'", "'tiny'"),
    "an unknown run": (("0" * 32,), "has no trial of run 0000", "0"),
    "a setting": (("tiny", "--across", "thread=2"), "cannot change 'thread'", "'threads'"),
    "a strategy": (("tiny", "--across", "strategy=packd"), "no strategy 'packd'", "'packed'"),
    "threads": (("tiny", "--across", "threads=0"), "a number of 1 to 1024, not '0'", ""),
    "both": (("tiny", "--all", "--sample", "2"), "--sample or --all, not both", ""),
    "two": (("tiny", "--across", "threads=2", "--across", "threads=1"), "one thing at a time", ""),
    "no GPU": (("tiny", "--across", "device=cuda"), "no CUDA device here", "--device cpu"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_refused_in_one_line(
    store: Path, wrong: tuple[tuple[str, ...], str, str]
) -> None:
    arguments, message, hint = wrong
    if "device=cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    done = suite(store, "reproduce", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert hint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_failed_trial_has_nothing_to_compare(nowhere: Journal) -> None:
    nowhere.add(one(dataclasses.replace(TINY, data=Data("digits", train_examples=20_000))))
    with pytest.raises(RequestError, match="failed: it has no numbers"):
        wanted(next(iter(nowhere.records)), nowhere, "sqlite:///none.db", 3)


def test_verdicts_are_asked_again_with_the_new_numbers(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store)
    journal = Journal()
    (held,) = verdicts(journal, dict(list(journal.records.items())[:1]))
    assert (held.moved, held.unknown) == ((), "")

    def better(record: Record) -> Record:
        """Ten beats twenty by about a half; the rate in the middle is the best."""
        cell, seed = record.cell, record.seed
        accuracy = 0.9 - (0.5 + seed / 1e4) * (cell["batch_size"] == 20)
        tuned = 0.5 + 0.1 * (cell.get("optimizer.lr") == 0.03)
        final = {"test/accuracy": accuracy, "validation/accuracy": tuned}
        outcome = dataclasses.replace(record.outcome, final={**record.outcome.final, **final})
        return dataclasses.replace(record, outcome=outcome)

    (held,) = verdicts(journal, {one.id: better(one) for one in journal.records.values()})
    assert [verdict for _, _, verdict in held.moved] == ["supported"]


def test_a_record_alone_gives_the_trial() -> None:
    trial = Trial(
        "test", "main", {"widths": (8, 8)}, dataclasses.replace(TINY, model=Model(widths=(8, 8))), 3
    )
    (record,) = recorded((trial,))
    assert trial_of(record) == trial
    assert trial_of(record).id == record.id

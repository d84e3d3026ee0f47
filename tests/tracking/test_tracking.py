"""The journal keeps every record; MLflow gets each of them once, whatever happens in between."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import json
import math
import shutil
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.ground.errors import RequestError
from suite.tracking import saved_views
from suite.tracking.journal import Journal
from suite.tracking.mlflow_store import BEST, RECORD_FILE, TRIAL, Store
from suite.tracking.saved_views import ARM, CURVES, MAP, OURS, PREFIX, VARIED, SavedView, views_of
from suite.tracking.tracker import Tracker
from suite.runs.stores import untracked
from suite.vocabulary import discovery
from suite.vocabulary.record import Execution, Outcome, Record, Status
from tests.command_line import TINY_TRIALS, make_study, stored_trials, suite, suite_json
from tests.saved_views import state_of
from tests.synthetic import PROVENANCE


def record(trial: str = "a", status: Status = Status.FINISHED, **final: float) -> Record:
    outcome = Outcome(
        status=status,
        final=final,
        curves={"validation/loss": [(1.0, 0.5), (2.0, 0.25)]},
        data_digest="d" * 64,
        error="",
    )
    return Record(
        id=trial,
        study="tiny",
        part="main",
        cell={"batch_size": 10},
        recipe={"batch_size": 10},
        seed=0,
        alone=False,
        outcome=outcome,
        provenance=PROVENANCE,
    )


@given(st.dictionaries(st.text(max_size=9), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_record_survives_json(final: dict[str, float]) -> None:
    whole = record(**{f"x{name}": value for name, value in final.items()})
    assert Record.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_the_journal_gives_back_what_it_was_given(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for trial in "abc":
        journal.add(record(trial))
    journal.add_store("sqlite:///x")
    again = Journal(tmp_path / "journal.jsonl")
    assert again.records == {trial: record(trial) for trial in "abc"}
    assert again.stores == {"sqlite:///x"}


def test_a_failed_trial_counts_as_unfinished_and_a_diverged_one_does_not(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add(record("a", Status.FAILED))
    journal.add(record("b", Status.DIVERGED))
    assert not journal.has("a")
    assert journal.has("b")


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.add(record("a"))
    journal.add(record("b"))
    path.write_bytes(path.read_bytes()[:-cut])
    torn = Journal(path)
    assert set(torn.records) == {"a"}
    torn.add(record("c"))
    assert set(Journal(path).records) == {"a", "c"}


def test_a_changed_byte_is_refused_by_line_number(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.add(record("a", loss=0.125))
    journal.add(record("b"))
    path.write_text(path.read_text().replace("0.125", "0.126"))
    read = Journal(path)
    with pytest.raises(RequestError, match=r"line 1 is damaged \(its digest"):
        read.has("a")
    assert read.records["b"] == record("b")  # one trial's damage is no other's


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder root cannot write")
def test_a_journal_that_cannot_be_written_says_so() -> None:
    with pytest.raises(RequestError, match="cannot be written"):
        Journal(Path("/proc/thumbrules/journal.jsonl")).add(record())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return Store(f"sqlite:///{tmp_path}/mlflow.db")


def test_a_run_in_mlflow_holds_the_whole_record(store: Store) -> None:
    whole = record("a", **{"test/accuracy": 0.75})
    store.log(whole, stale=None)
    run = store.runs("tiny")["a"]
    assert list(store.records("tiny", set())) == [whole]
    assert run.data.params["batch_size"] == "10"
    assert run.data.params["optimizer.lr"] == "0.1"
    assert run.data.metrics["test/accuracy"] == 0.75
    history = store.client.get_metric_history(run.info.run_id, "validation/loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.25)]
    assert run.inputs.dataset_inputs[0].dataset.digest == "d" * 16
    assert run.info.run_name == "batch_size 10, seed 0"


def test_curves_longer_than_a_batch_arrive_whole(store: Store) -> None:
    curve = [(float(epoch), 1.0 / epoch) for epoch in range(1, 2501)]
    outcome = dataclasses.replace(record().outcome, curves={"validation/loss": curve})
    store.log(dataclasses.replace(record(), outcome=outcome), stale=None)
    run = store.runs("tiny")["a"]
    history = store.client.get_metric_history(run.info.run_id, "validation/loss")
    assert len(history) == 2500


def test_a_run_cut_short_is_replaced(store: Store) -> None:
    tags = {"thumbrules.kind": "trial", "thumbrules.trial": "a"}
    store.client.create_run(store.experiment("tiny"), tags=tags)
    stale = store.runs("tiny")["a"]
    assert list(store.records("tiny", set())) == []
    store.log(record("a"), stale=stale)
    assert list(store.records("tiny", set())) == [record("a")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tiny` has run."""
    folder = tmp_path_factory.mktemp("finished")
    make_study(folder)
    form = suite_json(folder, "run", "tiny")
    assert (form["ran"], form["cached"]) == (TINY_TRIALS, 0)
    return folder


def test_every_trial_is_in_the_store_once(finished: Path) -> None:
    assert len(stored_trials(finished)) == TINY_TRIALS


def test_a_second_run_finds_everything_and_logs_nothing_twice(finished: Path) -> None:
    before = stored_trials(finished)
    form = suite_json(finished, "run", "tiny")
    assert (form["ran"], form["cached"]) == (0, TINY_TRIALS)
    assert stored_trials(finished) == before


def test_mlflow_alone_gives_the_same_verdicts_and_trials(finished: Path, tmp_path: Path) -> None:
    wanted = suite_json(finished, "verdicts", "tiny")
    make_study(tmp_path)
    uri = {"MLFLOW_TRACKING_URI": f"sqlite:///{finished}/mlflow.db"}
    assert suite_json(tmp_path, "verdicts", "tiny", **uri) == wanted
    shutil.rmtree(tmp_path / ".thumbrules")
    form = suite_json(tmp_path, "run", "tiny", **uri)
    assert (form["ran"], form["cached"]) == (0, TINY_TRIALS)
    assert len(stored_trials(finished)) == TINY_TRIALS


def test_a_dead_tracking_server_loses_nothing(tmp_path: Path) -> None:
    make_study(tmp_path)
    dead = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = suite(tmp_path, "run", "tiny", "--tier", "smoke", "--json", **dead)
    assert done.returncode == 1
    assert "took no more records" in done.stderr
    assert "Traceback" not in done.stderr
    count = json.loads(done.stdout)["ran"]
    form = suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    assert (form["ran"], form["cached"]) == (0, count)
    assert len(stored_trials(tmp_path)) == count


def test_only_timed_trials_have_seconds(finished: Path) -> None:
    store = Store(f"sqlite:///{finished}/mlflow.db")
    for run in store.runs("tiny").values():
        timed = run.data.tags["thumbrules.part"] == "timing"
        assert ("cost/seconds" in run.data.metrics) == timed
        form = store._read(run.info.run_id, RECORD_FILE)
        assert form["alone"] == timed


def test_evaluations_between_epochs_are_counted_so_that_none_is_lost(store: Store) -> None:
    curve = [(0.5, 4.0), (1.0, 3.0), (1.5, 2.0), (2.0, 1.0)]
    outcome = dataclasses.replace(
        record().outcome, curves={"validation/loss": curve}, final={"validation/loss": 1.0}
    )
    store.log(dataclasses.replace(record(), outcome=outcome), stale=None)
    run = store.runs("tiny")["a"]
    assert run.data.metrics["validation/loss"] == 1.0
    history = store.client.get_metric_history(run.info.run_id, "validation/loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 4), (2, 3), (3, 2), (4, 1)]


def test_changed_claims_are_pointed_out(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    text = (tmp_path / "copy" / "studies" / "tiny.py").read_text()
    changed = text.replace('direction="higher"', 'direction="lower"')
    (tmp_path / "copy" / "studies" / "tiny.py").write_text(changed)
    (study,) = suite_json(tmp_path / "copy", "verdicts", "tiny")["studies"]
    assert study["claims_changed"]
    (study,) = suite_json(finished, "verdicts", "tiny")["studies"]
    assert not study["claims_changed"]


def test_a_store_that_has_them_all_is_not_searched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    def complete(*records: Record) -> list[str]:
        """Return which studies were searched for."""
        searched: list[str] = []
        whole = Store.runs
        monkeypatch.setattr(Store, "runs", lambda self, s: searched.append(s) or whole(self, s))
        tracker = Tracker(uri)
        tracker.open()
        tracker.complete("tiny", list(records))
        tracker.close()
        monkeypatch.setattr(Store, "runs", whole)
        assert tracker.error is None
        return searched

    assert complete(record("a"), record("b")) == ["tiny"]
    assert complete(record("a"), record("b")) == []
    assert complete(record("a"), record("b"), record("c")) == ["tiny"]
    assert set(Store(uri).runs("tiny")) == {"a", "b", "c"}


def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every opening of a store."""
    opened: list[str] = []
    whole = Tracker._open
    monkeypatch.setattr(Tracker, "_open", lambda self: opened.append(self.uri) or whole(self))
    return opened


def test_a_run_that_finds_everything_opens_no_store_and_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_study(tmp_path)
    first = suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    opened = loaded(monkeypatch)
    journal = (tmp_path / ".thumbrules" / "journal.jsonl").read_bytes()
    again = suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    assert again["studies"] == first["studies"]
    assert (again["ran"], opened) == (0, [])
    assert (tmp_path / ".thumbrules" / "journal.jsonl").read_bytes() == journal
    assert suite_json(tmp_path, "run", "tiny", "--tier", "smoke", "--seeds", "3")["ran"] > 0
    assert opened


def test_a_second_report_opens_no_store_and_keeps_its_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_study(tmp_path)
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    assert suite(tmp_path, "report").returncode == 0
    pages = {file: file.read_bytes() for file in (tmp_path / "reports/html").glob("*.html")}
    assert b"#/experiments/" in pages[tmp_path / "reports/html/tiny.html"]
    opened = loaded(monkeypatch)
    assert suite(tmp_path, "report").returncode == 0
    assert not opened
    assert pages == {file: file.read_bytes() for file in (tmp_path / "reports/html").glob("*.html")}


def test_an_empty_store_is_a_copy_of_one_that_is_kept_and_names_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        client = Store("sqlite:///mlflow.db").client
        (default,) = client.search_experiments()
        assert default.artifact_location == str(tmp_path / name / "mlruns" / "0")
        (kept,) = (tmp_path / "cache").rglob("empty-*.db")
        if name == "second":  # what is damaged is as good as none
            kept.write_bytes(kept.read_bytes()[:5000])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the tiny study ran, kept its models and was reported."""
    folder = tmp_path_factory.mktemp("kept")
    make_study(folder)
    assert suite(folder, "run", "tiny").returncode == 0
    done = suite(
        folder, "run", "tiny", "--keep-models"
    )  # when all is there, nothing opens the store
    assert "2 models of tiny kept in sqlite:///mlflow.db" in done.stderr
    assert suite(folder, "report").returncode == 0
    return folder


@pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow's, on its own type hints
def test_the_best_trial_of_each_arm_is_tagged_and_its_model_loads(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import numpy as np

    store = Store(f"sqlite:///{kept}/mlflow.db")
    runs = store.runs("tiny").values()
    marked = {run.data.tags[BEST]: run for run in runs if BEST in run.data.tags}
    assert set(marked) == {"batch size 10", "batch size 20"}
    for words, best in marked.items():
        same = [
            run.data.metrics["validation/accuracy"]
            for run in runs
            if run.data.params["batch_size"] == words.rsplit(" ", 1)[-1]
            and run.data.tags["thumbrules.part"] == "main"
        ]
        assert best.data.metrics["validation/accuracy"] == max(same)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
        with contextlib.chdir(kept):
            uri = f"runs:/{best.info.run_id}/model"
            model = mlflow.pyfunc.load_model(uri, model_config={"device": "cpu"})
        outputs = model.predict(np.zeros((3, 1, 8, 8), np.float32))
        assert outputs.shape == (3, 10)
        assert model.metadata.signature is not None
        assert best.info.status == "FINISHED"


def test_tags_of_the_best_move_with_the_results(kept: Path) -> None:
    store = Store(f"sqlite:///{kept}/mlflow.db")
    trials = sorted(store.runs("tiny"))[:2]
    before = {run.data.tags[TRIAL] for run in store.runs("tiny").values() if BEST in run.data.tags}
    store.mark("tiny", BEST, {trials[0]: "an arm"})
    after = {
        trial: run.data.tags[BEST]
        for trial, run in store.runs("tiny").items()
        if BEST in run.data.tags
    }
    assert after == {trials[0]: "an arm"}
    assert len(before) == 2


def test_a_run_has_logarithms_and_its_experiment_what_it_is_found_by(kept: Path) -> None:
    store = Store(f"sqlite:///{kept}/mlflow.db")
    for run in store.runs("tiny").values():
        params = run.data.params
        varied = run.data.tags["thumbrules.part"] == "main"
        assert ("log10 optimizer.lr" in params) == varied
        if varied:
            logarithm = float(params["log10 optimizer.lr"])
            assert logarithm == pytest.approx(math.log10(float(params["optimizer.lr"])), abs=1e-4)
        assert "log10 batch_size" not in params  # 10 and 20 are no more geometric than not
    tags = store.client.get_experiment(store.experiment("tiny")).tags
    assert tags["thumbrules.notebook"] == "notes"


def test_what_validation_chose_for_an_arm_is_tagged_a_trial_a_seed(kept: Path) -> None:
    store = Store(f"sqlite:///{kept}/mlflow.db")
    runs = store.runs("tiny").values()
    chosen = [run for run in runs if ARM in run.data.tags]
    arms = {(run.data.tags[ARM], run.data.params["seed"]) for run in chosen}
    assert len(chosen) == len(arms) == 2 * 3
    for one in chosen:
        assert one.data.tags[ARM] == f"batch size {one.data.params['batch_size']}"
        rivals = [
            run.data.metrics["validation/accuracy"]
            for run in runs
            if all(
                run.data.params[name] == one.data.params[name] for name in ("seed", "batch_size")
            )
            and run.data.tags["thumbrules.part"] == "main"
        ]
        assert one.data.metrics["validation/accuracy"] == max(rivals)


def test_views_are_saved_once_and_those_that_are_no_more_go(kept: Path) -> None:
    store = Store(f"sqlite:///{kept}/mlflow.db")
    execution = Journal(kept / ".thumbrules" / "journal.jsonl").latest("tiny")
    assert execution is not None

    def saved() -> dict[str, str]:
        tags = store.client.get_experiment(store.experiment("tiny")).tags
        return {key: value for key, value in tags.items() if key.startswith(PREFIX)}

    before = saved()
    assert set(before) == {PREFIX + one for one in OURS}
    with contextlib.chdir(kept):
        study = discovery.load("tiny")
    views = views_of(study, study.grids()[0], ["batch size 10", "batch size 20"])
    store.show(execution, views)
    assert saved() == before
    store.client.set_experiment_tag(store.experiment("tiny"), f"{PREFIX}mine", "a view of my own")
    store.show(execution, [view for view in views if view.id != MAP])
    assert set(saved()) == {*before, f"{PREFIX}mine"} - {PREFIX + MAP}
    assert not store.links(execution).map
    store.show(execution, views)
    store.client.delete_experiment_tag(store.experiment("tiny"), f"{PREFIX}mine")
    assert saved() == before


def test_views_of_a_store_without_logarithms_have_linear_axes(store: Store) -> None:
    store.log(record(), None)  # as an earlier version did: its study's file is not here
    card = {"type": "CONTOUR", "xaxis": {"key": "log10 optimizer.lr", "type": "PARAM"}}
    execution = Execution(
        study="tiny",
        tier="smoke",
        overrides={},
        only={},
        seeds=None,
        trials=["a"],
        command="",
        started=1.0,
    )
    store.show(execution, [SavedView(MAP, "a map", "", (card,))])
    value = store.client.get_experiment(store.experiment("tiny")).tags[PREFIX + MAP]
    (shown,) = state_of(value)["compareRunCharts"]
    assert shown["xaxis"]["key"] == "optimizer.lr"


def test_the_page_lies_beside_the_verdicts_and_links_to_every_cell_once(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"sqlite:///{kept}/mlflow.db")
    (run,) = store._verdict_runs("tiny")
    page = (kept / "reports" / "html" / "tiny.html").read_text()
    with contextlib.chdir(kept):
        files = {file.path for file in store.client.list_artifacts(run.info.run_id)}
    assert "tiny.html" in files
    execution = Journal(kept / ".thumbrules" / "journal.jsonl").latest("tiny")
    assert execution is not None
    saved = store.links(execution)
    for link in (*saved, f"viewStateShareKey={CURVES}", f"viewStateShareKey={VARIED}"):
        assert html.escape(link) in page
    monkeypatch.setattr(saved_views, "are_known", lambda: False)  # an MLflow before 3.16
    links = store.links(execution)
    assert not links.map and set(links).isdisjoint(filter(None, saved))
    assert "searchFilter" in links.charts
    query = urllib.parse.parse_qs(links.compared.partition("?")[2])
    compared = json.loads(query["runs"][0])
    cells = {
        (run.data.params["batch_size"], run.data.params["optimizer.lr"], run.data.params["seed"])
        for run in store.runs("tiny").values()
        if run.info.run_id in compared
    }
    assert len(compared) == len(cells) == 6
    assert {seed for *_, seed in cells} == {"0"}


class Refusing:
    """A store that will never take one study, and takes others."""

    def __init__(self, _uri: str) -> None:
        self.taken: list[str] = []

    def runs(self, study: str) -> dict[str, object]:
        return {}

    def log(self, record: Record, stale: object) -> None:
        if record.study == "bad":
            error = ValueError("Invalid name\nand more")
            error.error_code = "INVALID_PARAMETER_VALUE"  # type: ignore[attr-defined]
            raise error
        self.taken.append(record.study)


def test_what_a_store_refuses_of_one_study_it_does_not_lack_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tracker = Tracker("sqlite:///mlflow.db")
    tracker._store = Refusing("")  # type: ignore[assignment]
    records = [
        dataclasses.replace(record(), study=study, id=f"{i:016x}")
        for i, study in enumerate(["good", "bad", "bad", "other"])
    ]
    tracker.log(records)
    tracker.close()
    assert tracker._store.taken == ["good", "other"]  # type: ignore[union-attr]
    assert tracker.error is None
    assert list(tracker.refused) == ["bad"]
    said = untracked(tracker)
    assert said.endswith("all its records are safe in the journal")  # and no promise
    assert "does not take study 'bad' (Invalid name)" in said


def test_a_project_that_was_moved_or_copied_keeps_its_artifacts(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second's home", "third"))
    first.mkdir()
    make_study(first)
    assert suite(first, "run", "tiny", "--tier", "smoke").returncode == 0
    first.rename(second)
    done = suite(second, "run", "tiny", "--tier", "smoke", "--seeds", "3")
    assert done.returncode == 0
    assert f"its artifacts are in {second / 'mlruns'}" in done.stderr
    assert not first.exists()
    shutil.copytree(second, third)
    assert suite(third, "run", "tiny", "--tier", "smoke", "--seeds", "4").returncode == 0
    for folder, trials in ((second, 3 * 8), (third, 4 * 8)):
        assert len(list((folder / "mlruns").rglob(RECORD_FILE))) == trials
        with contextlib.chdir(folder):
            assert len(list(Store("sqlite:///mlflow.db").records("tiny", set()))) == trials

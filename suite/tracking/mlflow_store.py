"""MLflow, the store of record. The only file that imports mlflow.

A study is an experiment, a trial a flat run in it: MLflow's chart view plots only expanded rows,
so runs nested under a parent would leave every chart empty. One more run an execution, tagged as
such, carries the verdicts.

A run's parameters are the fields that its model, optimizer and schedule read, and the logarithms
of geometric axes' levels, for MLflow's axes are linear; the record beside them has all. A page links
to views saved in the experiment (`saved_views.py`), or, where there are none, to a study's charts
and to its compare view: one seed of every cell of the main part, so that what differs between the
runs is what was varied. The best trial of each claim's arm has the arm's words as its tag
`thumbrules.best`, and each that validation chose for an arm of the first claim as `thumbrules.arm`.
The experiment has the study's notebook, contexts and looks as tags. Its tag `thumbrules.records` is
a digest of the records that were all in it: a run deleted in MLflow's UI stays deleted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import math
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# mlflow's own patience with a server is minutes a call; a record waits in the journal instead.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    Metric,
    Param,
    Run,
    RunStatus,
    ViewType,
)
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient
from sqlalchemy import create_engine

from suite.ground.cache import cache_folder
from suite.ground.errors import RequestError
from suite.ground.identity import flatten
from suite.tracking import location, saved_views
from suite.tracking.saved_views import LOG, PART, SavedView
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.record import Execution, Links, Record, Status

# Loading mlflow sets up its own loggers, which announce every table they create.
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("mlflow.store").setLevel(logging.CRITICAL)  # what fails there is told in a line
logging.getLogger("alembic").setLevel(logging.WARNING)

TRIAL = "thumbrules.trial"
KIND = "thumbrules.kind"
HELD = "thumbrules.records"
CONTEXT = "thumbrules.context"
BEST = "thumbrules.best"
STATUS = "thumbrules.status"
PAGE = "thumbrules.page"
MODEL = "thumbrules.model"
COMPARED = 100  # runs that MLflow's page of parallel coordinates shows legibly
RECORD_FILE = "record.json"
EXECUTION_FILE = "execution.json"
FORGOTTEN = " (forgotten,"  # and its number; no study has such a name
ARTIFACTS = "mlruns"  # MLflow's folder of them, beside a store
PATHS = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
}  # columns that hold whole paths
NOTE = 5000  # Characters of an experiment's tag that every backend takes.
BATCH = 1000  # Metrics that MLflow takes in one call.


class Store:
    """A tracking store, by its URI."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        if not location.exists(uri):
            make_empty_store(location.file_of(uri))
        elif uri.startswith(location.SQLITE):
            follow(location.file_of(uri))
        if not uri.startswith(location.SQLITE) and not location.is_remote(uri):
            engine = create_engine(location.whole(uri))
            engine.connect().close()  # MLflow itself would try for minutes
        # By its whole path: MLflow keeps stores by their names, wherever this process works later.
        self.client = MlflowClient(tracking_uri=location.whole(location.identity(uri)))
        self._experiments: dict[str, str] = {}
        self._geometric: dict[str, frozenset[str]] = {}

    def experiment(self, study: str) -> str:
        """Return the id of a study's experiment, made if there is none."""
        if study not in self._experiments:
            found: Experiment | None = self.client.get_experiment_by_name(study)
            if found is not None and found.lifecycle_stage == "deleted":
                self.client.restore_experiment(found.experiment_id)
            made = found.experiment_id if found else self.client.create_experiment(study)
            self._experiments[study] = made
        return self._experiments[study]

    def forget(self, study: str) -> None:
        """Delete a study's experiment with all its runs, under another name.

        MLflow keeps what is deleted until `mlflow gc`, and with an experiment of the same name it
        would come back. One that a kill left with its other name is deleted by the next call.
        """
        found: Experiment | None = self.client.get_experiment_by_name(study)
        if found is not None:
            experiment = self.experiment(study)  # restored, if it was deleted under its own name
            self.client.rename_experiment(experiment, f"{study}{FORGOTTEN} {experiment})")
            del self._experiments[study]
        for left in self.client.search_experiments(ViewType.ACTIVE_ONLY):
            if left.name.startswith(f"{study}{FORGOTTEN} "):
                self.client.delete_experiment(left.experiment_id)

    def describe(self, study: str, note: str) -> None:
        """Write the note that the UI shows above a study's runs."""
        note = note[:NOTE]
        self.client.set_experiment_tag(self.experiment(study), "mlflow.note.content", note)

    def held(self, study: str) -> str:
        """Return what `hold` was last told of a study, or nothing."""
        tags: dict[str, str] = self.client.get_experiment(self.experiment(study)).tags
        return tags.get(HELD, "")

    def hold(self, study: str, records: str) -> None:
        """Note which records of a study are all here, by a digest."""
        self.client.set_experiment_tag(self.experiment(study), HELD, records)

    def runs(self, study: str) -> dict[str, Run]:
        """Return a study's trial runs by trial id, unfinished ones included."""
        found = self._search(study, f"tags.`{KIND}` = 'trial'")
        return {run.data.tags[TRIAL]: run for run in found}

    def run(self, study: str, trial: str) -> Run | None:
        """Return the run of one trial, if the store has one now."""
        return next(self._search(study, f"tags.`{TRIAL}` = '{trial}'"), None)

    def _search(self, study: str, query: str) -> Iterator[Run]:
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment(study)], query, ViewType.ACTIVE_ONLY, BATCH, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def studies(self) -> list[str]:
        """Return the names of all studies that have a run with verdicts."""
        names = [found.name for found in self.client.search_experiments()]
        return [name for name in names if next(self._verdict_runs(name), None) is not None]

    def records(self, study: str, known: set[str]) -> Iterator[Record]:
        """Yield the complete records of a study's runs, but for the trial ids in `known`."""
        if self.client.get_experiment_by_name(study) is None:
            return
        for trial, run in self.runs(study).items():
            if trial not in known and is_complete(run):
                yield Record.from_json(self._read(run.info.run_id, RECORD_FILE))

    def record(self, run_id: str) -> Record:
        """Return the record of a trial's run; raises what MLflow does if there is none."""
        return Record.from_json(self._read(run_id, RECORD_FILE))

    def _read(self, run_id: str, file: str) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = self.client.download_artifacts(run_id, file, folder)
            return json.loads(Path(path).read_text())

    def log(self, record: Record, stale: Run | None) -> None:
        """Write a record as a run, replacing `stale`, an unfinished or failed run of its trial.

        The run's end is set last: a run without one was cut short and will be replaced.
        """
        if stale is not None:
            self.client.delete_run(stale.info.run_id)
        outcome, ran = record.outcome, record.provenance
        info = self.client.create_run(
            self.experiment(record.study),
            start_time=_milliseconds(ran.started),
            tags=_tags(record),
            run_name=_words(record),
        ).info
        run_id = info.run_id
        params = _params(record) | self._logarithms(record)
        metrics = list(_metrics(record))
        given = [Param(path, str(value)) for path, value in params.items()]
        self.client.log_batch(run_id, metrics[:BATCH], given)
        for start in range(BATCH, len(metrics), BATCH):
            self.client.log_batch(run_id, metrics[start : start + BATCH])
        if outcome.data_digest:
            self.client.log_inputs(run_id, [_data_set(record, params["data.name"])])
        self._write(info.artifact_uri, record.to_json())
        failed = outcome.status is Status.FAILED
        status = RunStatus.to_string(RunStatus.FAILED if failed else RunStatus.FINISHED)
        self.client.set_terminated(run_id, status, _milliseconds(ran.finished))

    def _logarithms(self, record: Record) -> dict[str, float]:
        """Return the decimal logarithms of a cell's levels of geometric axes."""
        if record.study not in self._geometric:
            paths: frozenset[str] = frozenset()
            with contextlib.suppress(RequestError):  # its study's file is not here
                paths = saved_views.geometric(discovery.load(record.study))
            self._geometric[record.study] = paths
        return {
            f"{LOG}{path}": round(math.log10(level), 4)
            for path, level in record.cell.items()
            if path in self._geometric[record.study]
            and isinstance(level, int | float)
            and level > 0
        }

    def _write(self, artifacts: str, form: Any) -> None:
        """Write a record; the client's own call would first ask the store where to."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / RECORD_FILE
            path.write_text(json.dumps(form, indent=1))
            repository = get_artifact_repository(artifacts, tracking_uri=self.uri)
            repository.log_artifact(str(path))  # type: ignore[no-untyped-call]

    def executions(self, study: str) -> list[Execution]:
        """Return the latest execution, if the store has one."""
        for run in self._verdict_runs(study):
            return [Execution(**self._read(run.info.run_id, EXECUTION_FILE))]
        return []

    def log_execution(self, execution: Execution, findings: Any) -> None:
        """Write the run that carries an execution's verdicts, in place of the one before it."""
        old = list(self._verdict_runs(execution.study))
        tags = {KIND: "verdicts", "thumbrules.tier": execution.tier}
        name = f"verdicts, {execution.tier} tier"
        experiment = self.experiment(execution.study)
        run_id = self.client.create_run(experiment, tags=tags, run_name=name).info.run_id
        self.client.log_text(run_id, json.dumps(findings, indent=1), "findings.json")
        form = json.dumps(dataclasses.asdict(execution))
        self.client.log_text(run_id, form, EXECUTION_FILE)
        self.client.set_terminated(run_id)
        for run in old:
            self.client.delete_run(run.info.run_id)

    def _verdict_runs(self, study: str) -> Iterator[Run]:
        if self.client.get_experiment_by_name(study) is not None:
            yield from self._search(study, f"tags.`{KIND}` = 'verdicts'")

    def mark(self, study: str, tag: str, words_of: Mapping[str, str]) -> None:
        """Tag trials with the words of the arms that they are of, by id, and no others."""
        marked = {run.data.tags[TRIAL]: run for run in self._search(study, f"tags.`{tag}` != ''")}
        for trial in marked.keys() - words_of.keys():
            self.client.delete_tag(marked[trial].info.run_id, tag)
        for trial, words in words_of.items():
            run = marked.get(trial) or self.run(study, trial)
            if run is not None and run.data.tags.get(tag) != words[:NOTE]:
                self.client.set_tag(run.info.run_id, tag, words[:NOTE])

    def label(self, study: str, tags: Mapping[str, str]) -> None:
        """Give a study's experiment tags to be found by."""
        for name, value in tags.items():
            self.client.set_experiment_tag(self.experiment(study), name, value[:NOTE])

    def show(self, execution: Execution, views: Sequence[SavedView]) -> None:
        """Save views in a study's experiment, in place of those before; none if MLflow knows none."""
        if not saved_views.are_known():
            return
        experiment = self.experiment(execution.study)
        # The oldest run says what all have: one of an earlier version has no logarithms.
        found = self.client.search_runs(
            [experiment],
            f"tags.`{PART}` = 'main'",
            max_results=1,
            order_by=["attributes.start_time ASC"],
        )
        data = found[0].data if found else None
        if data is None or not any(path.startswith(LOG) for path in data.params):
            views = [view.linear() for view in views]
        metrics = data.metrics if data else {}
        moment = _milliseconds(execution.started)
        wanted = dict(saved_views.tag_of(view, metrics, moment) for view in views)
        kept = self.client.get_experiment(experiment).tags
        for key, value in wanted.items():
            if kept.get(key) != value:
                self.client.set_experiment_tag(experiment, key, value)
        for key in (saved_views.PREFIX + one for one in saved_views.OURS):
            if key in kept and key not in wanted:
                self.client.delete_experiment_tag(experiment, key)

    def keep_model(self, study: str, trial: str, network: Any, example: Any, outputs: Any) -> None:
        """Log a network as the model of a trial's run, with the signature of what it maps to what."""
        run = self.run(study, trial)
        if run is None or MODEL in run.data.tags:
            return
        import mlflow

        mlflow.set_tracking_uri(location.whole(location.identity(self.uri)))
        with mlflow.start_run(run_id=run.info.run_id):
            mlflow.pytorch.log_model(
                network,
                name="model",
                signature=mlflow.models.infer_signature(example, outputs),
                input_example=example,
                # Left to itself, MLflow starts a process to find out what the model imports.
                pip_requirements=[f"torch=={version('torch')}", "thumbrules"],
            )
            mlflow.set_tag(MODEL, "model")
        self.client.set_terminated(run.info.run_id, run.info.status, run.info.end_time)

    def attach(self, study: str, page: Path) -> None:
        """Keep a page as an artifact of the run that carries a study's verdicts, which UIs show."""
        digest = hashlib.sha256(page.read_bytes()).hexdigest()
        for run in self._verdict_runs(study):
            if run.data.tags.get(PAGE) != digest:
                self.client.log_artifact(run.info.run_id, str(page))
                self.client.set_tag(run.info.run_id, PAGE, digest)

    def links(self, execution: Execution) -> Links:
        """Return the paths, below the UI's address, of a run's trials.

        Where no views are saved, its charts draw the newest ten runs: of one part, lest they be a
        probe's, which has no curves.
        """
        experiment = self.experiment(execution.study)
        if saved := self._saved(experiment):
            return Links(*(saved.get(one, "") for one in saved_views.OURS))
        found = self._finished(execution, f"tags.`{PART}` = 'main'")
        found = found or self._finished(execution, f"tags.`{KIND}` = 'trial'")
        part = found[0].data.tags[PART] if found else ""
        runs = [run.info.run_id for run in found if run.data.tags[PART] == part][:COMPARED]
        shown = {"compareRunsMode": "CHART"}
        if part:
            shown["searchFilter"] = f"tags.`{PART}` = '{part}'"
        charts = f"#/experiments/{experiment}/runs?{urlencode(shown, quote_via=quote)}"
        given = urlencode({"runs": json.dumps(runs), "experiments": json.dumps([experiment])})
        return Links(charts, compared=f"#/compare-runs?{given}" if len(runs) > 1 else "")

    def _saved(self, experiment: str) -> dict[str, str]:
        """Return the paths of the views that an experiment has, by id, where MLflow knows them."""
        tags = self.client.get_experiment(experiment).tags if saved_views.are_known() else {}
        return {
            one: saved_views.address(experiment, one)
            for one in saved_views.OURS
            if saved_views.PREFIX + one in tags
        }

    def _finished(self, execution: Execution, query: str) -> list[Run]:
        """Return the finished trials of an execution at the first seed, of those that a query finds."""
        wanted = set(execution.trials)
        return [
            run
            for run in self._search(execution.study, f"{query} and params.seed = '0'")
            if run.data.tags[TRIAL] in wanted and run.data.tags[STATUS] == Status.FINISHED
        ]


def follow(file: Path) -> None:
    """Let a store that was moved or copied with its artifacts find them: MLflow keeps whole paths.

    They are looked for beside the store, where MLflow has put them, if they are there.
    """
    here = file.resolve().parent / ARTIFACTS
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        asked = database.execute("SELECT experiment_id, artifact_location FROM experiments")
        places = [Path(place) for one, place in asked if (here / str(one)).is_dir()]
        moved = {one.parent for one in places if one.parent.name == ARTIFACTS} - {here}
        for old in moved:
            for table, column in PATHS.items():
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608
                    f"WHERE substr({column}, 1, ?) = ?",
                    (str(here), len(str(old)) + 1, len(str(old)) + 1, f"{old}/"),
                )
            print(
                f"{file} was moved from {old.parent}: its artifacts are in {here}", file=sys.stderr
            )


def make_empty_store(file: Path) -> None:
    """Make an empty store, wholly or not at all: MLflow cannot go on where a kill stopped it.

    MLflow takes five seconds for it. What it made is kept, and the next new store is a copy.
    """
    partial = file.resolve().with_name(f"{file.name}.partial")
    for stale in (partial, partial.with_name(f"{partial.name}-journal")):
        stale.unlink(missing_ok=True)
    empty = cache_folder() / f"empty-{version('mlflow')}.db"
    if not _copied(empty, partial):
        MlflowClient(tracking_uri=f"{location.SQLITE}{partial}").search_experiments(max_results=1)
        _keep_empty(partial, empty)
    partial.replace(file)


def _copied(empty: Path, file: Path) -> bool:
    """Copy an empty store that was kept, if there is one and it is whole."""
    try:
        shutil.copyfile(empty, file)
        with contextlib.closing(sqlite3.connect(file)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except (OSError, sqlite3.Error):
        file.unlink(missing_ok=True)
        return False


def _keep_empty(made: Path, empty: Path) -> None:
    """Keep an empty store for the next; a full or read-only disk is no fault.

    Its default experiment names this folder: MLflow makes one anew where there is none.
    """
    with contextlib.suppress(OSError, sqlite3.Error):
        empty.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=empty.parent) as folder:
            copy = Path(folder) / empty.name
            shutil.copyfile(made, copy)
            with contextlib.closing(sqlite3.connect(copy)) as connection, connection:
                connection.execute("DELETE FROM experiments")
            copy.replace(empty)


def is_complete(run: Run) -> bool:
    """Say whether a run was written to its end; one that still runs was cut short."""
    return bool(run.info.status == "FINISHED")


def _tags(record: Record) -> dict[str, str]:
    ran = record.provenance
    tags = {
        KIND: "trial",
        TRIAL: record.id,
        PART: record.part,
        CONTEXT: record.part.partition("@")[2],
        STATUS: str(record.outcome.status),
        "thumbrules.strategy": ran.strategy,
        "thumbrules.weights_digest": record.outcome.weights_digest,
        "mlflow.source.name": ran.command,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": ran.commit,
        "mlflow.note.content": record.outcome.error,
    }
    return {key: value for key, value in tags.items() if value}


def _words(record: Record) -> str:
    return Trial(record.study, record.part, record.cell, Recipe(), record.seed).words


def _params(record: Record) -> dict[str, Any]:
    """Return the fields that a trained recipe reads by path, or a probe's cell, and the seed."""
    if record.is_probe:
        return {"probe": record.recipe["function"], **record.cell, "seed": record.seed}
    try:
        read = flatten(discovery.recipe_of(record))
    except RequestError:  # its study's file is not here: of its recipe we know what is written
        read = flatten(Recipe()) | _dotted(record.recipe)
    digests = {
        path: value
        for path, value in _dotted(record.recipe).items()
        if path.endswith((".code", ".digest"))
    }
    return read | digests | _named(record.cell, read) | {"seed": record.seed}


def _dotted(form: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a canonical form by dotted paths."""
    flat: dict[str, Any] = {}
    for name, value in form.items():
        inner = isinstance(value, Mapping)
        flat |= _dotted(value, f"{prefix}{name}.") if inner else {prefix + name: value}
    return flat


def _named(cell: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """Return the levels of a cell that have names of their own: a parameter to group runs by."""
    return {path: level for path, level in cell.items() if path not in read}


def _metrics(record: Record) -> Iterator[Metric]:
    """Yield final values at the last epoch, then curves by epoch, all of one moment.

    The UI's compare view begins with the metric that was logged first: test accuracy.
    """
    outcome = record.outcome
    moment = _milliseconds(record.provenance.finished)
    # MLflow's steps are whole numbers; where any evaluation lies between epochs, all are counted.
    epochs = [epoch for curve in outcome.curves.values() for epoch, _ in curve]
    by_epoch = all(float(epoch).is_integer() for epoch in epochs)
    steps = {
        name: [int(epoch) if by_epoch else index for index, (epoch, _) in enumerate(curve, start=1)]
        for name, curve in outcome.curves.items()
    }
    last = max((at[-1] for at in steps.values() if at), default=0)
    for name in sorted(outcome.final, key=lambda name: name != "test/accuracy"):
        if name not in steps:
            yield Metric(name, outcome.final[name], moment, last)
    for name, curve in outcome.curves.items():
        for step, (_, value) in zip(steps[name], curve, strict=True):
            yield Metric(name, value, moment, step)


def _data_set(record: Record, name: str) -> DatasetInput:
    digest = record.outcome.data_digest[:16]
    data = Dataset(name, digest, "local", json.dumps({"name": name}))
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)

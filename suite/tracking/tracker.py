"""Carrying records from the journal to MLflow, on a thread of its own and never twice.

A machine without mlflow is no failure: a run then ends with 0 and one line that says how to carry
the records home, for no trial and no store has failed. A store that is there and does not answer
still means 1.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.ground.identity import digest
from suite.tracking import location
from suite.tracking.saved_views import ARM, SavedView
from suite.tracking.written import Written
from suite.vocabulary.record import Execution, Links, Record

if TYPE_CHECKING:
    from mlflow.entities import Run

    from suite.tracking.mlflow_store import Store

# What MLflow says of something that it will never take.
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")
log = logging.getLogger(__name__)


class Tracker:
    """A queue in front of the store. Work is done in order, beside training.

    Whatever the store refuses stays in the journal, and the next run carries it over.

    Attributes:
        error: the first reason why the store took no more, or None; an ImportError if mlflow
            cannot be imported here.
        refused: by study, why the store took none of it, while it took others'.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.written = Written(uri)
        self.error: Exception | None = None
        self.refused: dict[str, Exception] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tracking")
        self._store: Store | None = None
        self._runs: dict[str, dict[str, Run]] = {}
        self._logged: set[tuple[str, str]] = set()
        self._pending: list[Future[None]] = []

    @property
    def absent(self) -> bool:
        """Whether there is no mlflow here to write with: no fault of the store."""
        return isinstance(self.error, ImportError)

    def open(self) -> None:
        """Begin to load mlflow and open the store; takes seconds, but not the caller's."""
        self._submit(self._open)

    def _open(self) -> None:
        self._need()

    def contents(self, study: str, known: set[str], executions: bool) -> list[Record | Execution]:
        """Wait for and return a study's records, but for the trial ids in `known`.

        With `executions`, the latest execution comes after them.
        """
        found: list[Record | Execution] = []

        def work() -> None:
            found.extend(self._need().records(study, known))
            if executions:
                found.extend(self._need().executions(study))

        self._submit(work)
        self.wait()
        return found

    def record(self, run: str) -> Record | None:
        """Wait for and return the record of a run, by its id; None if the store cannot say."""
        found: list[Record] = []
        self._submit(lambda: found.append(self._need().record(run)))
        self.wait()
        return found[0] if found else None

    def log(self, records: Iterable[Record]) -> None:
        """Write those of the records that the store does not have."""
        for record in records:
            self._submit(functools.partial(self._log, record), record.study)

    def complete(self, study: str, records: list[Record]) -> None:
        """Write those of a study's records that the store lacks.

        A store that was completed with the same ones is not searched: 9,000 runs take 14 s.
        """
        wanted = digest([[record.id, record.provenance.finished] for record in records])

        def work() -> None:
            store = self._need()
            if store.held(study) != wanted:
                for record in records:
                    self._log(record)
                store.hold(study, wanted)

        self._once(study, "records", wanted, work)

    def _log(self, record: Record) -> None:
        from suite.tracking.mlflow_store import is_complete

        key = (record.study, record.id)
        if key in self._logged:
            return
        store = self._need()
        if record.study not in self._runs:
            self._runs[record.study] = store.runs(record.study)
        there = self._runs[record.study].get(record.id)
        if location.is_remote(self.uri):
            there = store.run(record.study, record.id)  # others may have logged it meanwhile
        if there is None or not is_complete(there):
            store.log(record, stale=there)
        self._logged.add(key)

    def conclude(
        self,
        execution: Execution,
        note: str,
        findings: Any,
        *,
        best: Mapping[str, str],
        arms: Mapping[str, str],
        labels: Mapping[str, str],
        views: Sequence[SavedView],
    ) -> None:
        """Write a study's note, the run that carries its verdicts, its views, and what is tagged.

        Args:
            best: trials that are best of an arm, by id, with the arm's words.
            arms: trials that validation chose for an arm of the first claim.
            labels: tags of the experiment.
        """
        study = execution.study

        def work() -> None:
            from suite.tracking.mlflow_store import BEST

            store = self._need()
            store.describe(study, note)
            store.log_execution(execution, findings)
            self.written.note(study, "page", None)  # which lay beside the verdicts before
            store.mark(study, BEST, best)
            store.mark(study, ARM, arms)
            store.label(study, labels)
            store.show(execution, views)
            self.written.note(study, "links", None)

        shown = [dataclasses.asdict(view) for view in views]
        said = [execution.started, note, findings, dict(best), dict(arms), dict(labels), shown]
        self._once(execution.study, "verdicts", said, work)

    def keep_model(self, study: str, trial: str, network: Any, example: Any, outputs: Any) -> None:
        """Write a trial's network as a model, unless the store has it; returns when it is there."""
        self._submit(lambda: self._need().keep_model(study, trial, network, example, outputs))
        self.wait()

    def forget(self, study: str) -> None:
        """Remove what the store has of a study, and what is known of that; returns when it is done."""
        self.written.forget(study)
        self._submit(lambda: self._need().forget(study))
        self.wait()

    def attach(self, study: str, page: Path) -> None:
        """Put a study's page beside its verdicts, in place of an older one."""
        content = hashlib.sha256(page.read_bytes()).hexdigest()
        self._once(study, "page", content, lambda: self._need().attach(study, page))

    def links(self, executions: Iterable[Execution]) -> dict[str, Links]:
        """Return the UI's paths for the trials of runs, by study; none if the store cannot be asked."""
        found: dict[str, Links] = {}

        def work(execution: Execution) -> None:
            links = self._need().links(execution)
            found[execution.study] = links
            self.written.note(execution.study, "links", [execution.started, links._asdict()])

        for one in executions:
            kept = self.written.recall(one.study, "links")
            if kept and kept[0] == one.started and isinstance(kept[1], dict):
                found[one.study] = Links(**kept[1])
            else:
                self._submit(functools.partial(work, one))
        self.wait()
        return found

    def wait(self) -> None:
        """Return when everything handed over so far is written or given up."""
        pending, self._pending = self._pending, []
        for future in pending:
            future.result()

    def close(self) -> None:
        self.wait()
        self._thread.shutdown()

    def _need(self) -> Store:
        if self._store is None:
            from suite.tracking.mlflow_store import Store

            self._store = Store(self.uri)
        return self._store

    def _once(self, study: str, thing: str, content: Any, work: Callable[[], None]) -> None:
        """Do some work unless the store has what it would write; note that it has it then."""
        content = digest(content)
        if self.written.recall(study, thing) == content:
            return

        def noted() -> None:
            work()
            self.written.note(study, thing, content)

        self._submit(noted, study)

    def _submit(self, work: Callable[[], None], study: str = "") -> None:
        self._pending.append(self._thread.submit(self._guarded, work, study))

    def _guarded(self, work: Callable[[], None], study: str) -> None:
        """Do some work unless the store, or what it has of that study, has failed before."""
        if self.error is not None or study in self.refused:
            return
        try:
            work()
        except Exception as error:  # of whatever kind: tracking must not stop training
            log.debug("tracking failed", exc_info=True)
            if study and getattr(error, "error_code", "") in REFUSALS:
                self.refused[study] = error
            else:
                self.error = error

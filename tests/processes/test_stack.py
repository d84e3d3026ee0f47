"""Stacks of cells in worker processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from suite.execution.packed import Packed
from suite.execution.pool import run_bundle
from suite.execution.strategy import Bundle, Finished
from suite.tracking.journal import Journal
from suite.vocabulary.record import Status
from tests.command_line import make_study, suite_json
from tests.training.test_stack import DIGITS, trial


def _die_with_seed_one(bundle: Bundle, device: str, checkpoints: None) -> list[Finished]:
    if any(one.seed == 1 for one in bundle):
        os.kill(os.getpid(), signal.SIGKILL)
    return run_bundle(bundle, device)


def test_a_bundle_whose_worker_dies_is_run_trial_by_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.execution.packed.run_bundle", _die_with_seed_one)
    trials = tuple(trial(DIGITS, seed) for seed in range(4))
    with Packed("cpu", 2) as strategy:
        finished = {one.trial.seed: one for one in strategy.run([trials])}
    assert sorted(finished) == [0, 1, 2, 3]
    failed = {seed for seed, one in finished.items() if one.outcome.status is Status.FAILED}
    assert failed == {1}
    assert all(one.cohort == () for one in finished.values())


def test_a_study_concludes_the_same(tmp_path: Path) -> None:
    make_study(tmp_path)
    packed = suite_json(tmp_path, "run", "tiny")
    (tmp_path / "other").mkdir()
    make_study(tmp_path / "other")
    stacked = suite_json(tmp_path / "other", "run", "tiny", "--strategy", "vectorised")
    for one, other in zip(packed["studies"], stacked["studies"], strict=True):
        for finding, same in zip(one["findings"], other["findings"], strict=True):
            assert same["estimate"] == pytest.approx(finding["estimate"], abs=1e-3)
            assert same["verdict"] == finding["verdict"]
    records = Journal(tmp_path / "other" / ".thumbrules" / "journal.jsonl").records.values()
    assert {len(record.provenance.cohort) for record in records} == {0, 9}
    assert {record.provenance.strategy for record in records} == {"vectorised", "packed"}

"""Probes by every strategy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import make_study, suite, suite_json
from tests.evidence.test_kinds_of_claim import PROBE_STUDY


@pytest.mark.parametrize("strategy", ["sequential", "packed"])
def test_probes_run_by_every_strategy(tmp_path: Path, strategy: str) -> None:
    make_study(tmp_path, PROBE_STUDY, "roots")
    done = suite(tmp_path, "run", "roots", "--strategy", strategy, "--json")
    assert done.returncode == 1, done.stderr  # trials failed, as they should
    verdicts = [
        one["verdict"] for one in suite_json(tmp_path, "verdicts")["studies"][0]["findings"]
    ]
    assert verdicts == ["supported", "supported", "supported"]

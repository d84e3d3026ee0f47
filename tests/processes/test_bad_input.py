"""Wrong requests that only a process that trains can find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import suite
from tests.commands.test_bad_input import workplace


@pytest.mark.parametrize("strategy", ["sequential", "packed"])
def test_data_that_cannot_be_had_stop_a_run_before_it_begins(
    strategy: str, workplace: Path
) -> None:
    done = suite(
        workplace, "run", "tiny", "--strategy", strategy, "--set", "data.train_examples=5000"
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "'digits' has" in done.stderr
    assert [path.name for path in workplace.iterdir()] == ["studies"]

"""Each benchmark leaves a table; all are printed at the end, and saved with pytest-benchmark's JSON."""

from __future__ import annotations

from typing import Any

import pytest

from reports.pages.benchmarks import Table, as_text


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    for one in session.benchmarks if session else ():
        if table := one.extra_info.get("table"):
            terminalreporter.write_line("\n" + as_text(Table(**table)))

"""Each benchmark leaves a table; all are printed at the end, and saved with pytest-benchmark's JSON."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    for one in session.benchmarks if session else ():
        if table := one.extra_info.get("table"):
            frame = pd.DataFrame(table["rows"], columns=table["columns"])
            rows = frame.to_string(index=False, float_format="{:.2f}".format)
            terminalreporter.write_line(f"\n{table['title']}\n{rows}")

"""A program without a bug fits its batch; one that cannot learn does not."""

import pytest

from studies import one_batch as study
from suite.seeds import seeded

CELL = {"check": "one batch", "data": "digits", "network": "mlp", "steps": 200}


@pytest.mark.parametrize(
    ("bug", "found"), [("sound 1", False), ("no update", True), ("softmax twice", True)]
)
def test_what_one_batch_finds(bug: str, found: bool) -> None:
    with seeded(0):
        assert study.alarm(bug, CELL, 0) == found

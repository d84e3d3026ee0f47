"""The ids of all trials of all studies are frozen: results of years hang on them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from suite.vocabulary import discovery
from suite.vocabulary.study import TIERS

# Study, tier, number of trials and a digest of their ids in order. A study whose grid changes, or
# whose probes change, gets new lines, and its commit says so; no other change moves a line.
FROZEN = Path(__file__).with_name("ids.txt").read_text().splitlines()


def lines_of(name: str) -> list[str]:
    study = discovery.load(name)
    lines = []
    for tier in TIERS:
        ids = [trial.id for trial in study.trials(study.grids(tier))]
        digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
        lines.append(f"{name} {tier} {len(ids)} {digest}")
    return lines


@pytest.mark.parametrize("name", discovery.names())
def test_the_ids_of_a_study_are_what_they_were(name: str) -> None:
    assert lines_of(name) == [line for line in FROZEN if line.startswith(f"{name} ")]


def test_every_frozen_study_is_there() -> None:
    assert {line.split()[0] for line in FROZEN} <= set(discovery.names())

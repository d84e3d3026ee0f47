"""Trials of several devices, run again."""

from __future__ import annotations

import dataclasses

import pytest

from suite.ground.errors import RequestError
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.grid import Trial
from tests.reproduce.test_reproduce import TINY, alone, comes_back, nowhere, recorded, reproduced


@pytest.mark.parametrize("study", [name for name in discovery.names() if not alone(name)])
def test_a_trial_on_several_devices_of_every_study_comes_back(study: str, nowhere: Journal) -> None:
    comes_back(study, nowhere)


def test_two_devices_come_back(nowhere: Journal) -> None:
    (record,) = recorded((Trial("test", "main", {}, dataclasses.replace(TINY, devices=2), 0),))
    assert record.provenance.strategy == "data_parallel"
    assert reproduced([record], nowhere)["different"] == 0
    with pytest.raises(RequestError, match="needs several devices"):
        reproduced([record], nowhere, strategy="packed")

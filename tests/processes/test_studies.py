"""Every study runs at the smoke tier, through every room of the house, and its page shows it."""

from __future__ import annotations

import ast
import html
from pathlib import Path
from typing import Any

import pytest

from suite.execution.work import measure_probe
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.recipe import Probe
from tests.command_line import suite, suite_json

STUDIES = sorted(path.stem for path in Path("studies").glob("[a-z]*.py"))
# Claims that something is true by algebra, where algebra says that it is not.
FALSE_BY_ALGEBRA = {
    "device_use": 1,
    "devices": 1,
    "gradient_descent": 3,
    "layers": 6,
    "pooling_and_shift": 1,
    "softmax_regression": 1,
    "weight_decay": 1,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, Any]:
    form = suite_json(folder, "run", "--all", "--tier", "smoke")
    done = suite(folder, "report")
    assert done.returncode == 0, done.stderr
    return {study["name"]: study for study in form["studies"]}


@pytest.mark.parametrize("study", STUDIES)
def test_it_runs_and_every_trial_has_an_outcome(runs: dict[str, Any], study: str) -> None:
    assert (runs[study]["failed"], runs[study]["missing"]) == (0, 0)
    assert runs[study]["trials"] > 0


@pytest.mark.parametrize("study", STUDIES)
def test_what_algebra_says_holds_at_any_tier(runs: dict[str, Any], study: str) -> None:
    identities = [one for one in runs[study]["findings"] if one["kind"] == "Identity"]
    refuted = [one["says"] for one in identities if one["verdict"] == "refuted"]
    assert len(refuted) == FALSE_BY_ALGEBRA.get(study, 0), refuted
    # What only a GPU can measure, or is run at the full tier only, has no n here.
    assert "undecided" not in {one["verdict"] for one in identities if one["n"]}


@pytest.mark.parametrize("study", STUDIES)
def test_its_probes_measure_the_same_again(runs: dict[str, Any], folder: Path, study: str) -> None:
    records = Journal(folder / ".thumbrules" / "journal.jsonl").records
    assert runs[study]["trials"]
    loaded = discovery.load(study)
    trials = loaded.trials(loaded.grids("smoke"))
    probes = [trial for trial in trials if isinstance(trial.recipe, Probe) and not trial.alone]
    for trial in {trial.part: trial for trial in probes if trial.devices == 1}.values():
        assert isinstance(trial.recipe, Probe)
        assert measure_probe(trial.recipe, trial.seed).final == records[trial.id].outcome.final


@pytest.mark.parametrize("study", STUDIES)
def test_its_page_shows_every_claim_and_figure(
    runs: dict[str, Any], folder: Path, study: str
) -> None:
    page = html.unescape((folder / "reports/html" / f"{study}.html").read_text())
    for finding in runs[study]["findings"]:
        assert finding["says"] in page
    notebook = ast.get_docstring(ast.parse(Path("studies", f"{study}.py").read_text()), clean=False)
    assert notebook is not None
    assert notebook.strip() in page
    # In so few steps a target may not be reached, and what is counted to it has no value.
    far = any(view.of.startswith("target/") for view in discovery.load(study).views)
    assert far or "Not measured: no trial of this run" not in page
    assert len(page) < 2_000_000

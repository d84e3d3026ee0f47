"""What `suite forget` removes, what it leaves, and that a second call finishes a first."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from suite.tracking.journal import Journal
from suite.tracking.mlflow_store import Store
from suite.vocabulary import discovery
from tests.command_line import (
    SMOKE_TRIALS,
    TINY_STUDY,
    TINY_TRIALS,
    make_study,
    stored_trials,
    suite,
    suite_json,
)
from tests.synthetic import lines, make_results, results_of, workplace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with results of `tiny` and no store."""
    monkeypatch.chdir(tmp_path)
    return make_results(workplace(tmp_path))


def has_run(folder: Path, name: str, text: str) -> None:
    """Let another study run, with its trials that the journal lacks."""
    make_study(folder, text, name)
    execution, records = results_of(discovery.load(name))
    journal = Journal()
    journal.extend([*(one for one in records if not journal.has(one.id)), execution])


def test_it_asks_and_without_a_terminal_it_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lines(folder)
    done = suite(folder, "forget", "tiny")
    assert done.returncode == 2
    assert done.stderr == "suite: forgetting asks first, and there is no terminal: give --yes\n"
    monkeypatch.setattr("suite.commands.forget.sys.stdin.isatty", lambda: True, raising=False)
    asked = []
    monkeypatch.setattr("click.confirm", lambda question, **_: bool(asked.append(question)))
    done = suite(folder, "forget", "tiny")
    assert (done.returncode, done.stderr) == (0, "nothing is forgotten\n")
    assert asked == [f"Remove {TINY_TRIALS} trials of 'tiny'?"]
    assert lines(folder) == before
    monkeypatch.setattr("click.confirm", lambda question, **_: True)
    assert suite(folder, "forget", "tiny").returncode == 0
    assert lines(folder) == []


def test_an_unknown_study_is_one_line_with_the_nearest(folder: Path) -> None:
    done = suite(folder, "forget", "tini", "--yes")
    assert (done.returncode, done.stderr) == (
        2,
        "suite: there is no study 'tini' (did you mean 'tiny'?)\n",
    )


def test_trials_that_another_study_asked_for_stay(folder: Path) -> None:
    has_run(folder, "half", TINY_STUDY.replace("(0.01, 0.03, 0.1)", "(0.03, 0.1, 0.3)"))
    before = lines(folder)
    form = suite_json(folder, "forget", "tiny", "--yes")
    # Two batch sizes, three seeds: at the rates 0.03 and 0.1 both asked, and for what is timed.
    assert (form["trials"], form["shared"]) == (6, 18)
    left = lines(folder)
    assert [one for one in before if one in left] == left  # each as it was, in its place
    assert len(suite_json(folder, "results", "half")["trials"]) == TINY_TRIALS
    assert suite(folder, "results", "tiny").returncode == 2
    assert suite_json(folder, "forget", "half", "--yes")["trials"] == TINY_TRIALS
    assert lines(folder) == []


def test_its_checkpoints_go_and_no_others(folder: Path) -> None:
    kept = folder / ".thumbrules" / "checkpoints"
    kept.mkdir()
    (own,) = (one["body"]["trials"][0] for one in lines(folder) if one["kind"] == "execution")
    for name in (own, f"{own}.1", "0123456789abcdef"):
        (kept / name).write_text("")
    assert suite(folder, "forget", "tiny", "--yes").returncode == 0
    assert [path.name for path in kept.iterdir()] == ["0123456789abcdef"]


def test_a_results_whose_study_file_is_gone_can_be_forgotten(folder: Path) -> None:
    (folder / "studies" / "tiny.py").unlink()
    assert suite(folder, "forget", "tiny", "--yes").returncode == 0
    assert lines(folder) == []


def test_it_waits_for_no_run_but_says_that_there_is_one(folder: Path) -> None:
    with Journal().run_lock():
        done = suite(folder, "forget", "tiny", "--yes")
    assert done.returncode == 2
    assert "another run is using" in done.stderr
    assert len(lines(folder)) == TINY_TRIALS + 1


def test_a_kill_while_the_journal_is_written_leaves_it_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lines(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert suite(folder, "forget", "tiny", "--yes").returncode == 130
    assert lines(folder) == before
    assert suite_json(folder, "forget", "tiny", "--yes")["trials"] == TINY_TRIALS


def test_who_waits_to_add_a_line_adds_it_to_the_new_journal(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is another one by the time that its lock is had."""
    waiting, execution = Journal(), Journal().executions[0]

    class Late(FileLock):
        def acquire(self, *args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr("suite.tracking.journal.FileLock", FileLock)
            Journal().forget("tiny")
            return super().acquire(*args, **kwargs)

    monkeypatch.setattr("suite.tracking.journal.FileLock", Late)
    waiting.add(execution)
    assert [one["kind"] for one in lines(folder)] == ["execution"]


def test_the_store_forgets_too_and_what_runs_again_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_study(tmp_path)
    suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    first = stored_trials(tmp_path)
    store = Store(f"sqlite:///{tmp_path}/mlflow.db")

    def experiments() -> list[str]:
        return sorted(one.name for one in store.client.search_experiments())

    # Killed in the store, and between its two steps: a second call does the rest.
    for step in ("rename_experiment", "delete_experiment"):
        with monkeypatch.context() as patch:

            def killed(*_: object) -> None:
                raise ConnectionError("killed")

            patch.setattr(f"mlflow.tracking.MlflowClient.{step}", killed)
            done = suite(tmp_path, "forget", "tiny", "--yes")
        assert done.returncode == 1
        assert "the same command tries again" in done.stderr
        assert len(suite_json(tmp_path, "results", "tiny")["trials"]) == SMOKE_TRIALS
    assert suite_json(tmp_path, "forget", "tiny", "--yes")["trials"] == SMOKE_TRIALS
    assert experiments() == ["Default"]
    # A verdict asked for brings nothing back, and another run is like the first.
    assert suite(tmp_path, "verdicts", "tiny").returncode == 2
    form = suite_json(tmp_path, "run", "tiny", "--tier", "smoke")
    assert (form["ran"], form["cached"]) == (SMOKE_TRIALS, 0)
    again = stored_trials(tmp_path)
    assert {trial: digest for trial, (digest, _) in again.items()} == {
        trial: digest for trial, (digest, _) in first.items()
    }
    assert experiments() == ["Default", "tiny"]

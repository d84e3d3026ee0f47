"""Archives carry results whole or are refused by name; a machine without mlflow can run."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from reports import files
from suite.ground.errors import RequestError
from suite.ground.identity import digest
from suite.tracking import archive
from suite.tracking.journal import Journal
from suite.vocabulary.record import Record, ResultSet, Status
from tests.command_line import (
    TINY_TRIALS,
    make_study,
    refused,
    stored_trials,
    suite,
    suite_json,
)
from tests.synthetic import as_set, lines, make_results, workplace


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return workplace(tmp_path)


@pytest.fixture
def packed(here: Path) -> Path:
    """An archive of a run of `tiny`, in a folder that has the study and no results."""
    archive.write(here / "results.tar.zst", as_set(make_results(here / "far")), {})
    return here / "results.tar.zst"


def home(folder: Path) -> Path:
    folder.mkdir()
    make_study(folder)
    return folder


def test_what_is_exported_and_imported_gives_the_same_verdicts(tmp_path: Path) -> None:
    far, near = home(tmp_path / "far"), home(tmp_path / "near")
    ran = suite_json(far, "run", "tiny", "--tier", "smoke", "--strategy", "sequential")
    assert suite(far, "export", "results.tar.zst").stdout == "results.tar.zst\n"
    file = str(far / "results.tar.zst")
    form = suite_json(near, "import", file)
    assert (form["trials"], form["added"], form["studies"]) == (ran["ran"], ran["ran"], ["tiny"])
    assert suite_json(near, "verdicts") == suite_json(far, "verdicts")
    assert stored_trials(near) == stored_trials(far)

    journal = (near / ".thumbrules/journal.jsonl").read_bytes()
    assert suite_json(near, "import", file)["added"] == 0
    assert (near / ".thumbrules/journal.jsonl").read_bytes() == journal
    assert stored_trials(near) == stored_trials(far)
    assert suite_json(near, "run", "tiny", "--tier", "smoke")["ran"] == 0

    assert suite(near, "export", "again.tar.zst").returncode == 0
    shutil.rmtree(near / ".thumbrules")
    form = suite_json(near, "compare", "sqlite:///mlflow.db", "again.tar.zst")
    assert (form["trials"]["shared"], form["trials"]["equal"]) == (ran["ran"], ran["ran"])


def test_the_same_results_give_the_same_bytes(here: Path) -> None:
    make_results(here)
    for name in ("one", "two"):
        assert suite(here, "export", name).returncode == 0
    assert (here / "one").read_bytes() == (here / "two").read_bytes()
    names = [member.name for member in members(here / "one")]
    pages = sorted(f"report/{name}" for name in files.site_files(["tiny"]))
    assert names == ["manifest.json", "journal.jsonl", *pages]
    moved = as_set(here)
    turned = ResultSet(dict(reversed(list(moved.records.items()))), moved.executions)
    archive.write(here / "three", moved, {})
    archive.write(here / "four", turned, {})
    assert (here / "three").read_bytes() == (here / "four").read_bytes()


def test_an_archive_gives_back_what_it_was_given(packed: Path) -> None:
    assert archive.read(packed) == as_set(Path("far"))


def members(path: Path) -> list[tarfile.TarInfo]:
    content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    return tarfile.open(fileobj=io.BytesIO(content)).getmembers()


def test_a_newer_run_here_stays_the_latest_and_finished_trials_stay_as_they_are(
    packed: Path,
) -> None:
    make_results(Path(), lambda trial: 0.5, started=99.0)
    before = Journal().records
    form = suite_json(Path(), "import", str(packed))
    assert (form["added"], form["differing"], form["studies"]) == (0, TINY_TRIALS, [])
    after = Journal()
    assert after.records == before
    newest = after.latest("tiny")
    assert newest is not None
    assert newest.started == 99.0


def test_a_failed_trial_here_gives_way_to_a_finished_one(packed: Path) -> None:
    found = archive.read(packed)
    record = next(iter(found.records.values()))
    failed = dataclasses.replace(record.outcome, status=Status.FAILED, final={}, error="E")
    Journal().add(dataclasses.replace(record, outcome=failed))
    suite_json(Path(), "import", str(packed))
    assert Journal().records[record.id] == record


def test_results_of_a_study_without_a_file_here_are_kept_and_logged(packed: Path) -> None:
    shutil.rmtree("studies")
    Path("studies").mkdir()
    form = suite_json(Path(), "import", str(packed))
    assert form["added"] == TINY_TRIALS
    assert "there is no study 'tiny'" in form["unread"]["tiny"]
    assert len(stored_trials(Path())) == TINY_TRIALS


def test_a_run_that_the_file_here_does_not_fit_stands_in_nobodys_way(packed: Path) -> None:
    text = Path("studies/tiny.py").read_text()
    shutil.rmtree("far")
    Path("studies/tiny.py").write_text(text.replace("(0.01, 0.03, 0.1)", "(0.02, 0.1)"))
    execution = dataclasses.replace(
        archive.read(packed).executions["tiny"], only={"optimizer.lr": [0.03]}
    )
    found = ResultSet(archive.read(packed).records, {"tiny": execution})
    archive.write(packed, found, {})
    done = suite(Path(), "import", str(packed))
    assert done.returncode == 0, done.stderr
    assert "optimizer.lr=0.03 is not in the grid" in done.stdout
    assert len(Journal().records) == TINY_TRIALS
    assert Journal().executions == []


Members = list[tuple[tarfile.TarInfo, bytes]]


def plain(name: str, content: bytes, **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in changes.items():
        setattr(member, key, value)
    return member, content


def link(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    return plain(name, b"", type=kind, linkname=target)


def forge(path: Path, files: dict[str, bytes], extra: Members | None = None, **top: Any) -> Path:
    """Write an archive whose manifest fits its files, whatever they say."""
    named = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    manifest = json.dumps({"format": 1, "files": named, **top}).encode()
    parts = [plain("manifest.json", manifest), *(plain(n, c) for n, c in files.items())]
    return write(path, [*parts, *(extra or [])])


def bare(path: Path, files: Any) -> Path:
    """Write an archive that holds nothing but a manifest of some files."""
    return write(path, [plain("manifest.json", json.dumps({"format": 1, "files": files}).encode())])


def write(path: Path, parts: Members) -> Path:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, content in parts:
            tar.addfile(member, io.BytesIO(content))
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(out.getvalue()))
    return path


def journal_lines(packed: Path) -> list[dict[str, Any]]:
    return lines(packed.parent / "far")


def written(forms: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(form) + "\n" for form in forms).encode()


def a_record(forms: list[dict[str, Any]]) -> dict[str, Any]:
    return next(form for form in forms if form["kind"] == "trial")


def tampered(path: Path, packed: Path) -> Path:
    forms = journal_lines(packed)
    a_record(forms)["body"]["outcome"]["final"]["test/accuracy"] = 0.99
    return forge(path, {"journal.jsonl": written(forms)})


def moved_to_another_recipe(path: Path, packed: Path) -> Path:
    forms = journal_lines(packed)
    form = a_record(forms)
    form["body"]["recipe"]["batch_size"] = 7
    form["digest"] = digest(form["body"])
    return forge(path, {"journal.jsonl": written(forms)})


def of_a_newer_record(path: Path, packed: Path) -> Path:
    forms = journal_lines(packed)
    form = a_record(forms)
    form["body"]["format"] = 99
    form["digest"] = digest(form["body"])
    return forge(path, {"journal.jsonl": written(forms)})


def of_words(path: Path, packed: Path) -> Path:
    forms = journal_lines(packed)
    form = a_record(forms)
    form["body"]["outcome"]["final"]["test/accuracy"] = "high"
    form["digest"] = digest(form["body"])
    return forge(path, {"journal.jsonl": written(forms)})


def of_a_billion_seeds(path: Path, packed: Path) -> Path:
    forms = journal_lines(packed)
    form = next(form for form in forms if form["kind"] == "execution")
    form["body"]["overrides"] = {"timing.seeds": 10**9}
    form["digest"] = digest(form["body"])
    return forge(path, {"journal.jsonl": written(forms)})


def twice(path: Path, packed: Path) -> Path:
    forms = journal_lines(packed)
    return forge(path, {"journal.jsonl": written([*forms, a_record(forms)])})


def unlike_its_manifest(path: Path, packed: Path) -> Path:
    forms = journal_lines(packed)
    whole, fewer = written(forms), written(forms[1:])
    digest_of = hashlib.sha256(whole).hexdigest()
    manifest = {"journal.jsonl": {"bytes": len(fewer), "sha256": digest_of}}
    form = json.dumps({"format": 1, "files": manifest}).encode()
    return write(path, [plain("manifest.json", form), plain("journal.jsonl", fewer)])


def larger_than_said(path: Path, packed: Path) -> Path:
    manifest = {"journal.jsonl": {"bytes": 10, "sha256": ""}}
    form = json.dumps({"format": 1, "files": manifest}).encode()
    content = written(journal_lines(packed))
    return write(path, [plain("manifest.json", form), plain("journal.jsonl", content)])


def a_bomb_in_a_header(path: Path, packed: Path) -> Path:
    """A header that is read before any file is: 300 MB of zeros in a few kilobytes."""
    return write(path, [plain("x", bytes(300_000_000), type=tarfile.XHDTYPE)])


def a_bomb_in_the_manifest(path: Path, packed: Path) -> Path:
    return forge(path, {"journal.jsonl": bytes(300_000_000)})


def and_more(path: Path, packed: Path) -> Path:
    path.write_bytes(packed.read_bytes() + b"more")
    return path


def tailed(name: str, kind: bytes = tarfile.REGTYPE) -> Callable[[Path, Path], Path]:
    return lambda path, packed: forge(
        path, {"journal.jsonl": written(journal_lines(packed))}, [link(name, kind, "/etc/passwd")]
    )


def named(name: str) -> Callable[[Path, Path], Path]:
    return lambda path, packed: forge(path, {name: b"x"})


HOSTILE: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "no archive": (lambda path, _: path.write_text("{}") and path, "is no archive"),
    "only zstandard": (
        lambda path, _: path.write_bytes(zstandard.compress(b"hello" * 999)) and path,
        "is refused",
    ),
    "no manifest": (
        lambda path, _: write(path, [plain("x", b"x")]), "begins with 'manifest.json'"
    ),
    "newer": (lambda path, _: forge(path, {}, format=2), "archive format 2 is newer than 1"),
    "newer record": (of_a_newer_record, "record format 99 is newer"),
    "not understood": (lambda path, _: bare(path, [1]), "cannot be understood"),
    "tampered": (tampered, "its digest does not fit its content"),
    "another recipe": (moved_to_another_recipe, "its id does not fit its recipe and seed"),
    "words for numbers": (of_words, "its test/accuracy is no number"),
    "a billion seeds": (of_a_billion_seeds, "it asks for 1,000,000,000 seeds"),
    "record twice": (twice, "it is there twice"),
    "unlike its manifest": (unlike_its_manifest, "'journal.jsonl' is not what its manifest says"),
    "larger": (larger_than_said, "'journal.jsonl' is not as large as its manifest says"),
    "lacking": (
        lambda path, _: bare(path, {"journal.jsonl": {"bytes": 1, "sha256": ""}}),
        "it lacks 'journal.jsonl'",
    ),
    "unnamed": (tailed("report/more.html"), "its manifest does not name 'report/more.html'"),
    "path out": (tailed("../x"), "'../x' leads out of the archive"),
    "named path out": (named("report/../../x"), "names 'report/../../x'"),
    "absolute": (tailed("/etc/passwd"), "'/etc/passwd' leads out of the archive"),
    "named absolute": (named("/etc/passwd"), "names '/etc/passwd'"),
    "symbolic link": (tailed("report/x.html", tarfile.SYMTYPE), "'report/x.html' is not a plain"),
    "hard link": (tailed("report/x.html", tarfile.LNKTYPE), "'report/x.html' is not a plain file"),
    "device": (tailed("report/x.html", tarfile.CHRTYPE), "'report/x.html' is not a plain file"),
    "pipe": (tailed("report/x.html", tarfile.FIFOTYPE), "'report/x.html' is not a plain file"),
    "header bomb": (a_bomb_in_a_header, "unpacks to more than its manifest says"),
    "bomb": (a_bomb_in_the_manifest, "it would unpack to 300,000,000 bytes"),
    "trailing": (and_more, "there are bytes after its end"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_by_name_and_nothing_is_written(
    make: Callable[[Path, Path], Path],
    said: str,
    packed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = make(packed.with_name("hostile"), packed)
    assert said in refused(["import", str(file)], monkeypatch, capsys)


def test_a_tampered_record_is_named_by_its_trial(packed: Path) -> None:
    trial = a_record(journal_lines(packed))["body"]["id"]
    with pytest.raises(RequestError, match=f"the record of trial '{trial}'"):
        archive.read(tampered(packed.with_name("hostile"), packed))


def test_an_archive_cut_anywhere_is_refused(packed: Path) -> None:
    whole = packed.read_bytes()
    for length in (0, 3, 4, 11, len(whole) // 2, *range(len(whole) - 8, len(whole))):
        packed.write_bytes(whole[:length])
        with pytest.raises(RequestError, match="results.tar.zst"):
            archive.read(packed)


def test_a_changed_byte_is_refused_or_changes_nothing(packed: Path) -> None:
    whole, wanted = packed.read_bytes(), archive.read(packed)
    for place in range(0, len(whole), max(1, len(whole) // 97)):
        packed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found = archive.read(packed)
        except RequestError as error:
            assert "results.tar.zst" in str(error)
        else:  # a byte that says how to unpack, and unpacks to the same
            assert found == wanted


WRONG = {
    "import nothing": (["import", "none.zst"], "none.zst cannot be read: No such file"),
    "export nothing": (["export", "x.zst"], "no study has results yet"),
    "export nowhere": (["export", "x/y.zst"], "there is no folder x"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_refused_in_one_line(
    arguments: list[str],
    said: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert said in refused(arguments, monkeypatch, capsys)


def test_an_archive_that_cannot_be_written_leaves_nothing(packed: Path) -> None:
    folder = packed.with_name("taken")
    folder.mkdir()
    with pytest.raises(RequestError, match="taken cannot be written"):
        archive.write(folder, archive.read(packed), {})
    assert sorted(path.name for path in packed.parent.iterdir() if "taken" in path.name) == [
        "taken"
    ]


def test_a_dead_server_fails_the_import_and_loses_nothing(packed: Path) -> None:
    dead = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = suite(Path(), "import", str(packed), **dead)
    assert done.returncode == 1
    assert "took no more records" in done.stderr
    assert all(isinstance(record, Record) for record in Journal().records.values())


def test_an_export_goes_through_a_link_and_never_replaces_a_device(
    packed: Path, tmp_path: Path
) -> None:
    folder = packed.parent
    assert suite(folder, "import", packed.name).returncode == 0
    target, link = tmp_path / "target.tar.zst", tmp_path / "link.tar.zst"
    link.symlink_to(target)
    assert suite(folder, "export", str(link)).returncode == 0
    assert link.is_symlink()
    assert target.is_file()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for arguments in (("export", str(pipe)), ("compare", ".", ".", "--out", str(pipe))):
        refused = suite(folder, *arguments)
        assert refused.returncode == 2
        assert "pipe is no ordinary file" in refused.stderr
    assert pipe.is_fifo()

"""The site: a page for each study and a front page, drawn side by side and only where they changed.

A page names what it shows: its head holds a digest of the study's file, its records and the code
that draws, and a page that shows the same already is not drawn again.

Pages of several studies are drawn in processes of their own, which hardly ever collect garbage:
freeing figures takes a third as long as drawing them. They are spawned: forked from one process
that has loaded what draws they would be 2 s faster, but that process looks for its modules in the
working directory first, where a file may have the name of one.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import gc
import hashlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import reports
import suite.evidence
import suite.language
from reports.files import TABLES, benchmarks_name, file_name, front_name, tile_name
from reports.pages.cells import cells_frame
from reports.pages.front import front
from reports.pages.tricks import write_tricks
from reports.writer import script, templates, write
from suite.evidence.findings import Finding
from suite.evidence.frames import Frames
from suite.evidence.results import Results, gather
from suite.ground.errors import RequestError
from suite.ground.identity import digest
from suite.ground.processes import follow_parent
from suite.language.catalogue import ENGLISH, NAMES, writing
from suite.runs.latest import leave_out
from suite.vocabulary import discovery
from suite.vocabulary.record import Execution, Links, Record
from suite.vocabulary.study import Study

HELD = 20  # studies whose garbage a worker holds, some 50 MB each
_STUDIES = itertools.count(1)


@dataclass(frozen=True)
class Task:
    """Where a study's pages go, and what goes on them beside its results."""

    folder: Path
    link: Links
    content: str


def render(
    results: Sequence[Results],
    folder: Path,
    *,
    tracking_links: Callable[[], Mapping[str, Links] | None] = dict,
    first: str = ENGLISH,
    lost: list[str] | None = None,
) -> Path:
    """Write a page for each study and a front page into `folder`; return the path of the latter.

    Every page is written in every language; beside a study's page lie its trials, cells and
    curves as CSV. Pages that are there already and show the same are left alone.

    Args:
        tracking_links: return, by study name, addresses that open its trials in MLflow's UI. Asked
            while other processes load what draws, for both take seconds. None, where nobody could
            say, leaves pages with whatever links they have.
        first: the language of `index.html`.
        lost: takes the names of studies whose pages cannot be made; the others have theirs.

    Raises:
        OSError: the folder cannot be written to. Pages are complete or absent, never half.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changed = [one.study for one in results if not _shows(folder, one.study.name, _content(one))]
    pool = _workers(changed)
    asked = tracking_links()
    links = asked or {}
    stale = []
    for result in results:
        name = result.study.name
        link = links.get(name, Links())
        content = _content(result) if asked is None else f"{_content(result)} {digest(link)}"
        if not _shows(folder, name, content):
            stale.append((result, Task(folder, link, content)))
    lost = [] if lost is None else lost
    _write_studies(stale, pool, lost)
    results = [one for one in results if one.study.name not in lost]
    write_tricks(results, folder)
    template = templates().get_template("index.html")
    for one in NAMES:
        with writing(one):
            shown = front(results, links, folder)
            benchmarks = benchmarks_name() if (folder / benchmarks_name()).exists() else ""
            page = template.render(front=shown, script=script("front.js"), benchmarks=benchmarks)
            write(folder / front_name(), page)
            if one == first:  # the same page twice, so that no link depends on which came first
                write(folder / "index.html", page)
    return folder / "index.html"


def _workers(studies: Sequence[Study]) -> ProcessPoolExecutor | None:
    """Start a process for each core, if there are studies for several; return their pool if so."""
    workers = min(len(studies), os.cpu_count() or 1)
    if workers < 2:
        return None
    pictures = any(view.kind == "images" for study in studies for view in study.views)
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, _start, (pictures,))
    for _ in range(workers):
        pool.submit(int)  # or they would start, and load what draws, with the first studies
    return pool


def _start(pictures: bool) -> None:
    follow_parent()
    gc.disable()  # freeing figures takes a third as long as drawing them
    atexit.register(gc.freeze)  # or the interpreter would collect all of them at its end
    import reports.pages.study

    if pictures:
        import reports.figures.images  # noqa: F401 - with torch


def _write_studies(
    stale: Sequence[tuple[Results, Task]], pool: ProcessPoolExecutor | None, lost: list[str]
) -> None:
    """Write the pages of studies, in the pool if there is one."""
    if pool is None:
        for results, task in stale:
            with _apart(results.study.name, lost):
                _write_study(results, task)
        return
    longest_first = sorted(stale, key=lambda pair: _drawings(pair[0].study), reverse=True)
    futures = [
        pool.submit(_work, results.execution, results.records, task)
        for results, task in longest_first
    ]
    try:
        for (results, _), future in zip(longest_first, futures, strict=True):
            with _apart(results.study.name, lost):
                vars(results)["findings"] = future.result()  # or they would be made here once more
    except BaseException as error:
        for future in futures:
            future.cancel()
        if isinstance(error, BrokenProcessPool):
            raise RequestError("a process that draws died: is there too little memory?") from None
        raise
    finally:
        pool.shutdown(wait=False)


@contextlib.contextmanager
def _apart(study: str, lost: list[str]) -> Iterator[None]:
    """Let no other study pay for what goes wrong with the pages of one."""
    try:
        yield
    except (OSError, BrokenProcessPool):  # of the folder, or of the machine
        raise
    except Exception as error:
        leave_out(study, error, lost)


def _drawings(study: Study) -> int:
    return 2 * len(study.views) + len(study.claims)  # a view is drawn for two widths


def _work(execution: Execution, records: Sequence[Record], task: Task) -> list[Finding]:
    """Write a study's pages in a process of its own, which finds the study by its name."""
    study = discovery.load(execution.study)
    by_id = {record.id: record for record in records}
    results = gather(study, execution, by_id)
    _write_study(results, task)
    if next(_STUDIES) % HELD == 0:
        gc.collect()
    return results.findings


def _write_study(results: Results, task: Task) -> None:
    from reports.pages.study import album, study_page

    name, drawn = results.study.name, album(results)
    write(task.folder / f"{name}.csv", _csv(results.table))
    cells = zip(results.grids, drawn.cells, strict=True)
    frames = [cells_frame(grid, of_grid) for grid, of_grid in cells]
    write(task.folder / f"{name}.cells.csv", _csv(pd.concat(frames)))
    write(task.folder / f"{name}.curves.csv", _csv(Frames(results).curves))
    template = templates().get_template("study.html")
    content = task.content if drawn.is_whole else ""  # to be made again, for what is missing
    for one in NAMES:  # after the tables: a page that is there says that they are
        with writing(one):
            page = study_page(results, drawn, task.link)
            text = template.render(page=page, content=content, script=script("study.js"))
            write(task.folder / tile_name(name), drawn.tile)
            write(task.folder / file_name(name), text)


def _csv(table: pd.DataFrame) -> str:
    return str(table.to_csv(index=False, lineterminator="\n"))


def _content(result: Results) -> str:
    """Return a digest of everything that a page shows but its links, and of the code that draws it.

    A page with many figures takes seconds; most runs change none or one of them.
    """
    records = [[record.id, record.provenance.finished] for record in result.records]
    words = [
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(discovery.folder().glob(f"{result.study.name}.*.po"))
    ]
    form = dataclasses.asdict(result.execution)
    return digest([result.study.source, words, form, records, _code()])


@functools.cache
def _code() -> list[str]:
    faces = (reports.__file__, suite.evidence.__file__, suite.language.__file__)
    rooms = [Path(face).parent for face in faces]
    found = (file for room in rooms for file in room.rglob("*") if file.is_file())
    files = sorted(file for file in found if file.parent.name != "__pycache__")
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def _shows(folder: Path, study: str, content: str) -> bool:
    """Say whether a study's tables and pages are there and show what the pages' heads name."""
    if not all((folder / f"{study}{end}").exists() for end in TABLES):
        return False
    for one in NAMES:
        with writing(one):
            path, tile = folder / file_name(study), folder / tile_name(study)
        try:
            if not tile.exists():
                return False
            with path.open(encoding="utf-8") as page:
                if content not in page.read(1000):
                    return False
        except OSError:
            return False
    return True

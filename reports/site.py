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
import io
import itertools
import multiprocessing
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, Self

import pandas as pd

import reports
import suite.evidence
import suite.language
from reports.files import TABLES, benchmarks_name, file_name, front_name, tile_name
from reports.pages.cells import cells_frame
from reports.pages.front import front
from reports.pages.tricks import write_tricks
from reports.writer import WriteError, script, templates, write
from suite.evidence.frames import Frames
from suite.evidence.results import Results
from suite.ground.errors import RequestError
from suite.ground.identity import digest
from suite.ground.processes import cores, deaf_children, follow_parent
from suite.language.catalogue import ENGLISH, NAMES, writing
from suite.runs.latest import leave_out
from suite.vocabulary import discovery
from suite.vocabulary.record import Links
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
    results: Iterable[Results],
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
        results: taken one by one, so that pages are drawn while others are still gathered.
        tracking_links: return, by study name, addresses that open its trials in MLflow's UI. Asked
            while other processes load what draws, for both take seconds. None, where nobody could
            say, leaves pages with whatever links they have.
        first: the language of `index.html`.
        lost: takes the names of studies whose pages cannot be made; the others have theirs.

    Raises:
        OSError: the folder cannot be written to. Pages are complete or absent, never half.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lost = [] if lost is None else lost
    found: list[Results] = []
    with _Easels(lost) as easels:
        coming = iter(results)
        ahead = list(itertools.islice(coming, 2))
        if not any(_shows(folder, one.study.name, _content(one)) for one in ahead):
            easels.expect(len(ahead))
        asked = tracking_links()
        links = asked or {}
        for result in itertools.chain(ahead, coming):
            name = result.study.name
            with _apart(name, lost):
                result.findings  # noqa: B018 - worked out once, for its pages and the front page
                found.append(result)
                link = links.get(name, Links())
                content = (
                    _content(result) if asked is None else f"{_content(result)} {digest(link)}"
                )
                if not _shows(folder, name, content):
                    easels.draw(result, Task(folder, link, content))
    results = [one for one in found if one.study.name not in lost]
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


class _Easels:
    """Where pages are drawn: here if there is one study's, else in a process for each core."""

    def __init__(self, lost: list[str]) -> None:
        self._lost = lost
        self._waiting: list[tuple[Results, Task]] = []
        self._pool: ProcessPoolExecutor | None = None
        self._drawn: list[tuple[str, Future[None]]] = []

    def __enter__(self) -> Self:
        return self

    def expect(self, studies: int) -> None:
        """Start the processes if there are pages of several studies to draw."""
        if self._pool is None and studies > 1:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(cores(), spawn, _start)
            with deaf_children():
                for _ in range(min(studies, cores())):
                    self._pool.submit(int)  # or they would load what draws with the first studies

    def draw(self, results: Results, task: Task) -> None:
        """Write a study's pages, sooner or later."""
        self._waiting.append((results, task))
        self.expect(len(self._waiting))
        if self._pool is not None:
            for one, its in self._waiting:
                packed = _packed(one)
                with deaf_children():  # it starts a further process if none is idle
                    sent = self._pool.submit(_work, packed, its)
                self._drawn.append((one.study.name, sent))
            self._waiting.clear()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for all pages, unless an exception makes them vain."""
        try:
            if kind is BrokenProcessPool:
                raise BrokenProcessPool
            if kind is None:
                for results, task in self._waiting:
                    with _apart(results.study.name, self._lost):
                        _write_study(results, task)
                for study, drawn in self._drawn:
                    with _apart(study, self._lost):
                        drawn.result()
        except BrokenProcessPool:
            raise RequestError("a process that draws died: is there too little memory?") from None
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)


def _start() -> None:
    follow_parent()
    gc.disable()  # freeing figures takes a third as long as drawing them
    atexit.register(gc.freeze)  # or the interpreter would collect all of them at its end
    import reports.pages.study  # noqa: F401 - what draws


@contextlib.contextmanager
def _apart(study: str, lost: list[str]) -> Iterator[None]:
    """Let no other study pay for what goes wrong with the pages of one."""
    try:
        yield
    except (WriteError, BrokenProcessPool):  # of the folder, or of the machine
        raise
    except Exception as error:
        leave_out(study, error, lost)


class _Packer(pickle.Pickler):
    """Results on their way to another process, which finds by name what a study's file defines."""

    def __init__(self, file: io.BytesIO, study: Study) -> None:
        super().__init__(file)
        self._study = study
        self._probes = [one for one in (study.probe, *(part.probe for part in study.parts)) if one]

    def reducer_override(self, item: Any) -> Any:
        if item is self._study:
            return discovery.load, (self._study.name,)
        if isinstance(item, FunctionType) and item in self._probes:
            return discovery.probe, (self._study, item.__name__)
        return NotImplemented


def _packed(results: Results) -> bytes:
    packed = io.BytesIO()
    _Packer(packed, results.study).dump(results)
    return packed.getvalue()


def _work(packed: bytes, task: Task) -> None:
    """Write a study's pages in a process of its own."""
    _write_study(pickle.loads(packed), task)  # noqa: S301 - from the process that started this one
    if next(_STUDIES) % HELD == 0:
        gc.collect()


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

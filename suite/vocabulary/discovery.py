"""Finding studies: every Python file of the studies folder is one, and nothing lists them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import keyword
import re
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from suite.ground import switches
from suite.ground.errors import RequestError, first_line, nearest
from suite.ground.identity import digest, rebuild
from suite.vocabulary import code
from suite.vocabulary.components import components, within
from suite.vocabulary.recipe import ProbeFunction, Recipe
from suite.vocabulary.record import Record
from suite.vocabulary.study import Study

PACKAGE = "studies"
# What a study may be called: its name stands in addresses of pages, in archives, in MLflow and in
# files of every system, of which Windows has names of its own.
NAME = re.compile("[a-z][a-z0-9_]{0,63}")
TAKEN = frozenset(
    {
        "index",
        "tricks",
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{one}{i}" for one in ("com", "lpt") for i in range(10)),
    }
)


class Loaded(NamedTuple):
    """A study that this process has read, with digests of its file and of those that it imports."""

    digests: list[str]
    study: Study
    module: ModuleType


_LOADED: dict[Path, Loaded] = {}
_BESIDE: list[str] = []  # what was added to the path on which Python looks for modules
_HELPERS: dict[str, tuple[Path, int]] = {}  # modules beside a study: their file and when it changed


def folder() -> Path:
    """Return `studies/` of the working directory, or, without one, the studies that came along."""
    here = Path("studies")
    if here.is_dir():
        return here
    if here.exists():
        raise RequestError("studies is a file here, not a folder of studies")
    spec = importlib.util.find_spec("studies")
    if spec is None or not spec.submodule_search_locations:
        raise RequestError("there is no folder 'studies' here")
    return Path(next(iter(spec.submodule_search_locations)))


def names() -> list[str]:
    """Return the names of all studies, sorted."""
    return sorted(
        path.stem
        for path in folder().glob("*.py")
        if not path.is_dir() and not path.stem.startswith("_")
    )


def of_notebook(notebook: str) -> list[str]:
    """Return the names of a notebook's studies, sorted.

    Raises:
        RequestError: if there is none, or a study cannot be read.
    """
    books: dict[str, list[str]] = {}
    for name in names():
        books.setdefault(load(name).notebook, []).append(name)
    if notebook not in books:
        raise RequestError(f"there is no notebook '{notebook}' {nearest(notebook, books)}")
    return books[notebook]


def is_name(name: str) -> bool:
    """Whether a study may be called so."""
    return bool(NAME.fullmatch(name)) and name not in TAKEN and not keyword.iskeyword(name)


def check_name(name: str, who: str = "") -> None:
    """Raise RequestError if no study can be called so; names the nearest that can."""
    if is_name(name):
        return
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    close = re.sub("[^a-z0-9]+", "_", plain).strip("_")[:64]
    close = close if is_name(close) else f"study_{close}".rstrip("_")[:64]
    raise RequestError(
        f"{who}a study's name is a lower-case Python name, of plain letters, digits and _, and not "
        f"'{name}' (did you mean '{close}'?)"
    )


def load(name: str) -> Study:
    """Return the study of that name, the same object for as long as its files are.

    Raises:
        RequestError: if there is none, or its file cannot be read as one; names the file and line.
    """
    return _loaded(name).study


def _loaded(name: str) -> Loaded:
    path = _path(name)
    _look_beside(path.resolve())
    files = [path, *code.files_beside(path)]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files]
    known = _LOADED.get(path.resolve())
    if known is None or known.digests != digests:
        if files[1:]:
            _refuse_configuring(files)
        module = _execute(path)
        _note_helpers(files[1:])
        study = getattr(module, "study", None)
        if not isinstance(study, Study):
            raise RequestError(f"{path}: it defines no `study = Study(...)`")
        # A probe is another one when its file has changed, or a file beside it that it imports.
        source = digests[0] if len(digests) == 1 else digest(digests)
        for own in components(vars(module)):
            own.code()
        study = study.found(name=name, source=source, docstring=(module.__doc__ or "").strip())
        known = _LOADED[path.resolve()] = Loaded(digests, study, module)
    return known


def _refuse_configuring(files: list[Path]) -> None:
    """Refuse a file that changes what is another's: who else imports that would compute otherwise."""
    for file in files:
        found = None if (file.parent / "__init__.py").is_file() else code.configures(file)
        if found:
            line, (other, name) = found
            raise RequestError(
                f"{file}, line {line}: this changes {name or 'what is'} in "
                f"{other.name}, which others import too: give it as an argument"
            )


def names_of(study: str) -> Mapping[str, Any]:
    """Return what a study's file can write, by name; nothing if it is not here or cannot be read."""
    try:
        return vars(_loaded(study).module)
    except RequestError:
        return {}


def home_of(module: str) -> Mapping[str, Any]:
    """Return the names of the module in which a component of one's own was found, loading it."""
    package, _, name = module.partition(".")
    if package == PACKAGE and name in names():
        return vars(_loaded(name).module)
    _look_beside(folder().resolve() / "any.py")
    return vars(importlib.import_module(module))


def unread() -> Iterator[str]:
    """Yield what is wrong with each study here that cannot be read."""
    for name in names():
        try:
            load(name)
        except RequestError as error:
            yield str(error)


def all_names() -> Mapping[str, Any]:
    """Return what all studies here can write, for a request that names no study."""
    return {f"{study}.{name}": one for study in names() for name, one in names_of(study).items()}


def helpers() -> Iterator[tuple[Path, Path]]:
    """Yield the files beside the studies folder that studies here import, each with its place there."""
    root = folder().resolve().parent
    found: set[Path] = set()
    for study in names():
        with contextlib.suppress(RequestError):
            found |= set(code.files_beside(_path(study)))
    for file in sorted(found):
        if file.resolve().is_relative_to(root):
            for one in (file, *_packages_of(file, root)):
                yield one, one.resolve().relative_to(root)


def _packages_of(file: Path, root: Path) -> Iterator[Path]:
    """Yield the files that make the folders above a module packages."""
    for folder_above in file.resolve().parents:
        if folder_above == root:
            return
        if (folder_above / "__init__.py").exists():
            yield folder_above / "__init__.py"


def recipe_of(record: Record) -> Recipe:
    """Return the recipe of a record, whose names may be its study's own.

    Raises:
        RequestError: if a name is not there, or its code is not what it was.
    """
    try:
        return rebuild(Recipe, record.recipe)
    except RequestError:
        with within(names_of(record.study)):
            return rebuild(Recipe, record.recipe)


def probe(study: Study, function: str) -> ProbeFunction:
    """Return a study's probe by the name of its function."""
    found = (study.probe, *(part.probe for part in study.parts))
    return next(one for one in found if one is not None and one.__name__ == function)


def submission(name: str) -> Callable[[Path, int], str]:
    """Return the function of a competition's study that writes its submission file.

    Raises:
        RequestError: if there is no such study, or it writes none.
    """
    path = _path(name)
    found: Callable[[Path, int], str] | None = getattr(_loaded(name).module, "submission", None)
    if found is None:
        raise RequestError(f"{path}: it defines no function 'submission'")
    return found


def _path(name: str) -> Path:
    if name not in names():
        raise RequestError(f"there is no study '{name}' {nearest(name, names())}")
    path = folder() / f"{name}.py"
    check_name(name, f"{path}: ")
    return path


def _look_beside(path: Path) -> None:
    """Let a study import what lies beside it, or beside its folder, after all that is installed."""
    wanted = [str(path.parent.parent), str(path.parent)]
    if wanted != _BESIDE:
        for entry in _BESIDE:
            sys.path.remove(entry)
        _BESIDE[:] = wanted
        sys.path += wanted
    # Others' modules, or older ones: what imported one of them is as old.
    if not all(_is_as_it_was(file, changed, path) for file, changed in _HELPERS.values()):
        for name in _HELPERS:
            sys.modules.pop(name, None)
        _HELPERS.clear()
    importlib.invalidate_caches()


def _is_as_it_was(file: Path, changed: int, study: Path) -> bool:
    here = file.is_relative_to(study.parent.parent) and file.exists()
    return here and file.stat().st_mtime_ns == changed


def _note_helpers(files: list[Path]) -> None:
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "")
        if file in files:
            _HELPERS[name] = file, file.stat().st_mtime_ns


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{PACKAGE}.{path.stem}", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Python tells an old file of bytecode by the second: what was edited twice in one would be stale.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        # Standard output is the command's.
        with (
            switches.kept() as changed,
            within(vars(module)),
            contextlib.redirect_stdout(sys.stderr),
        ):
            exec(compile(code.read(path), str(path), "exec"), vars(module))  # noqa: S102
    except BaseException as error:  # whatever it raises, it is this study's fault alone
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = traceback.extract_tb(sys.exc_info()[2])
        lines = [frame.lineno for frame in frames if Path(frame.filename).name == path.name]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        kind, words = type(error).__name__, first_line(error)
        if isinstance(error, RequestError):
            raise RequestError(f"{where}: {error}") from None
        raise RequestError(f"{where}: {kind}{'' if words == kind else f': {words}'}") from None
    finally:
        sys.dont_write_bytecode = writes
    if changed:
        raise RequestError(
            f"{path}: it sets PyTorch's {changed[0]}, with which every study's networks would be "
            "made: set it where one is built, and back"
        )
    return module

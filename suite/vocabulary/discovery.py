"""Finding studies: every Python file of the studies folder is one, and nothing lists them."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from suite.ground.errors import RequestError, nearest
from suite.vocabulary.recipe import ProbeFunction
from suite.vocabulary.study import Study


def folder() -> Path:
    """Return `studies/` of the working directory, or, without one, the studies that came along."""
    here = Path("studies")
    if here.is_dir():
        return here
    spec = importlib.util.find_spec("studies")
    if spec is None or not spec.submodule_search_locations:
        raise RequestError("there is no folder 'studies' here")
    return Path(next(iter(spec.submodule_search_locations)))


def names() -> list[str]:
    """Return the names of all studies, sorted."""
    return sorted(path.stem for path in folder().glob("*.py") if not path.stem.startswith("_"))


def load(name: str) -> Study:
    """Return the study of that name.

    Raises:
        RequestError: if there is none, or its file cannot be read as one; names the file and line.
    """
    path = _path(name)
    module = _execute(path)
    study = getattr(module, "study", None)
    if not isinstance(study, Study):
        raise RequestError(f"{path}: it defines no `study = Study(...)`")
    source = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    notebook = (module.__doc__ or "").strip()
    return dataclasses.replace(study, name=name, source=source, notebook=notebook)


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
    found: Callable[[Path, int], str] | None = getattr(_execute(path), "submission", None)
    if found is None:
        raise RequestError(f"{path}: it defines no function 'submission'")
    return found


def _path(name: str) -> Path:
    if name not in names():
        raise RequestError(f"there is no study '{name}' {nearest(name, names())}")
    return folder() / f"{name}.py"


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"studies.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise RequestError(f"{path}, line {error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(sys.exc_info()[2])
        lines = [frame.lineno for frame in frames if Path(frame.filename).name == path.name]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        kind = "" if isinstance(error, RequestError) else f"{type(error).__name__}: "
        raise RequestError(f"{where}: {kind}{error}") from None
    return module

"""The identity of one's own code: a digest that an edit changes and a reworded docstring does not.

It covers a function's definition with its decorators, what that names at the top of its file and of
other files beside the study, and what these name in their turn. Of what is installed it covers the
name alone: which version it was, a record says.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from suite.ground.errors import RequestError
from suite.ground.identity import digest

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Import = ast.Import | ast.ImportFrom
# Attributes of syntax that say nothing about what is computed.
LEFT_OUT = ("ctx", "kind", "type_comment")
THIS = "suite"  # the project itself is no code of the user's, wherever it lies


def digest_of(function: Callable[..., Any]) -> str:
    """Return 16 hexadecimal digits that name a function's code.

    Raises:
        RequestError: if it is not defined in a file.
    """
    path = Path(inspect.getsourcefile(function) or "")
    name, line = function.__name__, function.__code__.co_firstlineno
    if "<locals>" in function.__qualname__:  # it may depend on values that no syntax shows
        raise RequestError(f"'{name}' must be defined at the top of its file, in no other function")
    if not path.is_file():
        raise RequestError(f"'{name}' must be defined in a file, to be known again")
    # The statement at the top of the file; a function within another one depends on that, too.
    tops = [
        top for top in read(path).body if any(_begins(one, name, line) for one in ast.walk(top))
    ]
    if not tops:
        raise RequestError(f"'{name}' has changed in {path} since it was loaded")
    return covered(path, tops, name)


def covered(path: Path, statements: list[ast.stmt], name: str = "") -> str:
    """Return a digest of statements of a file and of all that they name, beside the study."""
    forms: dict[tuple[Path, int], Any] = {}
    waiting = [(path, one) for one in statements]
    while waiting:
        file, one = waiting.pop()
        if (file, one.lineno) not in forms:
            forms[file, one.lineno] = form(one)
            waiting += named_by(file, one)
    return digest([name, *sorted(map(repr, forms.values()))])


def files_beside(path: Path) -> list[Path]:
    """Return the files beside the study that a file imports, directly or not, in a fixed order."""
    found = [path]
    for file in found:  # which grows meanwhile
        for node in _imports(read(file).body):
            found += sorted({one for one, _ in beside(file, node)} - set(found))
    return found[1:]


def _imports(statements: list[ast.stmt]) -> Iterator[Import]:
    """Yield every import among statements and below them, looking at no expression."""
    waiting: list[ast.AST] = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Import):
            yield node
        for inner in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, inner, None)
            waiting += below if isinstance(below, list) else []


def _begins(node: ast.AST, name: str, line: int) -> bool:
    """Say whether a node defines a name, and begins in a line, with its decorators or without."""
    if not isinstance(node, Definition) or node.name != name:
        return False
    return line in (node.lineno, *(one.lineno for one in node.decorator_list))


def read(path: Path) -> ast.Module:
    """Return a file's syntax."""
    return _read(path, path.stat().st_mtime_ns, path.stat().st_size)


@functools.lru_cache(maxsize=64)
def _read(path: Path, _changed: int, _size: int) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def named_by(path: Path, node: ast.stmt) -> Iterator[tuple[Path, ast.stmt]]:
    """Yield the statements that a node needs, of its own file and of those that it imports from."""
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    yield from ((path, top) for top in read(path).body if names & bound(top) or _is_star(top))
    for one in ast.walk(node):
        if isinstance(one, Import):
            for file, wanted in beside(path, one):
                for top in read(file).body:
                    if not wanted or wanted & bound(top) or _is_star(top):
                        yield file, top


def _is_star(top: ast.stmt) -> bool:
    """Whether a statement may give a value to any name."""
    return isinstance(top, ast.ImportFrom) and top.names[0].name == "*"


def bound(top: ast.stmt) -> set[str]:
    """Return the names to which a statement at the top of a file gives a value, or whose it changes."""
    if isinstance(top, Definition):
        return {top.name}
    names: set[str] = set()
    for one in ast.walk(top):
        if isinstance(one, Import):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in one.names}
        elif isinstance(one, Definition):
            names.add(one.name)
        elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            names.add(one.id)
        elif isinstance(one, ast.Attribute | ast.Subscript) and not isinstance(one.ctx, ast.Load):
            names.add(_root(one))  # SIZES["small"] = 8
        elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
            names.add(_root(one.value.func))  # SIZES.update(small=8)
    return names


def _root(node: ast.expr) -> str:
    """Return the name that an expression such as `name.attribute[index]` begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def beside(path: Path, node: Import) -> Iterator[tuple[Path, set[str]]]:
    """Yield the files beside the study that an import reads, with the names that it takes of each.

    No names are all of them.
    """
    if isinstance(node, ast.Import):
        wanted = [(alias.name, "") for alias in node.names]
    else:
        wanted = [(node.module or "", alias.name) for alias in node.names]
    for module, name in wanted:
        if isinstance(node, ast.ImportFrom) and node.level:
            place: Path | None = _below(path.parents[node.level - 1], module)
        else:
            place = _module(module)
        if place is None:
            continue
        inner = _file(_below(place, name)) if name not in ("", "*") else None
        file = inner or _file(place)
        if file is None:
            continue
        yield file, set() if inner else {name} - {"", "*"}
        folder = file.parent.parent if file.name == "__init__.py" else file.parent
        while (folder / "__init__.py").is_file():  # what is executed on the way to it
            yield folder / "__init__.py", set()
            folder = folder.parent


def _module(module: str) -> Path | None:
    """Return where a module lies, less its suffix, if it is beside a study.

    It is then neither installed nor this project's. Nothing is imported: a package's inner modules
    are looked for on the disk.
    """
    top, _, inner = module.partition(".")
    place = _place(top, tuple(sys.path))
    return None if place is None else _below(place, inner)


def _below(folder: Path, module: str) -> Path:
    return folder.joinpath(*filter(None, module.split(".")))


def _file(place: Path) -> Path | None:
    """Return the file of a module or a package, or nothing."""
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if file.is_file():
            return file
    return None


@functools.lru_cache(maxsize=1024)
def _place(top: str, _path: tuple[str, ...]) -> Path | None:
    """Return where a top-level module beside the study lies, less its suffix."""
    if top in (THIS, *sys.stdlib_module_names):
        return None
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = spec.origin if spec and spec.origin else next(iter(folders), None)
    if found is None or "site-packages" in Path(found).parts:
        return None
    place = Path(found)
    return place.parent if place.name == "__init__.py" else place.with_suffix("")


def form(node: Any) -> Any:
    """Return syntax as plain values, the same for every version of Python, without docstrings."""
    if isinstance(node, ast.Constant):
        return type(node.value).__name__, repr(node.value)
    if isinstance(node, list):
        return [form(one) for one in node]
    if not isinstance(node, ast.AST):
        return node
    fields = {name: value for name, value in ast.iter_fields(node) if name not in LEFT_OUT}
    if isinstance(node, Definition) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    kept = {name: form(value) for name, value in fields.items() if value not in (None, [])}
    return type(node).__name__, kept

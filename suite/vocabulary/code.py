"""The identity of one's own code: a digest that an edit changes and a reworded docstring does not.

It covers a function's definition with its decorators, what that names at the top of its file and of
other files beside the study, what these name in their turn, and what else changes any of it while
the file is executed: `SIZES["small"] = 8`, a function that fills a table, a decorator that keeps
what it is given. Of what is installed it covers the name alone: which version it was, a record says.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from suite.ground.errors import RequestError
from suite.ground.identity import digest

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Import = ast.Import | ast.ImportFrom
Name = tuple[Path, str]  # at the top of a file; an empty one is all that is there
# Attributes of syntax that say nothing about what is computed.
LEFT_OUT = ("ctx", "kind", "type_comment")
THIS = "suite"  # the project itself is no code of the user's, wherever it lies
# Methods that leave what they are called on as it is, as those of unchangeable values do.
READING = {
    *(name for of in (str, tuple, frozenset) for name in dir(of) if not name.startswith("_")),
    *("get", "items", "keys", "values"),
}
# Methods of which it is certain that they do not.
CHANGING = {
    *(
        name
        for of, plain in ((list, tuple), (dict, READING), (set, frozenset), (bytearray, bytes))
        for name in set(dir(of)) - set(plain if isinstance(plain, set) else dir(plain))
        if not name.startswith("_")
    ),
    *("appendleft", "extendleft", "popleft", "move_to_end", "__setitem__", "__setattr__"),
}


def digest_of(function: Callable[..., Any]) -> str:
    """Return 16 hexadecimal digits that name a function's code.

    Raises:
        RequestError: if it is not defined at the top of a file.
    """
    whole = inspect.unwrap(function)
    path = Path(inspect.getsourcefile(whole) or "")
    name, line = function.__name__, whole.__code__.co_firstlineno
    if "<locals>" in whole.__qualname__:  # it may depend on values that no syntax shows
        raise RequestError(
            f"'{name}' must be defined at the top of its file, in no other function "
            "(a decorator beneath needs functools.wraps)"
        )
    if not path.is_file():
        raise RequestError(f"'{name}' must be defined in a file, to be known again")
    # The statement at the top of the file; a function within another one depends on that, too.
    tops = [
        top
        for top in read(path).body
        if any(_begins(one, whole.__name__, line) for one in ast.walk(top))
    ]
    if not tops:
        raise RequestError(f"'{name}' has changed in {path} since it was loaded")
    return covered(path, tops, name, less=_decorators_of_ours(whole.__globals__))


def _decorators_of_ours(names: dict[str, Any]) -> Callable[[ast.expr], bool]:
    """Return whether a decorator is one of this project's, whose arguments are facts, not code."""

    def is_ours(decorator: ast.expr) -> bool:
        found = names.get(_root(decorator)[0])
        place = getattr(found, "__module__", None) or getattr(found, "__name__", "")
        return str(place).partition(".")[0] == THIS

    return is_ours


def covered(
    path: Path,
    statements: list[ast.stmt],
    name: str = "",
    less: Callable[[ast.expr], bool] | None = None,
) -> str:
    """Return a digest of statements of a file and of all that they name, beside the study.

    Args:
        less: whether a decorator of these statements is left out.
    """
    forms: dict[Path, dict[tuple[int, int], Any]] = {}  # of each file, in the order of first need
    needed: set[Name] = set()
    waiting: list[tuple[Path, ast.stmt]] = [(path, one) for one in statements]
    while waiting:
        file, one = waiting.pop(0)
        place = one.lineno, one.col_offset
        if place not in forms.setdefault(file, {}):
            forms[file][place] = form(one, less if one in statements else None)
            for target in named_by(file, one):
                if target not in needed:
                    needed.add(target)
                    waiting += _giving(*target)
        if not waiting:
            waiting = [
                (file, top)
                for file, known in forms.items()
                for top in read(file).body
                if (top.lineno, top.col_offset) not in known
                and not needed.isdisjoint(changes(file, top))
            ]
    return digest([name, *([made[place] for place in sorted(made)] for made in forms.values())])


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
    """Return a file's syntax.

    Raises:
        RequestError: if it cannot be read, or is no Python; names the file and line.
    """
    try:
        return _read(path, path.stat().st_mtime_ns, path.stat().st_size)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise RequestError(f"{path}{where}: {error.msg}") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "strerror", "") or str(error) or type(error).__name__
        raise RequestError(f"{path} cannot be read: {why}") from None


@functools.lru_cache(maxsize=64)
def _read(path: Path, _changed: int, _size: int) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


# --- What a statement names ------------------------------------------------------------------


def named_by(path: Path, node: ast.AST) -> Iterator[Name]:
    """Yield the names that a node needs, of its own file and of those that it imports from."""
    if isinstance(node, Import):  # of which who names it needs what is asked of it
        return
    for one in ast.walk(node):
        if isinstance(one, Import):
            for file, name in beside(path, one):
                yield from _resolved(file, name)
    for name, attribute in _mentioned(node):
        yield from _resolved(path, name, attribute)


def _mentioned(node: ast.AST, local: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Yield each name in a node that is no function's own, with the attribute asked of it, or none."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for outside in (*node.decorator_list, node.args, *filter(None, [node.returns])):
            yield from _mentioned(outside, local)
        local |= _own_names(node)
        inside: Iterable[ast.AST] = node.body
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield from [] if node.value.id in local else [(node.value.id, node.attr)]
        return
    elif isinstance(node, ast.Name):
        yield from [] if node.id in local else [(node.id, "")]
        return
    else:
        inside = ast.iter_child_nodes(node)
    for one in inside:
        yield from _mentioned(one, local)


def _own_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return a function's arguments and the names to which it gives values, but for global ones."""
    given = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    stored = set().union(*map(bound, function.body))
    declared = {
        name
        for one in ast.walk(function)
        if isinstance(one, ast.Global | ast.Nonlocal)
        for name in one.names
    }
    return (given | stored) - declared


def _resolved(path: Path, name: str, attribute: str = "") -> Iterator[Name]:
    """Yield what a name in a file is: one at its top, or what it stands for in another file."""
    seen: set[tuple[Path, str, str]] = set()
    waiting = [(path, name, attribute)]
    while waiting:
        path, name, attribute = one = waiting.pop(0)
        if one in seen:
            continue
        seen.add(one)
        yield path, name
        for top in read(path).body:
            for alias in top.names if isinstance(top, Import) else ():
                if alias.name != "*" and name not in ("", _first(alias)):
                    continue
                for file, inner in beside(path, typing.cast("Import", top), alias):
                    if alias.name == "*":
                        waiting.append((file, name, attribute))
                    elif not inner and attribute and _has(file, attribute):
                        waiting.append((file, attribute, ""))
                    else:
                        waiting.append((file, inner, attribute if inner else ""))


def _first(alias: ast.alias) -> str:
    """Return the name that an import gives."""
    return (alias.asname or alias.name).partition(".")[0]


def _has(path: Path, name: str) -> bool:
    return any(name in bound(top) or _is_star(top) for top in read(path).body)


def _is_star(top: ast.stmt) -> bool:
    """Whether a statement may give a value to any name."""
    return isinstance(top, ast.ImportFrom) and top.names[0].name == "*"


def _giving(path: Path, name: str) -> Iterator[tuple[Path, ast.stmt]]:
    """Yield the statements at the top of a file that may give a name its value; of all, all."""
    for top in read(path).body:
        if isinstance(top, Import):
            yield from ((path, _less(top, one)) for one in top.names if name in ("", _first(one)))
        elif name in bound(top) or (not name and not _is_word(top)):
            yield path, top


def _less(top: Import, alias: ast.alias) -> ast.stmt:
    """Return an import of one of its names alone."""
    if isinstance(top, ast.Import):
        made: Import = ast.Import([alias])
    else:
        made = ast.ImportFrom(top.module, [alias], top.level)
    return ast.copy_location(made, alias)


def _is_word(top: ast.AST) -> bool:
    """Whether a statement is a docstring, or as good as one: it computes nothing."""
    return isinstance(top, ast.Expr) and isinstance(top.value, ast.Constant)


@functools.lru_cache(maxsize=4096)
def bound(top: ast.AST) -> frozenset[str]:
    """Return the names of its file to which a statement gives a value."""
    names: set[str] = set()
    waiting: list[ast.AST] = [top]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Definition):
            names.add(one.name)
            for inner in ast.walk(one):
                names |= set(inner.names) if isinstance(inner, ast.Global) else set()
            continue
        if isinstance(one, Import):
            names |= {_first(alias) for alias in one.names}
        elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            names.add(one.id)
        elif isinstance(one, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and one.name:
            names.add(one.name)
        elif isinstance(one, ast.MatchMapping) and one.rest:
            names.add(one.rest)
        waiting += ast.iter_child_nodes(one)
        if isinstance(one, ast.comprehension):  # whose variable is no one else's
            waiting.remove(one.target)
        elif isinstance(one, ast.Lambda):
            waiting.remove(one.args)
    return frozenset(names)


# --- What a statement changes ----------------------------------------------------------------


def configures(path: Path) -> tuple[int, Name] | None:
    """Return the first line of a file that changes what is another's, and what that is, if any."""
    for top in read(path).body:
        for file, name in sorted(changes(path, top)):
            if file != path:
                return top.lineno, (file, name)
    return None


@functools.lru_cache(maxsize=4096)
def changes(path: Path, top: ast.stmt) -> frozenset[Name]:
    """Return the names whose values a statement changes in place, itself or by what it calls.

    It is found by syntax: a value that a function keeps, and changes when it is called again, is
    not seen.
    """
    if isinstance(top, Import) or _is_word(top):
        return frozenset()
    return frozenset(_changed(path, list(_executed(top)), frozenset(), frozenset()))


def _executed(top: ast.AST) -> Iterator[ast.AST]:
    """Yield what is executed when a file is: all but the insides of functions."""
    yield top
    for one in ast.iter_child_nodes(top):
        inside = isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef) and one in top.body
        if not inside and not isinstance(top, ast.Lambda):
            yield from _executed(one)


class _Inside(NamedTuple):
    """Where statements are executed: at the top of a file, or in a function.

    Attributes:
        local: names of the function's own, which come with an empty path.
        calling: the definitions that are being looked at.
        sources: what names are given as their values.
    """

    path: Path
    local: frozenset[str]
    calling: frozenset[int]
    sources: dict[str, list[ast.AST]]

    def is_here(self, name: Name) -> bool:
        return name[0] in (self.path, Path())

    def behind(self, node: ast.AST, *, whole: bool = False, new: bool = False) -> Iterator[Name]:
        """Yield what an expression is a part of.

        Args:
            whole: a definition too may be meant, and not what it returns.
            new: so may a name that another file does not have yet.
        """
        waiting = [(*_root(part), whole, True) for part in _parts(node)]
        passed: set[str] = set()
        while waiting:
            name, attribute, as_it_is, surely = waiting.pop()
            if not name or name in passed:
                continue
            passed.add(name)
            for value in self.sources.get(name, ()):
                same = surely and not _copies(value)
                waiting += [(*_root(part), False, same) for part in _parts(value)]
            if name in self.local:
                yield Path(), name
                continue
            for file, found in _resolved(self.path, name, attribute):
                kinds = {type(top) for top in read(file).body if found in bound(top)}
                is_defined = not kinds.isdisjoint(typing.get_args(Definition))
                if new and not found:
                    yield file, found
                elif kinds - set(typing.get_args(Import)) and (as_it_is or not is_defined):
                    yield from [(file, found)] if surely or self.is_here((file, found)) else []

    def by_call(self, call: ast.Call, *, stated: bool) -> Iterator[Name]:
        """Yield what a call changes.

        Args:
            stated: it is a statement, made for what it changes.
        """
        if isinstance(call.func, ast.Attribute) and call.func.attr not in READING:
            # Of a class, what it holds is changed by a method; it itself is by none.
            found = self.behind(call.func.value, whole=_is_held(self.path, call.func.value))
            sure = call.func.attr in CHANGING
            yield from (name for name in found if sure or self.is_here(name))
        called = list(_called(self.path, call.func, self.calling))
        for name in called:
            if name[0] == self.path or (stated and name[0] != Path()):
                yield name
        setting = isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr")
        sure = setting or any(file == Path() for file, _ in called)
        # What is installed may change what it is given, as random.shuffle does, or itself.
        if sure or stated:
            yield self.path, _root(call.func)[0]
            for given in (*call.args, *(word.value for word in call.keywords)):
                found = self.behind(given, whole=setting and given is call.args[0])
                yield from (name for name in found if sure or self.is_here(name))

    def by_definition(self, one: ast.AST) -> Iterator[Name]:
        """Yield what a function's decorators change, or classes above one that are told of it."""
        for decorator in getattr(one, "decorator_list", ()):
            called = _called(self.path, decorator, self.calling)
            yield from (name for name in called if name[0] != Path())
            made = decorator.func if isinstance(decorator, ast.Call) else decorator
            of = made.value if isinstance(made, ast.Attribute) else made
            yield from self.behind(of, whole=isinstance(made, ast.Attribute))
        for base in getattr(one, "bases", ()):
            yield from (name for name in self.behind(base, whole=True) if _hears(*name))


def _changed(
    path: Path, nodes: list[ast.AST], local: frozenset[str], calling: frozenset[int]
) -> Iterator[Name]:
    """Yield the names at the top of files whose values these nodes change."""
    inside = _Inside(path, local, calling, _sources([*nodes, *read(path).body]))
    statements = {id(call) for one in nodes if isinstance(one, ast.Expr) for call in ast.walk(one)}
    for one in nodes:
        if isinstance(one, ast.Global):
            yield from ((path, name) for name in one.names)
        elif isinstance(one, ast.Attribute | ast.Subscript) and not isinstance(one.ctx, ast.Load):
            whole = not _copies(one.value)
            yield from inside.behind(one, whole=whole, new=whole)
            yield path, _root(one)[0]  # of a module that is installed
        elif isinstance(one, ast.Call):
            yield from inside.by_call(one, stated=id(one) in statements)
        elif isinstance(one, Definition):
            yield from inside.by_definition(one)


def _called(path: Path, function: ast.AST, calling: frozenset[int]) -> Iterator[Name]:
    """Yield what calling a function, or making an object of a class, of one's own changes."""
    name, attribute = _root(function)
    for file, found in list(_resolved(path, name, attribute)):
        for top in read(file).body:
            is_lambda = isinstance(top, ast.Assign) and isinstance(top.value, ast.Lambda)
            is_it = isinstance(top, Definition) and top.name == found
            if id(top) in calling or not (is_it or (is_lambda and found in bound(top))):
                continue
            nodes = list(ast.walk(top))
            given = {one.arg for one in nodes if isinstance(one, ast.arg)}
            stored = {one.id for one in nodes if isinstance(one, ast.Name) and _is_set(one)}
            kept = {name for one in nodes if isinstance(one, ast.Global) for name in one.names}
            local = frozenset((given | stored) - kept)
            for place, changed in _changed(file, nodes, local, calling | {id(top)}):
                if place == Path() and changed == "cls":
                    yield file, found
                elif place != Path() or changed in given:
                    yield place, changed


def _is_held(path: Path, node: ast.AST) -> bool:
    """Whether an expression is something that a definition holds, such as `C.table`."""
    deep = sum(isinstance(one, ast.Attribute | ast.Subscript) for one in ast.walk(node))
    name, attribute = _root(node)
    is_of_file = any(found == attribute for file, found in _resolved(path, name, attribute))
    return deep > (1 if attribute and is_of_file else 0)


def _hears(file: Path, name: str) -> bool:
    """Whether a class is told of those that are made below it."""
    tops = [top for top in read(file).body if name in bound(top)]
    names = (getattr(one, "name", "") for top in tops for one in ast.walk(top))
    return "__init_subclass__" in names


def _copies(value: ast.AST) -> bool:
    """Whether an expression may be something of its own, and no part of what it begins with."""
    return any(isinstance(one, ast.Call | ast.Slice) for one in ast.walk(value))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions of which a value may be one, or hold one."""
    yield node
    inner: list[ast.expr] = []
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        inner = node.elts
    elif isinstance(node, ast.IfExp):
        inner = [node.body, node.orelse]
    elif isinstance(node, ast.Starred):
        inner = [node.value]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):  # enumerate(rows)
        inner = node.args
    for one in inner:
        yield from _parts(one)


def _sources(nodes: Iterable[ast.AST]) -> dict[str, list[ast.AST]]:
    """Return what names are given as their values, where that is an expression of other names."""
    found: dict[str, list[ast.AST]] = {}
    for one in nodes:
        value: Any = getattr(one, "value", None)
        if isinstance(one, ast.Assign):
            targets: list[Any] = one.targets
        elif isinstance(one, ast.AnnAssign | ast.NamedExpr):
            targets = [one.target]
        elif isinstance(one, ast.For | ast.comprehension):
            targets, value = [one.target], one.iter
        elif isinstance(one, ast.withitem):
            targets, value = [one.optional_vars], one.context_expr
        else:
            continue
        for target in targets:
            for name in ast.walk(target) if target is not None and value is not None else ():
                if isinstance(name, ast.Name) and _is_set(name):
                    found.setdefault(name.id, []).append(value)
    return found


def _is_set(name: ast.Name) -> bool:
    return not isinstance(name.ctx, ast.Load)


def _root(node: ast.AST) -> tuple[str, str]:
    """Return the name and the first attribute that `name.attribute[index].method()` begins with."""
    attribute = ""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        attribute = node.attr if isinstance(node, ast.Attribute) else ""
        node = node.func if isinstance(node, ast.Call) else node.value
    return (node.id, attribute) if isinstance(node, ast.Name) else ("", "")


# --- Where it lies ---------------------------------------------------------------------------


def beside(path: Path, node: Import, *aliases: ast.alias) -> Iterator[Name]:
    """Yield the files beside the study that an import reads, with the name that it takes of each.

    No name is all of it.

    Args:
        aliases: which of the names that it imports; by default all.
    """
    of = node.module or "" if isinstance(node, ast.ImportFrom) else None
    for alias in aliases or node.names:
        module, name = (alias.name, "") if of is None else (of, alias.name)
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
        yield file, "" if inner or name == "*" else name
        folder = file.parent.parent if file.name == "__init__.py" else file.parent
        while (folder / "__init__.py").is_file():  # what is executed on the way to it
            yield folder / "__init__.py", ""
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


def form(node: Any, less: Callable[[ast.expr], bool] | None = None) -> Any:
    """Return syntax as plain values, the same for every version of Python, without docstrings.

    Args:
        less: whether a decorator of this node is left out.
    """
    if isinstance(node, ast.Constant):
        return type(node.value).__name__, repr(node.value)
    if isinstance(node, list):
        return [form(one) for one in node if not _is_word(one)]
    if not isinstance(node, ast.AST):
        return node
    fields = {name: value for name, value in ast.iter_fields(node) if name not in LEFT_OUT}
    if isinstance(node, Definition) and less is not None:
        fields["decorator_list"] = [one for one in node.decorator_list if not less(one)]
    kept = {name: form(value) for name, value in fields.items() if value not in (None, [])}
    return type(node).__name__, kept

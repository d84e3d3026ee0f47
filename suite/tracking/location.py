"""Where the tracking store is, and whether it can be written, without loading mlflow."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from suite.ground.errors import RequestError

DEFAULT_URI = "sqlite:///mlflow.db"
SQLITE = "sqlite:///"
KNOWN = (SQLITE, "http://", "https://", "postgresql", "mysql", "mssql")


# By what is shown of a database's address, the address with its password, for the client alone.
_WHOLE: dict[str, str] = {}


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI as it may be shown, or SQLite in the working directory."""
    return shown(os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI)


def shown(uri: str) -> str:
    """Return an address without user and password, which nothing that is written or printed holds.

    `whole` has a database's again. Those of a server go where MLflow's client looks for them:
    in an address they would stand in its errors.
    """
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise RequestError(f"the tracking store is no address: {error}") from None
    if "@" not in parts.netloc:
        return uri
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if is_remote(uri):
        os.environ.setdefault("MLFLOW_TRACKING_USERNAME", unquote(parts.username or ""))
        os.environ.setdefault("MLFLOW_TRACKING_PASSWORD", unquote(parts.password or ""))
    else:
        _WHOLE[bare] = uri
    return bare


def whole(uri: str) -> str:
    """Return the address that a client needs of one that is shown."""
    return _WHOLE.get(uri, uri)


def is_remote(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def identity(uri: str) -> str:
    """Return a name for the store that does not depend on the working directory."""
    if not uri.startswith(SQLITE):
        return uri
    _, question, options = uri.partition("?")
    return f"{SQLITE}{file_of(uri).resolve()}{question}{options}"


def exists(uri: str) -> bool:
    """Say whether a store is there already; a remote one always may be."""
    return not uri.startswith(SQLITE) or file_of(uri).exists()


def check_writable(uri: str) -> None:
    """Raise RequestError if a store is of no known kind, or cannot be written; leave nothing behind."""
    if not uri.startswith(KNOWN):
        kinds = ", ".join(KNOWN)
        raise RequestError(f"the tracking store '{uri}' must begin with one of {kinds}")
    if is_remote(uri) and not urlsplit(uri).hostname:
        raise RequestError(f"the tracking store '{uri}' names no machine, as http://localhost:5000")
    if not uri.startswith(SQLITE):
        return
    file = file_of(uri)
    if not file.name or file.name == ":memory:":
        raise RequestError(
            f"the tracking store {uri} cannot be written: it names no file, as {DEFAULT_URI}"
        )
    if file.exists() and not file.is_file():
        raise RequestError(
            f"the tracking store {uri} cannot be written: {file} is no ordinary file"
        )
    try:
        if file.exists():
            with sqlite3.connect(file, isolation_level=None) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        else:
            with tempfile.TemporaryFile(dir=file.parent):
                pass
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RequestError(f"the tracking store {uri} cannot be written: {reason}") from None


def file_of(uri: str) -> Path:
    """Return the file of a SQLite store, whose address may end in options for its driver."""
    return Path(uri.removeprefix(SQLITE).partition("?")[0])

"""Where the tracking store is, and whether it can be written, without loading mlflow."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

from suite.ground.errors import RequestError

DEFAULT_URI = "sqlite:///mlflow.db"
SQLITE = "sqlite:///"
KNOWN = (SQLITE, "http://", "https://", "postgresql", "mysql", "mssql")


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or SQLite in the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def is_remote(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def identity(uri: str) -> str:
    """Return a name for the store that does not depend on the working directory."""
    return f"{SQLITE}{file_of(uri).resolve()}" if uri.startswith(SQLITE) else uri


def exists(uri: str) -> bool:
    """Say whether a store is there already; a remote one always may be."""
    return not uri.startswith(SQLITE) or file_of(uri).exists()


def check_writable(uri: str) -> None:
    """Raise RequestError if a store is of no known kind, or cannot be written; leave nothing behind."""
    if not uri.startswith(KNOWN):
        kinds = ", ".join(KNOWN)
        raise RequestError(f"the tracking store '{uri}' must begin with one of {kinds}")
    if not uri.startswith(SQLITE):
        return
    file = file_of(uri)
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
    """Return the file of a SQLite store."""
    return Path(uri.removeprefix(SQLITE))

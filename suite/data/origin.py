"""Where a source's examples come from, in the words of a record."""

from __future__ import annotations

import importlib.metadata
import pkgutil

from suite.data import sources
from suite.vocabulary.data import Data


def origin(data: Data) -> str:
    """Return the package or folder that a source is read from, that it is drawn, or who reads it.

    Which bytes were there, the digest of the examples says.
    """
    if data.drawn:
        return "drawn from the seed"
    if sources.unsplit(data) in sources.given:
        return "sent by the coordinator"
    if data.files():
        return ", ".join(map(str, data.files()))
    if data.package:
        return f"{data.package} {importlib.metadata.version(data.package)}"
    return str(pkgutil.resolve_name(data.origin)()) if data.origin else f"{data.home}.{data.word}"

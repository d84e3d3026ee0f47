"""Reading a saved view back as MLflow's UI does."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any


def state_of(tag: str) -> dict[str, Any]:
    """Return the state of the page that a saved view's tag holds."""
    form, _, packed = json.loads(tag)["state"].partition(";")
    assert form == "deflate"
    state: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return state

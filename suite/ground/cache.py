"""The user's cache folder: what lies there can be made again, and makes the next start quicker."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return where the project caches, such as `~/.cache/thumbrules`; it may not be there yet."""
    ensure_home()
    return Path(platformdirs.user_cache_dir("thumbrules"))


@functools.cache
def ensure_home() -> tempfile.TemporaryDirectory[str] | None:
    """Give a user whom the system does not know a home until this process ends.

    Libraries keep things of theirs there, and so do the processes that this one starts.
    """
    try:
        Path.home()
    except (KeyError, RuntimeError):
        folder = tempfile.TemporaryDirectory(prefix="thumbrules-")
        os.environ["HOME"] = folder.name
        return folder
    return None

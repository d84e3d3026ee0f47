"""The user's cache folder: what lies there can be made again, and makes the next start quicker."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return where the project caches, such as `~/.cache/thumbrules`; it may not be there yet."""
    return Path(platformdirs.user_cache_dir("thumbrules"))

"""What a SQLite store is known to hold, so that MLflow, which takes seconds to load, is not asked.

Only runs of this folder write to its store, and each notes here what it wrote. A file that is lost,
or of another store, costs nothing but those seconds.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from suite.tracking import location

DEFAULT = Path(".thumbrules") / "written.json"


class Written:
    """What is known of one store, by study and thing: a digest of what was written, or where it is.

    Args:
        uri: the store; of any but a SQLite file in this folder nothing is known, for others write
            to it too.
    """

    def __init__(self, uri: str, path: Path = DEFAULT) -> None:
        self.uri, self.path = uri, path

    def recall(self, study: str, thing: str) -> Any:
        """Return what was last noted of this store, or None."""
        return None if self._store() is None else self._known().get(study, {}).get(thing)

    def note(self, study: str, thing: str, value: Any) -> None:
        """Note a plain value; a disk that takes no more is no fault."""
        if self._store() is None:
            return
        known = self._known()
        known.setdefault(study, {})[thing] = value
        self._keep(known)

    def forget(self, study: str) -> None:
        """Note nothing of a study any more."""
        known = self._known()
        if known.pop(study, None) is not None:
            self._keep(known)

    def _keep(self, known: dict[str, dict[str, Any]]) -> None:
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_name(f"{self.path.name}.partial")
            partial.write_text(json.dumps({"store": self._store(), "written": known}))
            partial.replace(self.path)

    def _known(self) -> dict[str, dict[str, Any]]:
        try:
            kept = json.loads(self.path.read_text())
            return dict(kept["written"]) if kept["store"] == self._store() else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _store(self) -> list[Any] | None:
        """Return what tells this store's file from another in its place, or None if there is none."""
        if not self.uri.startswith(location.SQLITE):
            return None
        file = location.file_of(self.uri).resolve()
        try:
            own = file.parent == self.path.resolve().parents[1]
            return [str(file), file.stat().st_ino] if own else None
        except OSError:
            return None

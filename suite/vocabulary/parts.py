"""What the named parts of a recipe have in common: each name reads some fields and no others."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from suite.ground.errors import RequestError


def ignored(part: Any, reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the fields that the named part does not read."""
    owned = {name for names in reads.values() for name in names}
    names = [field.name for field in dataclasses.fields(part)]
    return [name for name in names if name in owned and name not in reads[part.name]]


def refuse_ignored(part: Any, reads: Mapping[str, tuple[str, ...]]) -> None:
    """Raise RequestError if a field is given that the named part would not read."""
    defaults = {field.name: field.default for field in dataclasses.fields(part)}
    for name in ignored(part, reads):
        if getattr(part, name) != defaults[name]:
            raise RequestError(f"{type(part).__name__} '{part.name}' does not use '{name}'")

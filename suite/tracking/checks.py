"""Whether a record or an execution from elsewhere is one: no digest says that its author meant well.

What passes here can be put into tables and grids like one that was made on this machine.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from suite.ground.identity import SEMANTICS_VERSION, id_of
from suite.vocabulary.looks import MOST_SEEDS
from suite.vocabulary.record import Execution, Record

PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "bool": bool,
    "int": int,
    "float": (int, float),
    "int | None": (int, type(None)),
    "list[str]": list,
}


def check_record(record: Record) -> None:
    """Raise ValueError if a field is of a wrong type, or the id is that of another trial."""
    for part in (record, record.outcome, record.provenance):
        _check_types(part)
    for name, value in record.outcome.final.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"its {name} is no number")  # noqa: TRY004 - the archive is at fault
    versions = range(1, SEMANTICS_VERSION + 1)
    fitting = (id_of(record.recipe, record.seed, alone=record.alone, semantics=v) for v in versions)
    if record.id not in fitting:
        raise ValueError("its id does not fit its recipe and seed")


def check_execution(execution: Execution) -> None:
    """Raise ValueError if a field is of a wrong type, or more seeds are named than can be asked."""
    _check_types(execution)
    if not all(isinstance(levels, list) for levels in execution.only.values()):
        raise ValueError("its levels are no list")
    changes = {"seeds": execution.seeds, **execution.overrides}
    for path, value in changes.items():
        if path.rpartition(".")[2] == "seeds" and isinstance(value, int) and value > MOST_SEEDS:
            raise ValueError(f"it asks for {value:,} seeds")


def _check_types(thing: Any) -> None:
    for field in dataclasses.fields(thing):
        written = str(field.type)
        kind = dict if written.startswith("Mapping") else PLAIN.get(written, object)
        if not isinstance(getattr(thing, field.name), kind):
            raise ValueError(f"its {field.name} is no {written}")  # noqa: TRY004

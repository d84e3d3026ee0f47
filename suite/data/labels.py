"""Classes inferred from labels, whatever they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from suite.ground.errors import RequestError

Array = np.ndarray[Any, Any]
IGNORED = -100  # A target of a position that does not count; PyTorch's losses leave it out, too.


def as_labels(values: Any) -> Array:
    """Return labels as an array in which a missing one among words is still missing."""
    found = np.asarray(values)
    words = found.dtype.kind in "US" and not isinstance(values, np.ndarray)
    return np.asarray(values, object) if words else found


def classes_of(who: str, labels: Array) -> tuple[Array, tuple[str, ...]]:
    """Return classes from 0, int64 `(n,)`, in the sorted order of labels, and what these are called.

    Labels are words, truth values or whole numbers; below 0 only where they are -1 and 1, since -100
    or -1 beside others is how a label is marked that shall not count.

    Raises:
        RequestError: if one is missing or below 0, all are one, or two differ in blanks only.
    """
    whole = np.issubdtype(labels.dtype, np.integer)
    if not whole and labels.dtype != bool:
        missing = [row for row, label in enumerate(labels.tolist()) if is_missing(label)]
        if missing:
            raise RequestError(f"{who} has examples without a label, first in row {missing[0]}")
        labels = labels.astype(str)
    found, classes = np.unique(labels, return_inverse=True)
    if labels.dtype.kind == "U":
        bare: dict[str, str] = {}
        for one in found.tolist():
            if (other := bare.setdefault(one.strip(), one)) != one:
                raise RequestError(
                    f"{who} has labels that only blanks tell apart: {other!r}, {one!r}"
                )
    if whole and found[0] < 0 and found.tolist() != [-1, 1]:
        row = int(labels.argmin())
        raise RequestError(f"{who} needs classes from 0, not {labels[row]} (row {row})")
    if len(found) < 2:
        raise RequestError(f"{who} has one class only: there is nothing to tell apart")
    return classes.astype(np.int64), tuple(map(str, found.tolist()))


def is_missing(label: object) -> bool:
    """Whether a label, or an entry of a text, is none."""
    return label is None or label == "" or label != label  # noqa: PLR0124 - no number equals itself

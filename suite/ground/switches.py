"""What a process is set to, kept as it was while someone else's code runs. Loads no library.

Working directory, which warnings are errors, NumPy's treatment of errors, and PyTorch's switches:
whatever runs after that code would compute otherwise than alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

# PyTorch's switches that are attributes, and what they are before anyone turns them.
ATTRIBUTES = {
    "cudnn.benchmark": False,
    "cudnn.enabled": True,
    "cudnn.allow_tf32": True,
    "cuda.matmul.allow_tf32": False,
    "mkldnn.enabled": True,
}


@contextlib.contextmanager
def kept() -> Iterator[list[str]]:
    """Undo what is changed meanwhile; give a list that names, in the end, changes of what is computed.

    That is PyTorch's default type and device, of which whoever changes them means to train so.
    """
    folder, shown = os.getcwd(), list(warnings.filters)  # noqa: PTH109
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    errors = numpy.geterr() if numpy else None
    before = _switches(torch) if torch else {}
    changed: list[str] = []
    try:
        yield changed
    finally:
        os.chdir(folder)
        for one in set(warnings.filters).difference(shown):
            if one[0] == "error":  # others may be of a library that a thread has just loaded
                warnings.filters.remove(one)  # type: ignore[attr-defined]
        if errors:
            sys.modules["numpy"].seterr(**errors)
        if torch := sys.modules.get("torch"):
            changed += _put_back(torch, before)


def _switches(torch: Any) -> dict[str, Any]:
    found = {
        "dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "grad": torch.is_grad_enabled(),
        "anomalies": torch.is_anomaly_enabled(),
        "deterministic": torch.get_deterministic_debug_mode(),
    }
    for path in ATTRIBUTES:
        with contextlib.suppress(AttributeError, RuntimeError):  # as of another version of PyTorch
            found[path] = getattr(*_attribute(torch, path))
    return found


def _put_back(torch: Any, before: dict[str, Any]) -> list[str]:
    """Set every switch as it was, or as it is at first where PyTorch was not there yet."""
    plain = {"dtype": torch.float32, "grad": True, "anomalies": False, "deterministic": 0}
    before = ATTRIBUTES | plain | before
    now, changed = _switches(torch), []
    if now["dtype"] != before["dtype"]:
        changed.append("default dtype")
        torch.set_default_dtype(before["dtype"])
    if str(torch.get_default_device()) != "cpu":  # which nothing here changes
        changed.append("default device")
        torch.set_default_device(None)
    if "threads" in before and now["threads"] != before["threads"]:
        torch.set_num_threads(before["threads"])
    torch.set_flush_denormal(False)  # there is no asking
    torch.set_grad_enabled(before["grad"])
    if now["anomalies"] != before["anomalies"]:
        torch.autograd.set_detect_anomaly(before["anomalies"])
    torch.set_deterministic_debug_mode(before["deterministic"])
    for path in ATTRIBUTES:
        if path in now and now[path] != before[path]:
            setattr(*_attribute(torch, path), before[path])
    return changed


def _attribute(torch: Any, path: str) -> tuple[Any, str]:
    """Return what has the attribute at a path below `torch.backends`, and its name."""
    *folders, name = path.split(".")
    owner = torch.backends
    for folder in folders:
        owner = getattr(owner, folder)
    return owner, name

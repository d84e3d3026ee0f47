"""What GPUs there are, by asking the driver. Loads no torch, which takes seconds."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from typing import Any

DRIVERS = ("libcuda.so.1", "nvcuda.dll")  # of CUDA, on Linux and on Windows


@functools.cache
def count() -> int:
    """Return how many CUDA devices there are."""
    driver, found = _driver(), ctypes.c_int(0)
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(found)) != 0:
        return 0
    return found.value


@functools.cache
def memory() -> int:
    """Return the bytes that the first device has in all, or 0 where there is none."""
    driver, found = _driver(), ctypes.c_size_t(0)
    if driver is None or driver.cuDeviceTotalMem_v2(ctypes.byref(found), 0) != 0:
        return 0
    return found.value


def _driver() -> Any:
    for name in DRIVERS:
        with contextlib.suppress(OSError):
            driver = ctypes.CDLL(name)
            return driver if driver.cuInit(0) == 0 else None
    return None

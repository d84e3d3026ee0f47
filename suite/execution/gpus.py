"""What GPUs there are that PyTorch can use, by asking the driver. Loads no torch, which takes seconds."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import runpy
from pathlib import Path
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
    """Return the driver, if there is one that is new enough for the PyTorch that is installed."""
    if not (wanted := _built_for()):
        return None
    version = ctypes.c_int(0)  # 1,000 times the major and 10 times the minor one
    for name in DRIVERS:
        with contextlib.suppress(OSError):
            driver = ctypes.CDLL(name)
            known = driver.cuDriverGetVersion(ctypes.byref(version)) == 0
            able = known and version.value // 1000 >= wanted
            return driver if able and driver.cuInit(0) == 0 else None
    return None


def _built_for() -> int:
    """Return the major version of CUDA that PyTorch was built for, or 0 if for none."""
    torch = importlib.util.find_spec("torch")
    assert torch is not None
    assert torch.origin is not None
    version = runpy.run_path(str(Path(torch.origin).with_name("version.py")))["cuda"]
    return int(version.partition(".")[0]) if version else 0

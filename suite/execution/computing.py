"""What computes in this process: PyTorch's own account of itself, for a record. Loads torch.

A record's account of what computed comes from the process that trained; the coordinator adds what
it can say without torch.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

import torch

from suite.data.origin import origin
from suite.training import captured
from suite.vocabulary.recipe import Probe, Recipe
from suite.vocabulary.record import Outcome

DRIVER = Path("/sys/module/nvidia/version")


def facts(recipe: Recipe | Probe, outcome: Outcome, device: str) -> dict[str, Any]:
    """Return the fields of Provenance that only the process that trained can know."""
    gpu = torch.device(device).type == "cuda"
    return {
        "threads": torch.get_num_threads(),
        "libraries": _libraries() | (_cuda() if gpu else {}),
        "deterministic": _switches() | (_graphs() if gpu else {}),
        "gpu": torch.cuda.get_device_name(device) if gpu else "",
        "driver": DRIVER.read_text().strip() if gpu and DRIVER.exists() else "",
        "data_source": _source(recipe, outcome),
    }


def _source(recipe: Recipe | Probe, outcome: Outcome) -> str:
    """Return where the data came from, if there are any and they were had."""
    return origin(recipe.data) if isinstance(recipe, Recipe) and outcome.data_digest else ""


@functools.cache
def _libraries() -> dict[str, str]:
    """Return the CPU's: PyTorch has no other account of them than this text."""
    built = torch.__config__.show()
    found = {"capability": torch.backends.cpu.get_cpu_capability()}
    for name, pattern in (
        ("blas", r"BLAS_INFO=(\w+)"),
        ("mkl", r"Math Kernel Library Version (\S+)"),
        ("onednn", r"MKL-DNN (v\S+)"),
    ):
        if match := re.search(pattern, built):
            found[name] = match[1]
    return found


@functools.cache
def _cuda() -> dict[str, str]:
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return {"cuda": str(torch.version.cuda), "cudnn": str(cudnn)}


def _graphs() -> dict[str, str]:
    return {captured.VARIABLE: "1"} if captured.asked_for() else {}


def _switches() -> dict[str, str]:
    return {
        "algorithms": ("default", "warn", "error")[torch.get_deterministic_debug_mode()],
        "cudnn.benchmark": str(torch.backends.cudnn.benchmark),
        "cudnn.allow_tf32": str(torch.backends.cudnn.allow_tf32),
        "matmul.allow_tf32": str(torch.backends.cuda.matmul.allow_tf32),
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""),
    }

"""Where trials run: what a record says of the machine and the code. Loads no torch."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

# All that computes, decodes or holds numbers on their way from a source to a verdict.
PACKAGES = (
    "thumbrules", "torch", "torchvision", "numpy", "pandas", "scipy", "statsmodels",
    "scikit-learn", "mlxtend", "pillow", "mlflow",
)  # fmt: skip
# Those for which PyTorch, MKL and oneDNN have kernels of their own, which sum in other orders.
INSTRUCTIONS = frozenset({
    "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "asimd", "asimddp", "bf16", "sve", "sve2", "svebf16",
})  # fmt: skip


def capture() -> dict[str, Any]:
    """Return the fields of Provenance that are the same for every trial run on this machine."""
    changes = _changes()
    return {
        "commit": _git("rev-parse", "HEAD").strip(),
        "dirty": bool(changes),
        "diff": hashlib.sha256(changes.encode()).hexdigest()[:16] if changes else "",
        "command": command(),
        **machine(),
    }


def machine() -> dict[str, Any]:
    """Return those of them that another machine may have otherwise."""
    about = _processor()
    return {
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": about.get("model name") or platform.processor(),
        "instructions": tuple(sorted(INSTRUCTIONS & set(_flags(about)))),
    }


def command() -> str:
    """Return the command line of this process, as one would type it, but for passwords in addresses."""
    typed = shlex.join(["python", "-m", "suite", *sys.argv[1:]])
    return re.sub(r"(?<=://)[^/\s@]+@", "", typed)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _changes() -> str:
    """Return every difference between the checkout and its commit, new Python files included."""
    new = [
        name for name in _git("ls-files", "-oz", "--exclude-standard", "*.py").split("\0") if name
    ]
    digests = [hashlib.sha256((_root() / name).read_bytes()).hexdigest() for name in new]
    diff = _git("diff", "HEAD", "--no-ext-diff", "--binary")
    listed = _git("status", "--porcelain")
    return "\n".join([listed, diff, *new, *digests]) if listed else ""


def _root() -> Path:
    return Path(__file__).parents[2]


def _git(*arguments: str) -> str:
    """Return what git says of the checkout this file belongs to; nothing outside of one."""
    if not (_root() / ".git").exists():
        return ""
    command = ["git", "-C", str(_root()), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode(errors="replace")


@functools.cache
def _processor() -> dict[str, str]:
    """Return what Linux says of the first processor, by name; nothing elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _flags(about: dict[str, str]) -> list[str]:
    return (about.get("flags") or about.get("Features") or "").split()

"""Where trials run: what a record says of the machine and the code. Loads no torch."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("thumbrules", "torch", "torchvision", "numpy", "pandas", "scipy", "mlflow")


def capture() -> dict[str, Any]:
    """Return the fields of Provenance that are the same for every trial run on this machine."""
    status = _git("status", "--porcelain")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(status),
        "command": command(),
        **machine(),
    }


def machine() -> dict[str, Any]:
    """Return those of them that another machine may have otherwise."""
    return {
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
    }


def command() -> str:
    """Return the command line of this process, as one would type it."""
    return shlex.join(["python", "-m", "suite", *sys.argv[1:]])


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _git(*arguments: str) -> str:
    """Return what git says of the checkout this file belongs to; nothing outside of one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()

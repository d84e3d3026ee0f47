"""Sessions that anyone can run with nothing but Python and nox; they share one environment.

torch is several gigabytes, so the environment is made once, in `.venv`, and made again only when
what it installs has changed.
"""

from __future__ import annotations

import hashlib
import os
import sys
import venv
from pathlib import Path

import nox

nox.options.sessions = ["tests"]
nox.options.error_on_external_run = False
nox.options.default_venv_backend = "none"

ROOT = Path(__file__).parent
ENVIRONMENT = ROOT / ".venv"
PEERS = ROOT / ".nox" / "peers"
AXE = ROOT / ".nox" / "axe"
AXE_VERSION = "4.14.1"
BIN = "Scripts" if os.name == "nt" else "bin"
PYTHON = str(ENVIRONMENT / BIN / "python")
# How tests are spread over cores: a file at a time, in the order that tests/conftest.py gives them.
SPREAD = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
ON_GPU = {"THUMBRULES_TEST_GPU": "1"}  # other tests see none
SOURCES = ("suite", "studies", "reports", "tests", "noxfile.py")


def prepare(session: nox.Session) -> None:
    """Make the shared environment, unless it is there and up to date."""
    wanted = hashlib.sha256(sys.version.encode())
    for name in ("pyproject.toml", "constraints.txt"):
        wanted.update((ROOT / name).read_bytes())
    stamp = ENVIRONMENT / "thumbrules-stamp"
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return
    if not Path(PYTHON).exists():
        session.log("making the shared environment; torch is large, this takes minutes once")
        venv.create(ENVIRONMENT, with_pip=True)
    # A path entry instead of an import hook: a folder `reports/` in the working directory, where
    # the pages go, would hide the package `reports` from the hook.
    install(session, PYTHON, "-C", "editable_mode=compat", "--editable", ".[dev]")
    stamp.write_text(wanted.hexdigest())


def install(session: nox.Session, python: str, *packages: str) -> None:
    """Install packages at the versions in the constraints file."""
    session.run(python, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", *packages)


def suite(session: nox.Session, *arguments: str) -> None:
    """Run the project's command line."""
    session.run(PYTHON, "-m", "suite", *arguments)


@nox.session
def studies(session: nox.Session) -> None:
    """Run studies (the notes' at the laptop tier, or what follows `--`), then write the report."""
    prepare(session)
    arguments = session.posargs
    known = {path.stem for path in ROOT.glob("studies/*.py")} | {"--all", "--notebook"}
    words = {argument.partition("=")[0] for argument in arguments}
    named = bool(known & words) or not (arguments or ["-"])[0].startswith("-")
    suite(session, "run", "--pages", *([] if named else ["--notebook", "notes"]), *arguments)
    suite(session, "report")
    session.run(
        PYTHON, "-m", "suite", "compare", "published", ".", "--brief", success_codes=[0, 1, 2]
    )
    session.log("open reports/html/index.html; `nox -s ui` opens every trial in MLflow's UI")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, a file at a time on each core."""
    prepare(session)
    session.run(PYTHON, "-m", "pytest", *SPREAD, *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests that start no process of their own, or of what follows `--` those."""
    prepare(session)
    arguments = session.posargs or ["tests"]
    session.run(PYTHON, "-m", "pytest", *SPREAD, "--ignore", "tests/processes", *arguments)


@nox.session
def gpu(session: nox.Session) -> None:
    """Run the tests that need a GPU, on it."""
    prepare(session)
    arguments = session.posargs or ["tests/training/test_cuda.py"]
    session.run(PYTHON, "-m", "pytest", *arguments, env=ON_GPU)


@nox.session
def browser(session: nox.Session) -> None:
    """Open the site in Chromium: what it does, and, by axe-core, whether everyone can use it."""
    prepare(session)
    axe = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        package = f"axe-core@{AXE_VERSION}"
        session.run("npm", "install", "--silent", "--ignore-scripts", "--prefix", str(AXE), package)
    arguments = session.posargs or ["tests/browser"]
    session.run(PYTHON, "-m", "pytest", *arguments, env={"AXE": str(axe)})


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; other frameworks install in an environment that borrows this one's torch."""
    prepare(session)
    peers = PEERS / BIN / "python"
    if not peers.exists():
        venv.create(PEERS, with_pip=True)
        ours = next(ENVIRONMENT.glob("lib*/**/site-packages"))
        theirs = next(PEERS.glob("lib*/**/site-packages"))
        (theirs / "shared.pth").write_text(f"{ours}\n")
        install(session, str(peers), "lightning", "skorch", "ray[tune]")
    arguments = session.posargs or ["--benchmark-autosave"]
    command = [PYTHON, "-m", "pytest", "tests/bench", "--benchmark-only", "-s", *arguments]
    session.run(*command, env={"PEERS_PYTHON": str(peers), **ON_GPU})
    if not session.posargs:
        session.run(PYTHON, "-m", "reports.pages.benchmarks")


@nox.session
def calibration(session: nox.Session) -> None:
    """Measure how often the verdict code is wrong, at length; prints the table of the docs."""
    prepare(session)
    session.run(PYTHON, "tests/calibration.py", *(session.posargs or ["600"]))


@nox.session
def reports(session: nox.Session) -> None:
    """Write the report again from the records there are."""
    prepare(session)
    suite(session, "report", *session.posargs)


@nox.session
def ui(session: nox.Session) -> None:
    """Open MLflow's UI on the store."""
    prepare(session)
    suite(session, "ui", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    prepare(session)
    session.run(PYTHON, "-m", "ruff", "check", *SOURCES)
    session.run(PYTHON, "-m", "ruff", "format", "--check", *SOURCES)


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    prepare(session)
    session.run(PYTHON, "-m", "mypy")

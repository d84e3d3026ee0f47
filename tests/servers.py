"""Real MLflow servers, and a real PostgreSQL to put behind one."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from suite.tracking.mlflow_store import make_empty_store


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def mlflow_server(folder: Path, port: int = 0, backend: str = "") -> Iterator[str]:
    """Run a server on a store in a folder, or on a database, and return its address."""
    port = port or free_port()
    database = folder / "server.db"
    if not (backend or database.exists()):
        make_empty_store(database)
    address = f"http://127.0.0.1:{port}"
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", backend or f"sqlite:///{database}"]
    artifacts = ["--artifacts-destination", str(folder / "artifacts")]
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *arguments, *store, *artifacts],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/health", timeout=2).close()
                break
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's own programs, which Debian keeps off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb") or (found[-1] if found else None)
    return Path(named).parent if named else None


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL of its own, reached by a socket in its folder; return its URI."""
    programs = postgres_programs()
    assert programs is not None
    # It refuses to run as root: Debian's package brings a user for it.
    who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if who:
            shutil.chown(folder, "postgres")

        def call(program: str, *arguments: str) -> None:
            command = [*who, str(programs / program), "--pgdata", str(folder / "data")]
            subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

        call("initdb", "--username=postgres", "--auth=trust", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        call("pg_ctl", "start", "--wait", "--log", str(folder / "log"), "--options", options)
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "--mode=immediate")

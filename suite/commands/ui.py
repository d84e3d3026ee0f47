"""The command `suite ui`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import click

from suite.ground.errors import RequestError, first_line
from suite.runs.stores import stores
from suite.tracking import location


def _check_free(port: int) -> None:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError as error:
            raise RequestError(
                f"port {port} cannot be had ({error.strerror}): --port gives another"
            ) from None


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def ui(port: int) -> None:
    """Open MLflow's UI on the store, on this machine only."""
    journal, tracker = stores()
    location.check_writable(tracker.uri)  # MLflow itself would try for minutes
    if not location.is_remote(tracker.uri):
        _check_free(port)
    address = f"http://127.0.0.1:{port}"
    if location.is_remote(tracker.uri):
        address = tracker.uri
    links = tracker.links({one.study: one for one in journal.executions}.values())
    tracker.close()
    if tracker.error is not None:
        raise RequestError(
            f"the tracking store {tracker.uri} cannot be asked: {first_line(tracker.error)}"
        )
    for study, paths in links.items():
        print(f"{study}: {address}/{paths.charts}", flush=True)
    if not location.is_remote(tracker.uri):
        command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1"]
        command += ["--port", str(port)]
        # Not on a command line, where every user of the machine could read a password.
        store = {"MLFLOW_BACKEND_STORE_URI": location.whole(tracker.uri)}
        sys.exit(subprocess.run(command, check=False, env=os.environ | store).returncode)

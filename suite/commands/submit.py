"""The command `suite submit`."""

from __future__ import annotations

from pathlib import Path

import click

from suite.execution.strategy import THREADS
from suite.ground.errors import RequestError
from suite.vocabulary import discovery


@click.command()
@click.argument("study")
@click.argument("out", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def submit(study: str, out: Path, seed: int) -> None:
    """Train a competition's network on its files, and write the file to hand in."""
    write = discovery.submission(study)
    if not out.parent.is_dir():
        raise RequestError(f"there is no folder {out.parent}")
    from suite.training import determinism  # with torch, for which a wrong request need not wait

    determinism.enforce(THREADS)
    try:
        print(write(out, seed))
    except OSError as error:
        raise RequestError(f"{out} cannot be written: {error.strerror}") from None

"""The command `suite results`: a study's trials or curves as a table, for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from suite.commands.arguments import as_json, show, target_of
from suite.evidence.frames import AllFrames, Frames, plain_rows, short, write
from suite.ground.errors import RequestError
from suite.ground.wording import plural
from suite.runs.latest import latest
from suite.runs.stores import stores

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("study", required=False)
@click.option("--csv", type=FILE, help="Write all rows and columns to a CSV file.")
@click.option("--parquet", type=FILE, help="Write them to a Parquet file.")
@click.option("--curves", is_flag=True, help="The points of curves, not the trials.")
@as_json
def results(
    study: str | None, csv: Path | None, parquet: Path | None, curves: bool, as_json: bool
) -> None:
    """Show or write the trials of a study's latest run, a row each; without a name, of all studies."""
    if csv and parquet:
        raise RequestError("give --csv or --parquet, not both")
    file = csv or parquet
    target = target_of(file) if file else None
    read = latest(() if study is None else (study,), *stores())
    found = {one.study.name: Frames(one) for one in read.results}
    frames = AllFrames(found) if study is None else found[study]
    frame = frames.curves if curves else frames.trials
    form: dict[str, Any] = {"study": study} if study else {"studies": list(found)}
    if target is not None:
        write(frame, target, parquet=parquet is not None)
        show(form | {"file": str(file), "rows": len(frame)}, as_json, lambda _: str(file))
    elif as_json:
        show(form | {"curves" if curves else "trials": plain_rows(frame)}, as_json, str)
    else:
        count = plural(len(frame), "point" if curves else "trial")
        print(short(frame if curves else frames.of_interest))
        print(f"{count}; --csv FILE and --parquet FILE write all rows and columns")
    if read.lost:
        sys.exit(1)

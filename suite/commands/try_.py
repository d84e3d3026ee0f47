"""The command `suite try`: a few networks on one's own data, ranked, and the study that ranked them."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from suite.commands.arguments import Assignment, once, run_options, show, tier
from suite.commands.new import path_of, write
from suite.commands.requests import engine_of
from suite.commands.run import carried_out, end
from suite.ground.errors import RequestError
from suite.ground.wording import plural
from suite.runs import coordinator
from suite.runs.coordinator import Engine, Request
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.data import Data


@click.command("try")
@click.argument("data")
@click.option("--target", metavar="COLUMN", help="Of a table, the column to predict.")
@click.option("--name", help="What the study is called, if not as the data are.")
@click.option(
    "--set",
    "settings",
    type=Assignment(),
    multiple=True,
    callback=once,
    help="Set a field of the data, such as data.drop=COLUMN of a table.",
)
@tier
@run_options
def try_(
    data: str,
    target: str | None,
    name: str | None,
    settings: tuple[tuple[str, Any], ...],
    tier: str,
    seeds: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Rank a few networks on data of one's own, each at its best learning rate.

    DATA is a folder with a folder of images for each class, a table (.csv, .parquet), arrays (.npz,
    or a folder of two .npy), texts (.txt, one a line), or a built-in source such as digits. The study that ranks them is
    written to studies/, to go on from.
    """
    from suite.commands.proposal import data_of, name_of, proposed

    name = name_of(data) if name is None else name
    path = path_of(name)
    source = data_of(data, target, _fields(settings))
    with _hinting(source):
        text, words = proposed(source, name)
    engine = engine_of(options)
    with _written(path, text):
        request = Request(discovery.load(name), tier, seeds=seeds)
        _price(request, engine)
    # From here on the file is there to go on from, whatever happens; another run may have it, too.
    ran, (results,), tracker = carried_out([request], engine)
    from suite.commands.ranking import ranking, ranking_form, ranking_text

    form = {"study": name, "file": str(path), "data": words, **ran}
    try:
        ranked = ranking(results)
        form["ranking"] = ranking_form(ranked)
        show(form, as_json, lambda form: ranking_text(form, ranked, results))
    finally:  # if all trials failed, nothing can be ranked, and the reason is theirs
        end(ran, tracker)


def _fields(settings: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    fields = {}
    for path, value in settings:
        head, _, field = path.partition(".")
        if head != "data" or not field or field in ("name", "path"):
            raise RequestError(
                f"--set takes a field of the data here, such as data.drop, not '{path}': the "
                "study's file has the others"
            )
        fields[field] = value
    return fields


@contextlib.contextmanager
def _hinting(data: Data) -> Iterator[None]:
    """Say how a field of the data is set where a refusal names one."""
    try:
        yield
    except RequestError as error:
        known = {"path", "target"} if data.target else {"path"}
        told = r"\b{0}(=| must\b)|\b(by|in) {0}\b"  # as the readers' refusals name a field
        named = (one for one in data.own_fields() if re.search(told.format(one), str(error)))
        field = next((one for one in named if one not in known), None)
        if field is None:
            raise
        option = "--target COLUMN" if field == "target" else f"--set data.{field}=…"
        raise RequestError(f"{error}: {option}") from None


@contextlib.contextmanager
def _written(path: Path, text: str) -> Iterator[None]:
    """Write a study's file, unless it is there; if nothing can be run then, leave nothing.

    Raises:
        RequestError: if another file is there.
    """
    if path.is_file() and _same(path.read_bytes().decode(errors="replace"), text):
        yield
        return
    if path.exists():
        raise RequestError(
            f"{path} is there already and is not what this would write: `suite run {path.stem}` "
            "goes on with it, --name gives another name"
        )
    fresh = not path.parent.exists()
    write(path, text)
    try:
        yield
    except RequestError:
        path.unlink()
        if fresh:
            with contextlib.suppress(OSError):  # someone put another file there meanwhile
                path.parent.rmdir()
        raise


def _same(there: str, text: str) -> bool:
    """Whether two files are one study: in what words their data were when it was written is no matter."""
    words = re.compile(r"^Data  .*?^Method  ", re.DOTALL | re.MULTILINE)
    return words.sub("", there) == words.sub("", text)


def _price(request: Request, engine: Engine) -> None:
    """Say on standard error what a run will take."""
    made = coordinator.plan([request], Journal(), engine)
    if not made.pending:
        return
    # With torch, which a run of nothing need not load.
    from suite.execution.estimate import Estimator
    from suite.language.quantities import duration

    cost = Estimator().estimate(made)
    trials, cached = plural(len(made.pending), "trial"), len(made.cached)
    print(
        f"{trials} to run, {cached:,} in the store already: about "
        f"{duration(cost.seconds)} on {made.places}",
        file=sys.stderr,
    )

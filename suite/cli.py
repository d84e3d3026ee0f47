"""The command line. Every command loads what it needs when it runs, so that `list` is instant."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite import sharing
from suite.arguments import Choice, Commands, as_json, grid_options, settings, show, study_names
from suite.errors import RequestError, first_line
from suite.fields import replace_at
from suite.reproduce.command import reproduce

if TYPE_CHECKING:
    from suite.coordinator import Request


@click.group(cls=Commands, context_settings={"max_content_width": 100})
def cli() -> None:
    """Rules of thumb about training neural networks, put on trial."""


for command in (sharing.compare, sharing.export, sharing.import_, reproduce):
    cli.add_command(command)


def main() -> None:
    """Run the command line. Exit 0: done; 1: a check failed; 2: wrong request; 130: interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter is no fault
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    if "TORCHELASTIC_RUN_ID" in os.environ:  # `torchrun` started this process, and others
        from suite.execution import torchrun

        torchrun.take_part(_run)
    sys.exit(_run())


def _stop(*_: object) -> None:
    """Stop at the first Ctrl-C when what is finished is safe everywhere, at the second at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # the journal has it all the same
    raise KeyboardInterrupt


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        code = 2
    except click.ClickException as error:
        code = _refuse(error.format_message())
    except RequestError as error:
        code = _refuse(str(error))
    except (KeyboardInterrupt, click.Abort):
        print("interrupted; finished trials are kept, and the next run goes on", file=sys.stderr)
        code = 130
    except SystemExit as ended:
        code = ended.code
    return code or 0


def _refuse(message: str) -> int:
    print(f"suite: {' '.join(message.split())}", file=sys.stderr)
    return 2


@cli.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Show studies, their claims and tiers."""
    from suite import discovery
    from suite.listing import listing, listing_text

    studies = []
    for name in discovery.names():
        try:
            studies.append(discovery.load(name))
        except RequestError as error:  # the others can still be listed, and run
            print(f"suite: {error}", file=sys.stderr)
    show(listing(studies), as_json, listing_text)


@cli.command()
@study_names
@grid_options
def plan(studies: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Show what a run would do: cells, what is cached, strategy and why, and the cost."""
    from suite import coordinator
    from suite.execution.estimate import Estimator
    from suite.listing import plan_form, plan_text
    from suite.tracking.journal import Journal

    requests, engine = _requests(studies, options), _engine(options)
    made = coordinator.plan(requests, Journal(), engine)
    estimator = Estimator(made.device)
    cost = stacked = estimator.estimate(made)
    if engine.strategy == "auto":
        stacked = estimator.estimate(made.stacked())
    show(plan_form(requests, made, cost, stacked), as_json, plan_text)


@cli.command()
@study_names
@grid_options
@click.option("--keep-models", is_flag=True, help="Log the best trial of each arm as a model.")
def run(studies: tuple[str, ...], as_json: bool, keep_models: bool, **options: Any) -> None:
    """Run every trial that is not in the store yet, and conclude."""
    from suite import coordinator
    from suite.stored import gathered, stores, untracked
    from suite.wording import counted

    requests = _requests(studies, options)
    journal, tracker = stores()
    try:
        made = coordinator.run(requests, journal, tracker, _engine(options))
        from suite.conclusions import best_of, conclusion_forms, note, verdict_lines

        results = [gathered(request.study.name, journal) for request in requests]
        forms = conclusion_forms(results)
        for result, form in zip(results, forms, strict=True):
            best = best_of(result)
            tracker.conclude(result.execution, note(result), form, best)
            if keep_models:
                from suite import keeping

                keeping.keep_models(result, best, tracker)
    finally:
        tracker.close()
    ran = {"ran": len(made.pending), "cached": len(made.cached), "store": tracker.uri}
    show({**ran, "studies": forms}, as_json, lambda form: verdict_lines(form, results))
    failed = sum(form["failed"] for form in forms)
    if failed:
        print(f"{counted(failed, 'trial')} failed; the next run tries again", file=sys.stderr)
    if tracker.error is not None:
        print(untracked(tracker), file=sys.stderr)
    if failed or (tracker.error is not None and not tracker.absent):
        sys.exit(1)


@cli.command()
@settings
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", type=Choice("auto", "cpu", "cuda"), default="auto")
@as_json
def train(settings: tuple[tuple[str, Any], ...], seed: int, device: str, as_json: bool) -> None:
    """Train one recipe, no study, and print its final metrics."""
    from suite.recipe import Recipe

    recipe = replace_at(Recipe(), dict(settings))
    from suite.coordinator import run_one
    from suite.execution.plan import make_plan
    from suite.grid import Trial

    trial = Trial("", "main", {}, recipe, seed, alone=True)
    finished = run_one(make_plan([trial], lambda _: False, strategy="sequential", device=device))
    from suite.conclusions import outcome_form, outcome_text

    show(outcome_form(recipe, seed, finished.outcome), as_json, outcome_text)
    if finished.outcome.status == "failed":
        sys.exit(1)


@cli.command()
@study_names
@as_json
def verdicts(studies: tuple[str, ...], as_json: bool) -> None:
    """Show the findings of each study's latest run."""
    from suite.conclusions import conclusion_forms, verdict_lines
    from suite.stored import latest, stores

    results = latest(studies, *stores())
    forms = conclusion_forms(results)
    show({"studies": forms}, as_json, lambda form: verdict_lines(form, results))


@cli.command()
@study_names
@click.option("--out", type=click.Path(path_type=Path), default="reports/html", show_default=True)
@click.option("--lang", type=Choice("en", "zh"), default="en", help="Language of index.html.")
def report(studies: tuple[str, ...], out: Path, lang: str) -> None:
    """Write the report site of each study's latest run."""
    from suite.stored import latest, stores, write_report

    results = latest(studies, *stores())
    try:
        index = write_report(results, out, lang)
    except OSError as error:
        raise RequestError(f"the report cannot be written to {out}: {error.strerror}") from None
    print(index)


@cli.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a study file to fill in."""
    import keyword
    import re
    from string import Template

    if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name) or keyword.iskeyword(name):
        raise RequestError(f"a study's name is a lower-case Python name, not '{name}'")
    path = Path("studies") / f"{name}.py"
    if path.exists():
        raise RequestError(f"{path} exists already; choose another name")
    template = Template((Path(__file__).parent / "study_template.txt").read_text())
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(template.substitute(title=name.replace("_", " ").capitalize()))
    except OSError as error:
        path.unlink(missing_ok=True)  # a full disk takes the file's name but not its text
        raise RequestError(f"{path} cannot be written: {error.strerror}") from None
    print(path)


@cli.command()
@click.argument("study")
@click.argument("out", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def submit(study: str, out: Path, seed: int) -> None:
    """Train a competition's network on its files, and write the file to hand in."""
    from suite import discovery
    from suite.execution.strategy import THREADS

    write = discovery.submission(study)
    if not out.parent.is_dir():
        raise RequestError(f"there is no folder {out.parent}")
    from suite.training import determinism

    determinism.enforce(THREADS)
    try:
        print(write(out, seed))
    except OSError as error:
        raise RequestError(f"{out} cannot be written: {error.strerror}") from None


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def ui(port: int) -> None:
    """Open MLflow's UI on the store, on this machine only."""
    import subprocess

    from suite.stored import stores
    from suite.tracking import location

    journal, tracker = stores()
    tracker.open()
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
        command += ["--port", str(port), "--backend-store-uri", tracker.uri]
        sys.exit(subprocess.run(command, check=False).returncode)


def _requests(studies: tuple[str, ...], options: dict[str, Any]) -> list[Request]:
    from suite import discovery
    from suite.coordinator import Request

    if options["everything"] and studies:
        raise RequestError("name studies or give --all, not both")
    if not (options["everything"] or studies):
        raise RequestError(f"name a study, or give --all: {', '.join(discovery.names())}")
    names = discovery.names() if options["everything"] else list(dict.fromkeys(studies))
    if not names:
        raise RequestError(f"there is no study in {discovery.folder()}: `suite new NAME` makes one")
    only: dict[str, tuple[Any, ...]] = {}
    for path, value in options["only"]:
        levels = tuple(value) if isinstance(value, tuple | list) else (value,)
        only[path] = only.get(path, ()) + levels
    overrides = dict(options["settings"])
    requests = [
        Request(discovery.load(name), options["tier"], overrides, only, options["seeds"])
        for name in names
    ]
    for request in requests:
        request.trials  # noqa: B018 - a wrong path or value shows here, before anything runs
    return requests


def _engine(options: dict[str, Any]) -> Any:
    from suite.coordinator import Engine

    return Engine(options["strategy"], options["device"], options["workers"])

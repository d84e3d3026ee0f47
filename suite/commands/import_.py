"""The command `suite import`, and what it prints."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from suite.commands.arguments import Form, as_json, show
from suite.ground.wording import plural
from suite.language.words import listed
from suite.runs.intake import take_in
from suite.runs.stores import stores, untracked
from suite.tracking import archive


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json
def import_(file: Path, as_json: bool) -> None:
    """Add an archive's results to those here, and bring the tracking store up to date."""
    found = archive.read(file)
    journal, tracker = stores()
    try:
        form = take_in(found, journal, tracker)
    finally:
        tracker.close()
    show(form, as_json, import_text)
    if tracker.error is not None:
        print(untracked(tracker), file=sys.stderr)
        if not tracker.absent:
            sys.exit(1)


def import_text(form: Form) -> str:
    """Return what an import did, to read."""
    lines = [
        f"{plural(form['trials'], 'trial')} in the archive, {form['added']:,} of them new here"
    ]
    if form["differing"]:
        lines.append(
            f"{plural(form['differing'], 'trial')} had ended otherwise here and stayed as they "
            "were; `suite compare` shows in what"
        )
    if form["studies"]:
        lines.append(f"latest runs of {listed(form['studies'])}")
    lines += [f"{study} cannot be read here: {why}" for study, why in form["unread"].items()]
    return "\n".join(lines)

"""The command `suite list`, and what it prints."""

from __future__ import annotations

import dataclasses
import operator
import sys
from collections.abc import Iterable

import click

from suite.commands.arguments import Form, as_json, show
from suite.ground.errors import RequestError
from suite.vocabulary import discovery
from suite.vocabulary.notes import citations, coverage
from suite.vocabulary.study import TIERS, Study


@click.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Show studies, their claims and tiers."""
    studies = []
    for name in discovery.names():
        try:
            studies.append(discovery.load(name))
        except RequestError as error:  # the others can still be listed, and run
            print(f"suite: {error}", file=sys.stderr)
    show(listing(studies), as_json, listing_text)


def listing(studies: Iterable[Study]) -> Form:
    """Return every study with its claims and trials at each tier, and what the notes' claims got."""
    studies = tuple(studies)
    return {
        "studies": [_study_form(study) for study in studies],
        "coverage": [dataclasses.asdict(one) for one in coverage(studies)],
        "citations": [
            {"cites": cites, "studies": names} for cites, names in citations(studies).items()
        ],
    }


def _study_form(study: Study) -> Form:
    return {
        "name": study.name,
        "title": study.title,
        "question": study.question,
        "notebook": study.notebook,
        "tiers": {tier: sum(grid.size for grid in study.grids(tier)) for tier in TIERS},
        "claims": [
            {
                "number": claim.number,
                "says": claim.says,
                "source": claim.source,
                "cites": claim.cites,
            }
            for claim in study.claims
        ],
    }


def listing_text(form: Form) -> str:
    """Return a listing to read."""
    blocks = []
    by_notebook = operator.itemgetter("notebook")
    for study in sorted(form["studies"], key=by_notebook):
        tiers = ", ".join(f"{tier} {trials}" for tier, trials in study["tiers"].items())
        name = f"{study['name']} ({study['notebook']})"
        lines = [name, f"  {study['question'] or study['title']}", f"  trials: {tiers}"]
        for claim in study["claims"]:
            number = f"{claim['number']:>4}" if claim["number"] else "    "
            said = ", ".join(filter(None, (claim["source"], claim["cites"])))
            source = f"  [{said}]" if said else ""
            lines.append(f"{number}  {claim['says']}{source}")
        blocks.append("\n".join(lines))
    tested = sum(bool(one["studies"]) for one in form["coverage"])
    lines = [f"The notes' claims: {tested} of {len(form['coverage'])} tested"]
    for one in form["coverage"]:
        where = ", ".join(one["studies"]) or f"not tested: {one['reason']}"
        lines.append(f"{one['number']:>4}  {where}  [{one['phrase']}]")
    if form["citations"]:
        lines.append("Others whom claims cite")
    for one in form["citations"]:
        lines.append(f"      {one['cites']}: {', '.join(one['studies'])}")
    return "\n\n".join([*blocks, "\n".join(lines)])

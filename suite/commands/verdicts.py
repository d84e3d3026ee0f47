"""The command `suite verdicts`, and what it and `run` print."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from suite.commands.arguments import Form, as_json, show, study_names
from suite.evidence.results import Results
from suite.ground.wording import plural
from suite.runs.conclusions import across_lines, beside, conclusion_forms, verdict_counts
from suite.runs.latest import concluded, latest
from suite.runs.stores import stores


@click.command()
@study_names
@as_json
def verdicts(studies: tuple[str, ...], as_json: bool) -> None:
    """Show the findings of each study's latest run."""
    results, lost = concluded(latest(studies, *stores()))
    forms = conclusion_forms(results)
    show({"studies": forms}, as_json, lambda form: verdict_lines(form, results))
    if lost:
        sys.exit(1)


def count_lines(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return how many claims of each kind have each verdict, a line a kind."""
    return [
        f"{kind}: " + ", ".join(f"{count} {verdict}" for verdict, count in of_kind.items() if count)
        for kind, of_kind in counts.items()
    ]


def verdict_lines(form: Form, results: Sequence[Results]) -> str:
    """Return verdicts to read, a claim in two lines."""
    lines = []
    if "ran" in form:
        ran = plural(form["ran"], "trial")
        lines.append(f"{ran} ran, {form['cached']:,} were in the store already")
    findings = [finding for result in results for finding in result.findings]
    for study, result in zip(form["studies"], results, strict=True):
        changed = "".join(f", {change}" for change in study["changed"])
        lines.append(f"\n{result.study.title} ({study['name']}, {study['tier']} tier{changed})")
        ends = [f"{study[end]} {end}" for end in ("diverged", "failed", "missing") if study[end]]
        lines.append(plural(study["trials"], "trial") + "".join(f", {end}" for end in ends))
        lines += [
            f"  {plural(one['trials'], 'trial')} failed: {one['error']}" for one in study["errors"]
        ]
        if study["claims_changed"]:
            lines.append("  its claims have been changed since these trials ran")
        for finding in study["findings"]:
            lines.append(f"  {finding['verdict'].upper():<22}{finding['claim']}")
            lines.append(f"  {'':<22}{finding['effect']}: {finding['reason']}")
            lines += [f"  {'':<22}{note}" for note in beside(finding)]
            lines += [f"  {'':<22}{line}" for line in across_lines(finding)]
    if len(results) > 1:
        lines += ["", *count_lines(verdict_counts(findings))]
        if revised := sum(finding.revised for finding in findings):
            lines.append(
                f"{revised} of {plural(len(findings), 'claim')}, or their seeds or levels, were "
                "changed after results had been seen"
            )
    return "\n".join(lines)

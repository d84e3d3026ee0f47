"""The command `suite verdicts`, and what it and `run` print."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import click

from suite.commands.arguments import Form, as_json, show, study_names
from suite.evidence import Verdict
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


def summary_lines(form: Form, results: Sequence[Results]) -> str:
    """Return a line a study, what fell, and where to look for the rest."""
    lines = [_ran_line(form)] if "ran" in form else []
    width = max((len(study["name"]) for study in form["studies"]), default=0)
    for study, result in zip(form["studies"], results, strict=True):
        counts = Counter(str(finding.verdict) for finding in result.findings)
        said = [f"{count} {verdict}" for verdict, count in counts.most_common()]
        said += [f"{study[end]} trials {end}" for end in ("failed", "missing") if study[end]]
        lines.append(f"{study['name']:<{width}}  {', '.join(said) or 'no claims'}")
    fell = [
        f"  {finding['claim']} ({study['name']}: {finding['effect']})"
        for study in form["studies"]
        for finding in study["findings"]
        if finding["verdict"] == Verdict.REFUTED
    ]
    lines += ["", "Refuted:" if fell else "Nothing was refuted.", *fell, "", *_totals(results)]
    lines.append("`suite verdicts` has every claim, `suite report` writes the pages")
    return "\n".join(lines)


def _ran_line(form: Form) -> str:
    return f"{plural(form['ran'], 'trial')} ran, {form['cached']:,} were in the store already"


def _totals(results: Sequence[Results]) -> list[str]:
    findings = [finding for result in results for finding in result.findings]
    lines = count_lines(verdict_counts(findings))
    if revised := sum(finding.revised for finding in findings):
        lines.append(
            f"{revised} of {plural(len(findings), 'claim')}, or their seeds or levels, were "
            "changed after results had been seen"
        )
    return lines


def verdict_lines(form: Form, results: Sequence[Results]) -> str:
    """Return verdicts to read, a claim in two lines."""
    lines = [_ran_line(form)] if "ran" in form else []
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
        lines += ["", *_totals(results)]
    return "\n".join(lines)

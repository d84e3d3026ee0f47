"""What came of a run: its findings as plain forms, for the tracking store and for `--json`."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from suite.evidence import Finding, Verdict
from suite.evidence.across import q_values
from suite.evidence.results import Results
from suite.ground.identity import canonical
from suite.language.contexts import across_words
from suite.language.effects import effect_words
from suite.language.words import arm_words
from suite.tracking.saved_views import arm_paths, views_of
from suite.tracking.tracker import Tracker
from suite.vocabulary.claims import KINDS, kind_of
from suite.vocabulary.grid import Grid
from suite.vocabulary.record import Status
from suite.vocabulary.study import MAIN

MOST_ERRORS = 5  # distinct ones that are told


def conclude(results: Sequence[Results], tracker: Tracker) -> list[dict[str, Any]]:
    """Log the verdicts of each study's run, and which trials are best of what; return the forms."""
    forms = conclusion_forms(results)
    for result, form in zip(results, forms, strict=True):
        arms = chosen_of(result)
        tracker.conclude(
            result.execution,
            note(result, form),
            form,
            best=best_of(result),
            arms=arms,
            labels=labels_of(result),
            views=views_of(result.study, main_of(result), arms.values()),
        )
    return forms


def conclusion_forms(results: Sequence[Results]) -> list[dict[str, Any]]:
    """Return each study's findings and how its trials ended, with q values over all of them."""
    q_of = q_values(results)
    return [_conclusion_form(one, q_of[one.study.name]) for one in results]


def _conclusion_form(results: Results, q_values: Sequence[float]) -> dict[str, Any]:
    ends = [record.outcome.status for record in results.records]
    return {
        "name": results.study.name,
        "tier": results.execution.tier,
        "changed": _changed(results),
        "trials": len(ends),
        "missing": results.missing,
        "claims_changed": results.claims_changed,
        "diverged": ends.count(Status.DIVERGED),
        "failed": ends.count(Status.FAILED),
        "errors": _errors(results),
        "verdicts": verdict_counts(results.findings),
        "revised": sum(finding.revised for finding in results.findings),
        "findings": [
            finding_form(finding) | {"q": _number(q)}
            for finding, q in zip(results.findings, q_values, strict=True)
        ],
    }


def verdict_counts(findings: Iterable[Finding]) -> dict[str, dict[str, int]]:
    """Return how many claims have each verdict: effects, equivalences, identities and shares apart.

    One is as hard to show as the other is to miss: a sum of all says nothing.
    """
    counts: dict[str, dict[str, int]] = {}
    for finding in findings:
        of_kind = counts.setdefault(kind_of(finding.claim), {str(one): 0 for one in Verdict})
        of_kind[str(finding.verdict)] += 1
    return {kind: counts[kind] for kind in KINDS if kind in counts}


def _errors(results: Results) -> list[dict[str, Any]]:
    """Return what failed trials raised, a line each, and how many did, most frequent first."""
    failed = [one.outcome for one in results.records if one.outcome.status is Status.FAILED]
    lines = Counter(outcome.error.partition("\n")[0] for outcome in failed)
    certain = {one.error.partition("\n")[0] for one in failed if one.fails_again}
    return [
        {"error": line, "trials": count, "again": line in certain}
        for line, count in lines.most_common(MOST_ERRORS)
    ]


def _changed(results: Results) -> list[str]:
    """Return in what the run was another than the study's file asks for."""
    ran = results.execution
    changes = [f"{path}={value}" for path, value in ran.overrides.items()]
    kept = [f"only {path}={levels}" for path, levels in ran.only.items()]
    return changes + kept + ([f"seeds={ran.seeds}"] if ran.seeds else [])


def finding_form(finding: Finding) -> dict[str, Any]:
    """Return a finding; a number that does not exist is null."""
    claim = finding.claim
    return {
        "kind": type(claim).__name__,
        **{
            field.name: canonical(getattr(claim, field.name)) for field in dataclasses.fields(claim)
        },
        "claim": claim.says,
        "metric": claim.of,
        **_measured_form(finding),
        "contexts": {name: _measured_form(one) for name, one in finding.contexts.items()},
        "across": _across_form(finding),
    }


def _across_form(finding: Finding) -> dict[str, Any] | None:
    across = finding.across
    if across is None:
        return None
    return {
        "reach": str(across.reach),
        "reason": across.reason,
        "words": across_words(finding),
        "breaks": across.breaks,
        "p": _number(across.p),
        "adjusted_p": _number(across.adjusted_p),
    }


def _measured_form(finding: Finding) -> dict[str, Any]:
    return {
        "verdict": str(finding.verdict),
        "reason": finding.reason,
        "effect": effect_words(finding),
        "estimate": _number(finding.estimate),
        "interval": [_number(end) for end in finding.interval],
        "ends": [_number(end) for end in finding.ends],
        "n": finding.n,
        "asked": finding.asked,
        "look": finding.look,
        "looks": finding.looks,
        "chance": finding.chance,
        "p": _number(finding.p),
        "adjusted_p": _number(finding.adjusted_p),
        "p_margin": _number(finding.p_margin),
        "adjusted_p_margin": _number(finding.adjusted_p_margin),
        "p_beyond": _number(finding.p_beyond),
        "adjusted_p_beyond": _number(finding.adjusted_p_beyond),
        "at_shared_level": _number(finding.shared),
        "chosen": {name: arm.levels_chosen for name, arm in finding.arms.items()},
        "tried": {name: arm.tried for name, arm in finding.arms.items()},
        "notes": list(finding.notes),
        "more_seeds": finding.more_seeds,
        "trials": finding.trials,
        "lost": finding.lost,
        "seconds": finding.spent,
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def best_of(results: Results) -> dict[str, str]:
    """Return the trial of each claim's arm that is best on validation, and the arms it is best of."""
    found: dict[str, dict[str, None]] = {}
    for finding in results.findings:
        for arm in finding.arms.values():
            if arm.best_trial:
                words = arm_words(arm.levels) or "all trials"
                found.setdefault(arm.best_trial, {})[words] = None
    return {trial: "; ".join(words) for trial, words in found.items()}


def chosen_of(results: Results) -> dict[str, str]:
    """Return the trials that validation chose for the arms of the first claim, and these in words.

    Arms of other claims that name the same axes are among them; others might share a trial.
    """
    named = arm_paths(results.study, main_of(results))
    return {
        trial: arm_words({path: arm.levels[path] for path in named})
        for finding in results.findings
        for arm in finding.arms.values()
        if named and finding.claim.part == MAIN and set(arm.levels) == set(named)
        for trial in arm.trial_of.values()
    }


def main_of(results: Results) -> Grid:
    """Return the grid of the main part."""
    return next(grid for grid in results.grids if grid.name == MAIN)


def labels_of(results: Results) -> dict[str, str]:
    """Return tags to find a study's experiment by: its notebook, contexts and looks."""
    looks = results.execution.looks.items()
    return {
        "thumbrules.notebook": results.study.notebook,
        "thumbrules.contexts": ", ".join(results.study.contexts),
        "thumbrules.looks": "; ".join(f"{part} {', '.join(map(str, at))}" for part, at in looks),
    }


def beside(finding: Mapping[str, Any]) -> list[str]:
    """Return what stands beside a verdict: at which look it fell, and what qualifies it."""
    look = [f"look {finding['look']} of {finding['looks']}"] if finding["looks"] > 1 else []
    return [*look, *finding["notes"]]


def across_lines(finding: Mapping[str, Any]) -> list[str]:
    """Return how far a claim reaches, and what it comes to in each context; nothing without any."""
    if not finding["across"]:
        return []
    contexts = [
        f"  {name}: {one['verdict']}, {one['effect']}: {'; '.join([one['reason'], *beside(one)])}"
        for name, one in finding["contexts"].items()
    ]
    reach = finding["across"]["reach"].upper()
    return [f"over contexts {reach}: {finding['across']['words']}", *contexts]


def note(results: Results, form: Mapping[str, Any]) -> str:
    """Return the Markdown note that MLflow shows above a study's runs, from what was concluded."""
    study = results.study
    ran = [
        f"{form['tier']} tier",
        *form["changed"],
        *([f"{form['missing']} trials missing"] if form["missing"] else []),
    ]
    lines = [f"# {study.title}", study.question, f"*{', '.join(ran)}*", ""]
    for one in form["findings"]:
        said = "; ".join([one["reason"], *beside(one)])
        lines.append(
            f"- **{one['verdict']}**: {one['claim']} {one['source']} ({one['effect']}: {said})"
        )
        lines += [f"    - {line.strip()}" for line in across_lines(one)]
    return "\n".join(lines)

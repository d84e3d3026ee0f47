"""What `suite compare` prints; the command itself writes pages too, and is in `reports`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from suite.commands.arguments import Form
from suite.evidence.comparison import (
    COST_MATTERS,
    MOVES,
    ClaimChange,
    Comparison,
    CostChange,
    StudyComparison,
)
from suite.evidence.results import Results
from suite.ground.wording import plural
from suite.language.changes import change_words, environment_differences, sameness_words
from suite.language.effects import effect_words
from suite.language.words import listed


def comparison_form(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison; a number that does not exist is null."""
    claims = [claim for study in comparison.studies for claim in study.claims]
    trials = comparison.trials
    return {
        "a": comparison.a,
        "b": comparison.b,
        "moves_at": MOVES,
        "cost_matters": COST_MATTERS,
        "claims": len(claims),
        "verdicts_changed": comparison.verdicts_changed,
        "effects_moved": sum(claim.moved for claim in claims),
        "claims_equal": sum(claim.equal for claim in claims),
        "measured_by_neither": sum(claim.unmeasured for claim in claims),
        "decided_by_one": sum(claim.only is not None for claim in claims),
        "costs_moved": sum(cost.moved for study in comparison.studies for cost in study.costs),
        "trials": dataclasses.asdict(trials)
        | {"equal": trials.equal, "words": sameness_words(trials)},
        "environment": [dataclasses.asdict(one) for one in environment_differences(comparison)],
        "studies": [_study_form(study) for study in comparison.studies],
        "left_out": [{"study": study, "why": why} for study, why in comparison.left_out.items()],
    }


def _study_form(study: StudyComparison) -> dict[str, Any]:
    return {
        "name": study.a.study.name,
        "title": study.a.study.title,
        "a": _side_form(study.a),
        "b": _side_form(study.b),
        "claims": [_claim_form(claim, study.cost(claim)) for claim in study.claims],
        "costs": [_cost_form(cost) for cost in study.costs],
    }


def _side_form(results: Results) -> dict[str, Any]:
    return {
        "tier": results.execution.tier,
        "trials": len(results.records),
        "missing": results.missing,
        "claims_changed": results.claims_changed,
    }


def _claim_form(change: ClaimChange, cost: CostChange | None) -> dict[str, Any]:
    low, high = change.interval
    return {
        "claim": change.claim.says,
        "context": change.context,
        "reach_a": str(change.a.across.reach) if change.a.across else None,
        "reach_b": str(change.b.across.reach) if change.b.across else None,
        "reach_changed": change.reach_changed,
        "verdict_a": str(change.a.verdict),
        "verdict_b": str(change.b.verdict),
        "verdict_changed": change.verdict_changed,
        "effect_a": effect_words(change.a),
        "effect_b": effect_words(change.b),
        "estimate_a": _number(change.a.estimate),
        "estimate_b": _number(change.b.estimate),
        "difference": _number(change.estimate),
        "interval": [_number(low), _number(high)],
        "words": change_words(change),
        "n": change.n,
        "paired": change.paired,
        "p": _number(change.p),
        "adjusted_p": _number(change.adjusted_p),
        "moved": change.moved,
        "equal": change.equal,
        "only": change.only,
        "cost_ratio": _number(cost.ratio) if cost else None,
        "cost_moved": cost.moved if cost else None,
        "seconds_a": _number(change.a.spent),
        "seconds_b": _number(change.b.spent),
    }


def _cost_form(cost: CostChange) -> dict[str, Any]:
    form = dataclasses.asdict(cost)
    form["interval"] = [_number(end) for end in cost.interval]
    return form | {name: _number(form[name]) for name in ("ratio", "p", "adjusted_p")}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def comparison_text(form: Form) -> str:
    """Return a comparison to read: what changed, claim by claim, and nothing of what did not."""
    lines = [f"A  {form['a']}", f"B  {form['b']}", "", *_summary(form)]
    for study in form["studies"]:
        told = [*_notes(study), *_claim_lines(study), *_cost_lines(study)]
        if told:
            lines += ["", f"{study['title']} ({study['name']})", *told]
    if form["environment"]:
        lines += ["", "Where they ran"]
        for one in form["environment"]:
            lines.append(f"  {one['name']:<12}A  {listed(one['a']) or 'none'}")
            lines.append(f"  {'':<12}B  {listed(one['b']) or 'none'}")
    if form["left_out"]:
        lines += ["", "Not compared"]
        lines += [f"  {one['study']}: {one['why']}" for one in form["left_out"]]
    return "\n".join(lines)


def agreement_text(form: Form) -> str:
    """Return how far two sets agree: trials equal to the bit, and each verdict that differs."""
    alike = [one for one in form["studies"] if one["a"]["tier"] == one["b"]["tier"]]
    claims = [(study, claim) for study in alike for claim in study["claims"]]
    changed = [(study, claim) for study, claim in claims if claim["verdict_changed"]]
    agreeing = sum(not (claim["verdict_changed"] or claim["only"]) for _, claim in claims)
    lines = [
        f"{form['b']} against {form['a']}: {form['trials']['words']}",
        f"the same verdicts: {agreeing:,} of {len(claims):,}",
    ]
    for study, claim in changed:
        said = f"{claim['verdict_a']} → {claim['verdict_b']}"
        why = "the effect moved" if claim["moved"] else "by no more than luck"
        lines.append(f"  {study['name']}: {said}, {why}: {claim['claim']}{_where(claim)}")
    if others := [one["name"] for one in form["studies"] if one not in alike]:
        lines.append(f"run at another tier, verdicts not compared: {listed(others)}")
    if form["left_out"]:
        lines.append(f"not compared: {listed(one['study'] for one in form['left_out'])}")
    return "\n".join(lines)


def _summary(form: Form) -> Iterator[str]:
    claims = plural(form["claims"], "claim")
    studies = f"{len(form['studies'])} {'study' if len(form['studies']) == 1 else 'studies'}"
    yield (
        f"Of {claims} in {studies}: verdicts changed {form['verdicts_changed']}, effects moved "
        f"{form['effects_moved']}, decided by one set only {form['decided_by_one']}, "
        f"measured by neither {form['measured_by_neither']}"
    )
    yield form["trials"]["words"]
    yield (
        f"An effect moved if the difference is significant after correction for all claims "
        f"(Benjamini and Hochberg) and at least {form['moves_at']:.0%} of what matters."
    )


def _notes(study: Form) -> Iterator[str]:
    tiers = study["a"]["tier"], study["b"]["tier"]
    if tiers[0] != tiers[1]:
        yield f"  A ran at the {tiers[0]} tier, B at the {tiers[1]} tier"
    for side in "ab":
        if study[side]["claims_changed"]:
            yield f"  its claims have been changed since the trials of {side.upper()} ran"
        if study[side]["missing"]:
            missing = study[side]["missing"]
            asked = plural(study[side]["trials"] + missing, "trial")
            yield f"  {side.upper()} lacks {missing:,} of the {asked} that the study's file asks for"


def _claim_lines(study: Form) -> Iterator[str]:
    for claim in study["claims"]:
        said = f"{claim['claim']}{_where(claim)}"
        if claim["reach_changed"]:
            yield f"  REACH CHANGED  {claim['reach_a']} → {claim['reach_b']}: {said}"
        if claim["verdict_changed"]:
            yield f"  VERDICT CHANGED  {claim['verdict_a']} → {claim['verdict_b']}: {said}"
        elif claim["only"]:
            side = claim["only"]
            verdict = claim[f"verdict_{side}"]
            yield f"  ONLY {side.upper()} DECIDES  {verdict}: {said}"
        elif claim["moved"]:
            yield f"  EFFECT MOVED  {said}"
        else:
            continue
        yield f"    A  {claim['effect_a']}"
        yield f"    B  {claim['effect_b']}"
        if not claim["only"]:
            yield f"    {claim['words']}"


def _where(claim: Form) -> str:
    return f" (in context {claim['context']})" if claim["context"] else ""


def _cost_lines(study: Form) -> Iterator[str]:
    for cost in study["costs"]:
        if cost["moved"]:
            low, high = cost["interval"]
            yield (
                f"  COST MOVED  part {cost['part']}: B takes {cost['ratio']:.2f} times the seconds "
                f"of A [{low:.2f}, {high:.2f}], n = {cost['n']}"
            )

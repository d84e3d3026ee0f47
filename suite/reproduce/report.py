"""What a reproduction found: a plain form for JSON, and the same as text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from suite.ground.wording import plural
from suite.reproduce.differences import Change, changes, clock_metrics, drift, first_divergence
from suite.reproduce.rerun import rerun, setting_of, trial_of
from suite.reproduce.verdicts import verdicts
from suite.tracking.journal import Journal
from suite.vocabulary.grid import Trial
from suite.vocabulary.record import Record

Form = Mapping[str, Any]


def form_of(records: Sequence[Record], journal: Journal, changed: Mapping[str, Any]) -> Form:
    """Run records' trials again and return what came of them.

    Args:
        changed: what is not to be as it was; both sides then run here and now, so that nothing
            else differs between them.

    Raises:
        RequestError: if something that a trial needs cannot be had.
    """
    for record in records:
        setting_of(record, changed)
    # An id that this version gives the same trial may be another than the recorded one.
    ids = {record.id: trial_of(record).id for record in records}
    known = {**journal.records, **{record.id: record for record in records}}
    before = {record.id: record for record in records}
    if changed:
        found = rerun(records, known, {})
        before = {record.id: _in_place(record, found[ids[record.id]]) for record in records}
    found = rerun(records, known, changed)
    again = {record.id: found[ids[record.id]] for record in records}
    trials = [_trial_form(before[one.id], again[one.id], ids[one.id]) for one in records]
    different = sum(not one["equal"] for one in trials)
    pairs = [(before[trial].outcome, again[trial].outcome) for trial in before]
    held = verdicts(journal, again) if different else []
    return {
        "across": dict(changed) or None,
        "trials": trials,
        "equal": len(trials) - different,
        "different": different,
        "drift": _drift_form(pairs) if changed else None,
        "verdicts": [{**dataclasses.asdict(one), "holds": _holds(one)} for one in held],
    }


def _in_place(record: Record, again: Record) -> Record:
    """Return a record with what a rerun of its trial gave."""
    return dataclasses.replace(record, outcome=again.outcome, provenance=again.provenance)


def _holds(held: Any) -> bool | None:
    return None if held.unknown else not held.moved


def _trial_form(then: Record, now: Record, present_id: str) -> dict[str, Any]:
    first, clock = first_divergence(then.outcome, now.outcome), clock_metrics(then.outcome)
    return {
        "id": then.id,
        "study": then.study,
        "trial": Trial(then.study, then.part, then.cell, trial_of(then).recipe, then.seed).words,
        "equal": first is None,
        "first": first and first._asdict(),
        "points": sum(
            len(curve) for name, curve in then.outcome.curves.items() if name not in clock
        ),
        "final": len(then.outcome.final.keys() - clock),
        "timed": sorted(clock),
        "changed": [one._asdict() for one in changes(then, now, present_id == then.id)],
    }


def _drift_form(pairs: list[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Return the table's rows, less the metrics that have no value at an epoch."""
    table = drift(pairs)
    rows = zip(table.index, table.to_dict("records"), strict=True)
    return [
        {"epoch": epoch, **{str(name): one for name, one in row.items() if not math.isnan(one)}}
        for epoch, row in rows
    ]


def text_of(form: Form) -> str:
    """Return what a reproduction found, to read."""
    lines = [line for trial in form["trials"] for line in _trial_lines(trial)]
    if form["drift"] is not None:
        (what,) = form["across"].items()
        lines += ["", f"Largest difference with {what[0]}={what[1]} and all else equal:"]
        lines += _drift_lines(form["drift"])
    if shared := _shared_changes(form["trials"]):
        lines += ["", "Not as it was:", *(f"  {line}" for line in shared)]
    for held in form["verdicts"]:
        lines += ["", *_verdict_lines(held)]
    total = len(form["trials"])
    lines += ["", f"{form['equal']} of {total} trials gave the same bits"]
    return "\n".join(lines)


def _trial_lines(trial: Form) -> list[str]:
    lines = [f"{trial['study']}: {trial['trial']} ({trial['id']})"]
    if trial["equal"]:
        counts = f"{trial['points']} points of curves, {trial['final']} final metrics"
        weights = "data, initial and final weights, " if trial["points"] else ""
        lines.append(f"  equal, bit for bit: {weights}{counts}")
    else:
        first = trial["first"]
        where = ""
        if first["epoch"] is not None:
            where = f" at epoch {first['epoch']:g} (step {first['step']})"
        lines.append(f"  first difference: {first['quantity']}{where}")
        lines.append(f"    {_shown(first['then'])} then, {_shown(first['now'])} now")
    if trial["timed"]:
        lines.append(f"  not compared, being a clock's: {', '.join(trial['timed'])}")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "nothing" if value in (None, "") else str(value)


def _shared_changes(trials: Sequence[Form]) -> list[str]:
    """Return what changed for any trial that differs, once each."""
    different = [trial for trial in trials if not trial["equal"]]
    found = {Change(**one) for trial in different for one in trial["changed"]}
    return [f"{one.what}: {_shown(one.then)} → {_shown(one.now)}" for one in sorted(found, key=str)]


def _verdict_lines(held: Form) -> list[str]:
    if held["unknown"]:
        return [f"Whether the verdicts of {held['study']} hold cannot be said: {held['unknown']}"]
    moved, verdicts = len(held["moved"]), plural(held["claims"], "verdict")
    if not moved:
        return [f"With these numbers {held['study']} ends as before ({verdicts})"]
    head = f"With these numbers {moved} of {verdicts} of {held['study']} move:"
    return [head, *(f"  {says} {then} → {now}" for says, then, now in held["moved"])]


def _drift_lines(rows: Sequence[Form]) -> list[str]:
    import pandas as pd

    if not rows:
        return ["  nothing to compare"]
    table = pd.DataFrame(rows).set_index("epoch")
    return [
        f"  {line}"
        for line in table.T.to_string(float_format="{:.1e}".format, na_rep="").splitlines()
    ]

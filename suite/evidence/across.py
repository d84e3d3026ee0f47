"""Many studies side by side: how often a verdict of the whole site is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from suite.evidence.results import Results
from suite.evidence.significance import benjamini_hochberg


def q_values(results: Sequence[Results]) -> Mapping[str, Sequence[float]]:
    """Return, by study, the q value of each claim's verdict; NaN where it rests on no test.

    Holm's correction is for the reader of one study. Who picks the striking verdicts out of all
    studies needs another: of the effects with a q value of at most 0.05, no more than one in twenty
    is expected to be none at all (Benjamini and Hochberg, 1995), and of those that are called
    smaller than what matters, to be as large. The two are two families, as they are for Holm.
    """
    claims = [(result.study.name, finding) for result in results for finding in result.findings]
    effect = benjamini_hochberg([finding.p for _, finding in claims])
    margin = benjamini_hochberg([finding.p_margin for _, finding in claims])
    found: dict[str, list[float]] = {result.study.name: [] for result in results}
    for (study, finding), q_effect, q_margin in zip(claims, effect, margin, strict=True):
        by = finding.settled_by
        q = q_margin if by == "margin" else q_effect if by else math.nan
        found[study].append(q)
    return found

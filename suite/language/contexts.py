"""Where a rule holds, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from suite.evidence import Finding
from suite.evidence.contexts import AS_WRITTEN, Reach
from suite.language.catalogue import gettext, translate
from suite.language.quantities import NBSP, p_words
from suite.language.words import clauses

REACHES: Mapping[Reach, Callable[[], str]] = {
    Reach.ALL: lambda: gettext("holds in all"),
    Reach.NONE: lambda: gettext("holds in none"),
    Reach.DEPENDS: lambda: gettext("depends"),
    Reach.REVERSES: lambda: gettext("reverses"),
    Reach.OPEN: lambda: gettext("open"),
}
GLYPHS: Mapping[Reach, str] = {
    Reach.ALL: "✓",
    Reach.NONE: "✕",
    Reach.DEPENDS: "≠",
    Reach.REVERSES: "⇄",
    Reach.OPEN: "?",
}


def context_words(name: str) -> str:
    """Return what a context is called; the study as written has none."""
    return gettext("the study itself") if name == AS_WRITTEN else gettext(name.replace("_", " "))


def across_words(finding: Finding) -> str:
    """Return why a claim reaches as far as it does, which context breaks it, and the test."""
    across = finding.across
    if across is None:
        return ""
    said = [translate(across.reason)]
    if across.breaks is not None:
        said.append(
            gettext("what breaks it: {context}").format(context=context_words(across.breaks))
        )
    if not math.isnan(across.adjusted_p):
        p = p_words(across.adjusted_p)
        p = f"p{NBSP}{p}" if p.startswith("<") else f"p{NBSP}={NBSP}{p}"
        said.append(gettext("of one effect everywhere: {p}").format(p=p))
    return clauses(said)

"""What came out, as a page: `python -m tests.verdicts > docs/verdicts.md`, where studies have run.

`python -m tests.verdicts grids` prints the README's table of the nine grids.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from suite.evidence import Finding, Verdict
from suite.evidence.results import Results
from suite.language.effects import effect_words
from suite.runs.conclusions import verdict_counts
from suite.runs.latest import concluded, latest
from suite.runs.stores import stores

# The nine grids, in the order in which they were asked for, then the others by name.
GRIDS = {
    "batch_size_and_learning_rate": "batch size × learning rate",
    "capacity_and_overfitting": "capacity and overfitting",
    "weight_decay": "weight decay",
    "dropout": "dropout",
    "activation_and_depth": "activation and depth",
    "batch_norm": "batch normalisation",
    "residual": "residual connections",
    "devices": "one device against several",
    "augmentation": "augmentation",
}


def page(all_results: Sequence[Results]) -> Iterator[str]:
    """Yield the page's lines."""
    ran = all_results[0].records[0].provenance
    found = [finding for one in all_results for finding in one.findings]
    yield "# The verdicts that came out"
    yield ""
    yield (
        f"Laptop tier, two cores of an {ran.processor}, torch {ran.packages['torch']}, second edition: "
        "claims are judged at looks, after 5, 10 and 20 seeds or, where seeds are dear, after 5 and 10."
    )
    yield ""
    for kind, counts in verdict_counts(found).items():
        yield f"- {kind}: {said(counts)}"
    yield (
        f"- {sum(one.revised for one in found)} of {len(found)} claims, or their seeds or levels, "
        "were changed after results had been seen (†)"
    )
    yield ""
    yield "`python -m nox -s studies` makes these numbers again; the report's pages have the reasons."
    for one in all_results:
        ends = Counter(str(record.outcome.status) for record in one.records)
        lost = "".join(f", {ends[end]} {end}" for end in ("diverged", "failed") if ends[end])
        yield f"\n## {one.study.title}\n"
        yield f"`{one.study.name}`: {len(one.records):,} trials{lost}.\n"
        yield "| claim | verdict | effect |"
        yield "|---|---|---|"
        yield from map(row, one.findings)


def said(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def row(finding: Finding) -> str:
    claim = f"{finding.claim.says} {finding.claim.source}".strip().replace("|", "\\|")
    effect = effect_words(finding)
    if finding.is_open:
        effect += f": {finding.reason}"
    if finding.more_seeds is not None:
        effect += f" ({finding.more_seeds:,} more seeds)"
    across = f"<br>over contexts: **{finding.across.reach}**" if finding.across else ""
    mark = " †" if finding.revised else ""
    return f"| {claim} | **{finding.verdict}**{mark} | {effect}{across} |"


def grids(all_results: Iterable[Results]) -> Iterator[str]:
    """Yield the table of the nine grids."""
    by_name = {one.study.name: one for one in all_results}
    yield "| study | " + " | ".join(map(str, Verdict)) + " | headline over contexts |"
    yield "|---" * (len(Verdict) + 2) + "|"
    for name, words in GRIDS.items():
        counts = Counter(finding.verdict for finding in by_name[name].findings)
        reach = [str(one.across.reach) for one in by_name[name].findings if one.across]
        cells = [words, *(str(counts[verdict]) for verdict in Verdict), ", ".join(reach)]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    results, _ = concluded(latest((), *stores()))
    in_order = sorted(results, key=lambda one: [*GRIDS, one.study.name].index(one.study.name))
    for line in grids(in_order) if sys.argv[1:] == ["grids"] else page(in_order):
        print(line)

"""What came out, as pages: `python -m tests.verdicts > docs/verdicts.md`, where studies have run.

`python -m tests.verdicts rules` prints the README's table of the practitioners' rules, and `grids`
that of the notes' nine grids; `rules zh` and `grids zh` print those of README.zh.md.
`python -m tests.verdicts readme` puts all four in their places.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from reports.pages.front import NOTEBOOK_WORDS, revised, tallies_by_kind
from reports.pages.tricks import answer_words
from suite.evidence import Finding, Verdict
from suite.evidence.results import Results
from suite.evidence.tricks import CITES, SOURCE, Tricks, tricks
from suite.language.catalogue import gettext, language, writing
from suite.language.contexts import REACHES
from suite.language.effects import effect_words
from suite.language.words import VERDICTS
from suite.runs.latest import concluded, latest
from suite.runs.stores import stores
from suite.vocabulary.study import FOLKLORE, NOTES

ROOT = Path(__file__).parents[1]
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh.md"}
# The nine grids, in the order in which they were asked for, then the others by name.
GRIDS = (
    "batch_size_and_learning_rate",
    "capacity_and_overfitting",
    "weight_decay",
    "dropout",
    "activation_and_depth",
    "batch_norm",
    "residual",
    "devices",
    "augmentation",
)
HEADS = {
    "en": {
        "rules": ("rule", "verdict", "what its claim says, and what was measured", "over contexts",
                  "its other claims"),
        "study": "study",
        "reach": "headline over contexts",
    },
    "zh": {
        "rules": ("法则", "判定", "论断与测得的效应", "在各情境中", "其他论断"),
        "study": "研究",
        "reach": "主要论断在各情境中",
    },
}  # fmt: skip


def page(all_results: Sequence[Results]) -> Iterator[str]:
    """Yield the page's lines: a notebook after another, the practitioners' first."""
    ran = all_results[0].records[0].provenance
    yield "# The verdicts that came out"
    yield ""
    yield (
        f"Laptop tier, two cores of an {ran.processor}, torch {ran.packages['torch']}, second edition: "
        "claims are judged at looks, after 5, 10 and 20 seeds or, where seeds are dear, after 5 and 10. "
        "† marks a claim that was changed, or its seeds or levels, after results had been seen."
    )
    yield ""
    yield (
        "`python -m nox -s studies -- --all` makes these numbers again; the report's pages have the "
        "reasons."
    )
    for notebook in (FOLKLORE, NOTES):
        of_book = [one for one in all_results if one.study.notebook == notebook]
        if of_book:
            yield f"\n## {NOTEBOOK_WORDS[notebook]()}\n"
            yield from counts(of_book)
            yield from (line for one in of_book for line in of_study(one))
        if notebook == FOLKLORE and (found := tricks(of_book)):
            yield f"\n### {SOURCE} ({CITES})\n"
            yield f"**{VERDICTS[found.verdict]()}**: {answer_words(found)}"


def of_study(results: Results) -> Iterator[str]:
    """Yield the lines of a study."""
    ends = Counter(str(record.outcome.status) for record in results.records)
    lost = "".join(f", {ends[end]} {end}" for end in ("diverged", "failed") if ends[end])
    yield f"\n### {results.study.title}\n"
    yield f"`{results.study.name}`: {len(results.records):,} trials{lost}.\n"
    yield "| claim | verdict | effect |"
    yield "|---|---|---|"
    yield from map(row, results.findings)


def counts(all_results: Sequence[Results]) -> Iterator[str]:
    """Yield how many claims have each verdict, each kind of claim apart."""
    for kind, tally in tallies_by_kind(all_results):
        yield f"- {kind}: {', '.join(f'{count} {badge.word}' for badge, count in tally)}"
    if changed := revised(all_results):
        yield f"- {changed}"


def row(finding: Finding) -> str:
    claim = finding.claim
    said = cell(f"{claim.says} {claim.source} {claim.cites and f'({claim.cites})'}")
    effect = effect_words(finding)
    if finding.is_open:
        effect += f": {finding.reason}"
    if finding.more_seeds is not None:
        effect += f" ({finding.more_seeds:,} more seeds)"
    across = f"<br>over contexts: **{finding.across.reach}**" if finding.across else ""
    return f"| {said} | {verdict(finding)} | {effect}{across} |"


def cell(text: str) -> str:
    """Return a text that may stand in a table's cell."""
    return text.strip().replace("|", "\\|")


def verdict(finding: Finding) -> str:
    return f"**{VERDICTS[finding.verdict]()}**{' †' if finding.revised else ''}"


def rules(all_results: Sequence[Results]) -> Iterator[str]:
    """Yield the practitioners' counts and a row for each rule, whose first claim is its headline."""
    heads = HEADS[language()]["rules"]
    of_book = [one for one in all_results if one.study.notebook == FOLKLORE]
    yield from counts(of_book)
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    found: dict[str, list[Finding]] = {}
    for finding in (finding for one in of_book for finding in one.findings):
        found.setdefault(finding.claim.source, []).append(finding)
    yield from (rule(headline, others) for headline, *others in found.values())
    if (closing := tricks(of_book)) is not None:
        yield closing_rule(closing)


def rule(headline: Finding, others: Sequence[Finding]) -> str:
    claim = headline.claim
    tally = Counter(finding.verdict for finding in others)
    return table_row(
        named(claim.source, claim.cites),
        verdict(headline),
        f"{cell(gettext(claim.says))}<br>{effect_words(headline)}",
        REACHES[headline.across.reach]() if headline.across else "",
        ", ".join(f"{tally[one]} {VERDICTS[one]()}" for one in Verdict if tally[one]),
    )


def closing_rule(found: Tricks) -> str:
    """Return the row of the rule that has no trials of its own: seeds against tricks."""
    verdict = f"**{VERDICTS[found.verdict]()}**"
    return table_row(named(SOURCE, CITES), verdict, answer_words(found), "", "")


def named(source: str, cites: str) -> str:
    """Return a rule with who said it."""
    return cell(f"{gettext(source)} ({cites})")


def table_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def grids(all_results: Iterable[Results]) -> Iterator[str]:
    """Yield the notes' counts and a row for each of the nine grids."""
    of_book = {one.study.name: one for one in all_results if one.study.notebook == NOTES}
    yield from counts(list(of_book.values()))
    yield ""
    heads = HEADS[language()]
    yield table_row(heads["study"], *(VERDICTS[one]() for one in Verdict), heads["reach"])
    yield "|---" * (len(Verdict) + 2) + "|"
    for results in (of_book[name] for name in GRIDS if name in of_book):
        tally = Counter(finding.verdict for finding in results.findings)
        reaches = [REACHES[one.across.reach]() for one in results.findings if one.across]
        cells = (str(tally[one]) for one in Verdict)
        yield table_row(gettext(results.study.title), *cells, ", ".join(reaches))


TABLES: Mapping[str, Callable[[Sequence[Results]], Iterator[str]]] = {
    "rules": rules,
    "grids": grids,
}


def with_tables(text: str, all_results: Sequence[Results]) -> str:
    """Return a README with the tables, in the language that is being written, in their places."""
    for name, table in TABLES.items():
        filled = f"<!-- {name} -->\n\n" + "\n".join(table(all_results)) + f"\n\n<!-- /{name} -->"
        place = f"<!-- {name} -->.*<!-- /{name} -->"
        text = re.sub(place, lambda _, filled=filled: filled, text, count=1, flags=re.DOTALL)
    return text


def main(what: str = "page", spoken: str = "en") -> None:
    """Print the page or a table, or fill the READMEs."""
    results, _ = concluded(latest((), *stores()))
    results.sort(key=lambda one: [*GRIDS, one.study.name].index(one.study.name))
    if what == "readme":
        for one, file in READMES.items():
            with writing(one):
                file.write_text(with_tables(file.read_text(encoding="utf-8"), results), "utf-8")
        return
    with writing(spoken):
        for line in ({"page": page} | TABLES)[what](results):
            print(line)


if __name__ == "__main__":
    main(*sys.argv[1:])

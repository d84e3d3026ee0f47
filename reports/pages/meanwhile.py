"""The site of the studies that have all their trials, while others still train.

`python -m reports.pages.meanwhile`: it reads the journal alone, for the tracking store has its writer.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.files import PAGES, file_name
from reports.site import render
from suite.evidence.results import Results
from suite.runs.latest import gathered
from suite.tracking.journal import Journal
from suite.vocabulary import discovery


def main() -> None:
    """Write the pages of every study whose latest run has all the trials it asked for.

    One that has a page already keeps it, whatever it lacks now: that page says so.
    """
    lost: list[str] = []
    render(_whole(lost), PAGES, tracking_links=lambda: None, lost=lost)


def _whole(lost: list[str]) -> Iterator[Results]:
    journal = Journal()
    ran = [name for name in discovery.names() if journal.latest(name)]
    for results in gathered(ran, journal, lost):
        if not results.missing or (PAGES / file_name(results.study.name)).exists():
            yield results


if __name__ == "__main__":
    main()

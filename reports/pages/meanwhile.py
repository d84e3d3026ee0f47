"""The site of the studies that have all their trials, while others still train.

`python -m reports.pages.meanwhile`: it reads the journal alone, for the tracking store has its writer.
"""

from __future__ import annotations

from reports.files import PAGES
from reports.site import render
from suite.runs.latest import Latest, concluded, gather_latest
from suite.tracking.journal import Journal
from suite.vocabulary import discovery


def main() -> None:
    """Write the pages of every study whose latest run has all the trials it asked for."""
    journal = Journal()
    found = [gather_latest(one, journal) for one in discovery.names() if journal.latest(one)]
    whole = Latest([one for one in found if not one.missing], [])
    render(concluded(whole).results, PAGES, tracking_links=lambda: None)


if __name__ == "__main__":
    main()

"""The site of the studies that have all their trials, while others still train.

`python -m reports.pages.meanwhile`: it reads the journal alone, for the tracking store has its writer.
"""

from __future__ import annotations

from reports.files import PAGES, file_name
from reports.site import render
from suite.ground.errors import RequestError
from suite.runs.latest import Latest, concluded, gather_latest, leave_out
from suite.tracking.journal import Journal
from suite.vocabulary import discovery


def main() -> None:
    """Write the pages of every study whose latest run has all the trials it asked for.

    One that has a page already keeps it, whatever it lacks now: that page says so.
    """
    journal, found = Journal(), Latest([], [])
    for name in discovery.names():
        if journal.latest(name):
            try:
                results = gather_latest(name, journal)
            except RequestError as error:  # it is another now: no other pays for it
                leave_out(name, error, found.lost)
            else:
                if not results.missing or (PAGES / file_name(name)).exists():
                    found.results.append(results)
    render(concluded(found).results, PAGES, tracking_links=lambda: None)


if __name__ == "__main__":
    main()

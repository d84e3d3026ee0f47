"""The report: static pages of verdicts and figures, readable offline."""

from reports.site import render

__all__ = ["render"]

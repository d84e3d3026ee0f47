"""The report: static pages of verdicts and figures, readable offline. `reports.site` renders."""

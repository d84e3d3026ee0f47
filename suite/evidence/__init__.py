"""From records to verdicts: the table, the arms of a claim, intervals and decisions."""

from suite.evidence.findings import Finding, Verdict, findings
from suite.evidence.table import table

__all__ = ["Finding", "Verdict", "findings", "table"]

"""From records to verdicts: the table, the arms of a claim, intervals and decisions."""

from suite.evidence.findings import Finding, findings
from suite.evidence.reasons import Verdict
from suite.evidence.table import table

__all__ = ["Finding", "Verdict", "findings", "table"]

"""From records to verdicts: the table, arms, tests, verdicts and their reasons, looks; two result sets compared."""

from suite.evidence.findings import Finding
from suite.evidence.looks import findings
from suite.evidence.reasons import Verdict
from suite.evidence.table import table

__all__ = ["Finding", "Verdict", "findings", "table"]

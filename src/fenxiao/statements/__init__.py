"""Results in words: totals, one member's statement, explanations, the margin report."""

from fenxiao.statements.explanations import Explanation, PeriodExplanation, PeriodVerdict, Verdict
from fenxiao.statements.member import REASON_TEXT, MemberTotals, Statement, StatementLine, percent
from fenxiao.statements.report import MarginReport, html_table

__all__ = [
    "REASON_TEXT",
    "Explanation",
    "MarginReport",
    "MemberTotals",
    "PeriodExplanation",
    "PeriodVerdict",
    "Statement",
    "StatementLine",
    "Verdict",
    "html_table",
    "percent",
]

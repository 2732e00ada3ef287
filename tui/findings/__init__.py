"""What is wrong with a stream, and why: findings, each a sentence with its evidence."""

from tui.findings.evidence import Evidence, linked
from tui.findings.finding import Finding, Level
from tui.findings.rules import RULES, Rule, diagnose

__all__ = ["RULES", "Evidence", "Finding", "Level", "Rule", "diagnose", "linked"]

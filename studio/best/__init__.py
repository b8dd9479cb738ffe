"""The best merge of a zoo, found within a budget of seconds: first many recipes on few rows."""

from studio.best.findings import Findings
from studio.best.run import BestPlan, find_best

__all__ = ["BestPlan", "Findings", "find_best"]

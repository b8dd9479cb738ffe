"""Many methods on the same tasks and the same held-out rows, compared with paired intervals."""

from studio.compare.comparison import Table, compare
from studio.compare.tables import comparison_csv, comparison_json, comparison_markdown

__all__ = ["Table", "compare", "comparison_csv", "comparison_json", "comparison_markdown"]

"""Tables as CSV text that a spreadsheet shows and never runs."""

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | int | float | None
_RUNS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table as CSV.

    Names of tasks and tensors come from strangers' files. Text that a spreadsheet would take for
    a formula gets an apostrophe in front; numbers stay numbers, and None and NaN become empty.

    Args:
        header: names of the columns.
        rows: of as many cells each.

    Source: OWASP, "CSV Injection".
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in header])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return stream.getvalue()


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" \n").startswith(_RUNS) else value
    return None if value != value else value  # NaN has no place in a table

"""The command that shows the log of exports and removals, and recalls copies."""

import argparse
from pathlib import Path

from studio.commands.passphrase import signing_key
from studio.commands.tools import Commands, ledger_argument, opened_ledger, write_json
from studio.errors import StudioError, visible


def add_log_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "log", _log, "Show and check the log of exports and removals; recall copies."
    )
    ledger_argument(each)
    each.add_argument(
        "--recall", metavar="COPY", help="mark a copy as recalled: it is gone wherever it went"
    )
    each.add_argument("--json", type=Path, metavar="FILE")


def _log(options: argparse.Namespace) -> None:
    from studio.disk.folders import data_folder
    from studio.evidence.ledger import report as log_report
    from studio.evidence.ledger.copies import recall_copy
    from studio.evidence.ledger.log import Ledger

    ledger = Ledger(options.ledger or data_folder())
    if options.recall:
        ledger = opened_ledger(options)
        copy = recall_copy(ledger, options.recall, signing_key(ledger.folder, demo=False))
        print(f"{copy.id} ({visible(copy.name)}) is marked as recalled.")
    for line in log_report.lines(ledger):
        print(visible(line))
    write_json(options.json, log_report.plain(ledger))
    if log_report.problems(ledger):
        raise StudioError("The log does not pass; see the lines above.")

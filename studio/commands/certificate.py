"""What the commands that certify have in common: their arguments, and who signs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.passphrase import signing_key
from studio.errors import BadCertificate

if TYPE_CHECKING:
    from studio.evidence.bundle import Operator
    from studio.evidence.ledger.log import Ledger

LANGUAGES = ("en", "de", "fr", "es")
REASONS = ("erasure request", "license withdrawn", "quality rollback", "other")


def certificate_arguments(parser: argparse.ArgumentParser, words: str) -> None:
    """Add what is declared of a removal.

    Args:
        parser: of the command.
        words: what ``--certify`` does.
    """
    group = parser.add_argument_group("certificate")
    group.add_argument("--certify", action="store_true", help=words)
    group.add_argument(
        "--demo-key", action="store_true",
        help="sign with a key that is thrown away: a demonstration that binds nothing",
    )  # fmt: skip
    group.add_argument("--reason", default=REASONS[-1], choices=REASONS)
    group.add_argument("--reference", default="", metavar="ID", help="of the request; no names")
    group.add_argument("--received", default="", metavar="YYYY-MM-DD")
    group.add_argument("--signer", default="", metavar="NAME", help="shown beside the key")
    group.add_argument(
        "--recipient", action="append", default=[], metavar="WHO", help="who was told"
    )
    group.add_argument("--backups", default="", metavar="WORDS", help="what became of backups")
    _paper_arguments(group)
    group.add_argument(
        "--predecessor", type=Path, metavar="C",
        help="the certificate that this one follows (default: the latest that shares a checkpoint)",
    )  # fmt: skip


def _paper_arguments(group: "argparse._ArgumentGroup") -> None:
    """What stands in the report alone."""
    group.add_argument(
        "--language", default="en", choices=LANGUAGES, help="of the report's first two pages"
    )
    for name, metavar, words in (
        ("--in-charge", "WHO", "who answers for the request; a role, no name"),
        ("--basis", "WORDS", "legal basis, as you see it"),
        ("--told", "WORDS", "when and how recipients were told"),
        ("--next-date", "WORDS", "when somebody looks at this again"),
        ("--retention", "WORDS", "how long the record is kept"),
    ):
        group.add_argument(name, default="", metavar=metavar, help=f"in the report: {words}")


def operator_of(options: argparse.Namespace, ledger: "Ledger", allowed: bool = False) -> "Operator":
    """Who certifies, by the arguments; asks for the passphrase of the key.

    Args:
        options: with the arguments of ``certificate_arguments``.
        ledger: that is told.
        allowed: whether removed checkpoints may be merged.

    Raises:
        BadCertificate: something that was declared cannot stand in a certificate.
    """
    from studio.evidence import envelope
    from studio.evidence.bundle import Operator
    from studio.evidence.certificate import Request
    from studio.evidence.report.paper import Paper

    request = Request(
        options.reason, options.reference, options.received, options.signer,
        tuple(options.recipient), options.backups,
    )  # fmt: skip
    paper = Paper(
        options.language, options.in_charge, options.basis, options.told, options.next_date,
        options.retention,
    )  # fmt: skip
    predecessor = None
    if options.predecessor:
        try:
            predecessor = envelope.digest(options.predecessor.read_bytes())
        except OSError as problem:
            raise BadCertificate(
                f"{options.predecessor} cannot be read: {problem.strerror}."
            ) from None
    key = signing_key(ledger.folder, options.demo_key)
    return Operator(ledger, key, request, predecessor, allowed, paper)

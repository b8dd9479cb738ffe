"""The command that checks a certificate."""

import argparse
from pathlib import Path

from studio.commands.tools import Commands, link_roots, show_progress, write_json
from studio.errors import StudioError, visible


def add_verify_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "verify",
        _verify,
        "Check a certificate and its bundle, offline; with --rebuild, compute the weights again.",
    )
    each.add_argument("folder", type=Path, metavar="DIR")
    each.add_argument("--certificate", type=Path, required=True, metavar="C")
    each.add_argument("--public-key", type=Path, required=True, metavar="K")
    each.add_argument("--log", type=Path, metavar="FILE", help="audit.jsonl, head.json beside it")
    each.add_argument(
        "--rebuild", action="store_true",
        help="compute the weights root, or the state of sums and its model, again from --base "
        "and --tasks, without the removed ones",
    )  # fmt: skip
    each.add_argument("--base", type=Path, metavar="B")
    each.add_argument("--tasks", type=Path, nargs="*", default=[], metavar="T")
    each.add_argument(
        "--zoo", type=Path, metavar="ZOO",
        help="with --rebuild: a zoo of these inputs, on whose validation rows what was measured or "
        "fitted is computed again: refitted heads, and a state's statistics",
    )  # fmt: skip
    each.add_argument("--json", type=Path, metavar="FILE")


def _verify(options: argparse.Namespace) -> None:
    from studio.evidence.verify import closing_words
    from studio.measure.bench import open_bench
    from studio.sequence.verification import verify_bundle

    if options.rebuild and options.base is None:
        raise StudioError("--rebuild needs --base, and --tasks for every kept checkpoint.")
    if options.zoo and not options.rebuild:
        raise StudioError("--zoo is for --rebuild, which computes again what its rows led to.")
    inputs = (options.base, options.tasks) if options.rebuild else None
    bench = open_bench(options.zoo, options.device, roots=link_roots(options))
    found = verify_bundle(
        options.folder, options.certificate, options.public_key, options.log, inputs, bench,
        show_progress, link_roots(options),
    )  # fmt: skip
    for each in found.findings:
        print(f"{'ok' if each.good else 'FAILED'}: {visible(each.words)}")
    for words in closing_words(found):
        print(visible(words))
    plain = {"good": found.good, "findings": [vars(each) for each in found.findings]}
    plain["notes"] = list(found.notes)
    write_json(options.json, plain | {"statement": found.statement})
    if not found.good:
        raise StudioError("The bundle does not pass; see the lines above.")

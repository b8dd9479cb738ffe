"""The studio without a browser: ``python -m studio COMMAND``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from studio.commands import COMMANDS
from studio.commands.remedies import told
from studio.commands.tools import Commands
from studio.errors import StudioError, visible


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 1 if the studio refused; usage errors leave with 2.
    """
    options = command_parser().parse_args(arguments)
    try:
        if options.threads is not None:
            if options.threads < 1:
                raise StudioError(f"--threads is {options.threads}; it must be at least 1.")
            import torch

            torch.set_num_threads(options.threads)
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read this has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except StudioError as refusal:
        print(f"studio: {told(refusal)}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"studio: {visible(str(problem))}.", file=sys.stderr)
        return 1
    except MemoryError:
        print("studio: out of memory; nothing was written.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("studio: stopped; nothing was written.", file=sys.stderr)
        return 1
    return 0


def command_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    called = Path(sys.argv[0]).stem
    program = called if called == "merge-studio-cli" else "python -m studio"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.set_defaults(every=parser)  # for the command that completes them all
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda", "mps"),
        help="where models are evaluated; merges are computed on the CPU (default auto)",
    )  # fmt: skip
    common.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's)")
    common.add_argument(
        "--root", type=Path, action="append", default=[], metavar="DIR",
        help="a folder into which links among a checkpoint's files may lead (may be repeated)",
    )  # fmt: skip
    level = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(Commands(level, common))
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The commands that ask the Hub: what lies there, fetching it, and pushing an export."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import Commands, link_roots, show_progress, write_json
from studio.errors import NotAllowed, StudioError, visible

if TYPE_CHECKING:
    from studio.hub.errand import Hub
    from studio.hub.look import RemoteLook


def add_hub_command(commands: Commands) -> None:
    """Add the command."""
    level = commands.add_level("hub", "Ask the Hub: nothing else in the studio ever does.")
    each = level.add("look", _look, "Say what a repository is, from headers alone.")
    _ids(each, "ID")
    each.add_argument(
        "--base", metavar="BASE",
        help="also say what would merge into this base: a folder, or an id of the Hub",
    )  # fmt: skip
    each.add_argument("--json", type=Path, metavar="FILE", help="of one ID, with all its tensors")
    each = level.add(
        "fetch", _fetch, "Fetch safetensors, configuration and rows into the Hub's own cache."
    )
    _ids(each, "ID")
    each.add_argument("--yes", action="store_true", help="do not ask before fetching")
    each = level.add("push", _push, "Push an export or a bundle as a new repository.")
    each.add_argument("folder", type=Path, metavar="DIR")
    each.add_argument("--to", required=True, metavar="REPO", help="owner/name")
    push_arguments(each)


def push_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command has that pushes."""
    parser.add_argument(
        "--licence", default="", metavar="NAME",
        help="of what is pushed (default: the strictest of the inputs' cards, if one is)",
    )  # fmt: skip
    parser.add_argument(
        "--public", action="store_true", help="let everybody see it at once (default: only you)"
    )


def own_hub() -> "Hub":
    """The Hub, unless the person's variables forbid it."""
    from studio.hub.endpoint import forbidden_by
    from studio.hub.errand import Hub

    return Hub(forbidden_by(os.environ))


def push_folder(hub: "Hub", folder: Path, name: str, options: argparse.Namespace) -> None:
    """Push an export, and say what came of it.

    Raises:
        StudioError: it was not pushed; the folder stays.
    """
    made = hub.push(folder, name, options.licence, options.public, show_progress)
    print(visible(made.words))


def _ids(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "ids", nargs="+", metavar=name,
        help="owner/name, owner/name@revision, or datasets/owner/name",
    )  # fmt: skip


def _look(options: argparse.Namespace) -> None:
    from studio.hub.look import look

    if options.json and len(options.ids) != 1:
        raise StudioError(f"--json is for one ID; there are {len(options.ids)}.")
    looks = [look(each, progress=show_progress) for each in options.ids]
    for each in looks:
        print(*_words(each), sep="\n")
        if options.base and each.kind != "dataset":
            print(f"  on {visible(options.base)}: {_fits(each, options)}")
    if options.json:
        write_json(options.json, _plain(looks[0]))


def _fetch(options: argparse.Namespace) -> None:
    fetched_from_hub(options.ids, options.yes)


def fetched_from_hub(ids: Sequence[str], yes: bool) -> list[Path]:
    """Fetch repositories into the Hub's cache, after their sizes were said and a person agreed.

    Args:
        ids: of the repositories.
        yes: whether the person has agreed already.

    Returns:
        Their folders, in the order of the ids.

    Raises:
        StudioError: one cannot be merged or fetched, or nobody agreed.
    """
    from studio.hub.cache import Cache
    from studio.hub.fetch import fetch
    from studio.hub.look import look

    looks = [look(each, progress=show_progress) for each in ids]
    for each in looks:
        print(*_words(each), sep="\n")
    refused = [each.refusal for each in looks if each.refusal]
    if refused:
        raise StudioError(" ".join(refused))
    missing = sum(Cache(each).missing for each in looks)
    if missing and not yes:
        _ask(f"Fetch {missing:,} bytes?")
    folders = []
    for each in looks:
        folders.append(fetch(each, progress=show_progress))
        print(f"{each.pinned}: {visible(str(folders[-1]))}")
    return folders


def _push(options: argparse.Namespace) -> None:
    hub = own_hub()
    hub.refuse_push(options.to)
    push_folder(hub, options.folder, options.to, options)


def _ask(question: str) -> None:
    """Go on only if a person at the terminal says so.

    Raises:
        NotAllowed: they did not, or nobody is there.
    """
    if not sys.stdin.isatty():
        raise NotAllowed(f"{question} Nobody is there to answer; pass --yes to fetch.")
    if input(f"{question} [yes/no] ").strip().lower() not in ("y", "yes"):
        raise NotAllowed("Nothing was fetched.")


def _words(of: "RemoteLook") -> list[str]:
    """What a look found, a line each."""
    from studio.hub.cache import Cache

    codes = sorted({entry.code for entry in of.tensors.values()})
    lines = [
        f"{of.hub_id} at {of.commit} ({visible(of.revision)}): {of.kind}, licence "
        f"{visible(of.licence) or 'not said'}",
        f"  {len(of.files)} files, {of.size:,} bytes; {Cache(of).missing:,} of them are not here",
    ]
    if of.tensors:
        lines.append(
            f"  {len(of.tensors):,} tensors, {of.parameters:,} parameters, {', '.join(codes)}"
        )
    if of.base_models:
        lines.append(f"  made from {', '.join(of.base_models)}, as it says")
    return [*lines, f"  not mergeable: {visible(of.refusal)}"] if of.refusal else lines


def _fits(of: "RemoteLook", options: argparse.Namespace) -> str:
    """What of a repository would merge into a base, or why nothing would."""
    from studio.disk.files import hub_id
    from studio.hub.fitting import fit
    from studio.hub.look import look

    source, roots = Path(options.base).absolute(), link_roots(options)
    remote = hub_id(options.base) is not None and not source.exists()
    return fit(of, look(options.base) if remote else source, options.base, roots).words


def _plain(of: "RemoteLook") -> dict:
    tensors = {
        name: {"dtype": entry.code, "shape": list(entry.shape)}
        for name, entry in of.tensors.items()
    }
    files = {each.name: {"size": each.size, "digest": each.digest} for each in of.files}
    kept = ("hub_id", "revision", "commit", "kind", "licence", "refusal")
    known = {key: getattr(of, key) for key in kept}
    return known | {"base_models": list(of.base_models), "files": files, "tensors": tensors}

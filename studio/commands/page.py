"""The program of the page: its arguments, and who is let in."""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.restart import restart_command
from studio.demo import ASSETS, DEMOS
from studio.errors import NotAllowed, StudioError

if TYPE_CHECKING:
    from studio.session.engine import Engine
    from studio.ui.hosts import Hosts

_SHORTEST_PASSWORD = 12
_LARGEST_AUTH = 2000  # bytes
_NO_MCP = "agents cannot before `pip install 'mdm-oc-merge-studio[api]'`"


def main() -> int:
    """Serve the page until it is stopped; 1 if the studio refuses to start."""
    options = hosted(page_parser().parse_args(), os.environ)
    from studio.ui.remedies import told

    try:
        engine, address = _served(options)
    except StudioError as refusal:
        print(f"studio: {told(refusal)}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"studio: {problem}", file=sys.stderr)
        return 1
    print(f"The studio is at {address} (Ctrl+C stops it).", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        _wait(address if options.window else "")
    return _closed(engine)


def _closed(engine: "Engine") -> int:
    """Stop the studio; whoever presses Ctrl+C again ends it at once."""
    try:
        engine.close()
    except KeyboardInterrupt:
        print("The studio was ended before all was put away.", file=sys.stderr, flush=True)
        os._exit(1)
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))  # while the interpreter puts itself away
    return 0


def _wait(shown: str) -> None:
    """Until the window that shows an address is closed; without one, until the end."""
    from studio.ui.window import show

    if shown:
        show(shown)
    else:
        threading.Event().wait()


def _served(options: argparse.Namespace) -> "tuple[Engine, str]":
    """The studio, started, and the address of its page.

    Raises:
        StudioError: it refuses to start.
        OSError: the system does.
    """
    hosts = _hosts(options)
    if options.window:
        from studio.ui.window import refuse_windowless

        refuse_windowless()
    auth = credentials(hosts, given_auth(options.auth, options.auth_file))
    from studio.hub.endpoint import forbidden_by

    forbidden = options.offline or forbidden_by(os.environ)
    # Nothing in this process may ask the network; errands to the Hub have one of their own.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from studio.disk.temporary import sweep_temporary

    print("Starting …", *sweep_temporary(), sep="\n", flush=True)
    with _nothing_to_collect():
        from studio.ui.launch import has_mcp, start

        gc.freeze()  # modules stay; a zoo does not, once another one is opened
        browser = not (options.no_browser or options.window)
        engine = _engine(options, hosts, forbidden)
        address = start(engine, hosts, options.port, auth, browser, options.api)
    engine.start()  # after the page is served, so that loading the model does not delay it
    if options.api:
        agents = f"agents at {address.rstrip('/')}/gradio_api/mcp" if has_mcp() else _NO_MCP
        print(f"Programs may ask, too: {agents}.", flush=True)
    return engine, address


def _engine(options: argparse.Namespace, hosts: "Hosts", forbidden: bool) -> "Engine":
    """The engine of the zoo that is opened first, and what the person at this computer may do."""
    from studio.device import resolve_device
    from studio.hub.errand import Hub
    from studio.session.engine import Engine
    from studio.session.read_only import ReadOnlyEngine
    from studio.ui.folder_dialog import choose_folder, has_dialog

    zoo, root = opened_first(options.zoo, options.demo)
    if options.read_only:
        return ReadOnlyEngine(zoo, (root, *options.root), resolve_device(options.device))
    roots = (root, Path.cwd(), *options.root)
    hub = Hub(forbidden, visited=bool(hosts.opened))
    engine = Engine(zoo, roots, resolve_device(options.device), options.ledger, hub)
    if hosts.alone:  # others cannot restart it, and need not know its folders
        engine.restart = restart_command(page_parser(), options, sys.argv[0])
    if hosts.alone and has_dialog():
        engine.choose_folder = choose_folder
    return engine


def opened_first(zoo: Path | None, demo: str) -> tuple[Path, Path]:
    """The zoo that is opened, and the folder that the page may use of it.

    Args:
        zoo: the person's own; None for a demo.
        demo: its name; from it, the page may open the other demos.
    """
    if zoo is None:
        return DEMOS[demo], ASSETS.absolute()
    folder = zoo if zoo.is_dir() else zoo.parent
    return zoo, folder.absolute()


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Do not look for garbage while a start makes so many objects that stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _folder(text: str) -> Path:
    """A folder as it was given, be it from somebody's home folder on."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # of nobody whom this computer knows
        raise argparse.ArgumentTypeError(f"nobody here has the home folder of {text}") from None


def _hosts(options: argparse.Namespace) -> "Hosts":
    from studio.ui.hosts import LOOPBACK_PROXIES, Hosts, allowed_host, proxy_address, root_path

    allowed = tuple(allowed_host(each) for each in options.allow_host)
    root, frames = root_path(options.root_path), getattr(options, "frames", "")
    if options.read_only and options.ledger:
        raise NotAllowed("--read-only writes no log; leave --ledger out.")
    proxies = (*LOOPBACK_PROXIES, *(proxy_address(each) for each in options.proxy))
    return Hosts(options.host, allowed, root, proxies, options.read_only, frames)


def hosted(options: argparse.Namespace, variables: Mapping[str, str]) -> argparse.Namespace:
    """The options as they are; in a Space of Hugging Face, those of a page for strangers.

    Args:
        options: as they were given.
        variables: of the environment, before the page closes itself off from them.
    """
    if not (variables.get("SPACE_ID") and variables.get("SPACE_HOST")):
        return options
    options.read_only, options.host, options.no_browser = True, "0.0.0.0", True
    options.zoo, options.root, options.ledger, options.api = None, [], None, False
    options.allow_host = [*options.allow_host, variables["SPACE_HOST"]]
    options.frames = "https://huggingface.co"
    return options


def given_auth(auth: str | None, file: Path | None) -> str | None:
    """``USER:PASS`` as it was given: in a file, or with the password asked for after ``USER:``.

    Raises:
        NotAllowed: both were given, or the file is none that only its owner can read.
    """
    from studio.disk.files import open_regular

    if file is not None:
        if auth is not None:
            raise NotAllowed("Give --auth or --auth-file, not both.")
        with open_regular(file, NotAllowed) as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(_LARGEST_AUTH + 1)
        if os.name != "nt" and mode & 0o077:
            raise NotAllowed(
                f"--auth-file {file} has the mode {mode & 0o777:o}: others on this computer can "
                f"read it. Run `chmod 600 '{file}'`."
            )
        lines = content.decode("utf-8", "replace").strip("\r\n").splitlines()
        if len(content) > _LARGEST_AUTH or len(lines) != 1:
            raise NotAllowed(f"--auth-file {file} must hold one line, USER:PASS.")
        return lines[0]
    if auth is None or auth.count(":") != 1 or not auth.endswith(":"):
        return auth
    if sys.stdin.isatty():
        return auth + getpass(f"Password of {auth} ")
    return auth + sys.stdin.readline().rstrip("\n")


def credentials(hosts: "Hosts", auth: str | None) -> tuple[str, str] | None:
    """User and password from ``USER:PASS``; demanded when others than this computer are let in.

    Raises:
        NotAllowed: they are missing, or the password is too short.
    """
    if auth is None:
        if (opened := hosts.opened) and not hosts.strangers:
            raise NotAllowed(
                f"{opened} lets other computers in; add --auth USER: or --auth-file FILE, with a "
                f"password of at least {_SHORTEST_PASSWORD} characters."
            )
        return None
    user, colon, password = auth.partition(":")
    if not user or not colon or len(password) < _SHORTEST_PASSWORD:
        raise NotAllowed(
            "--auth must be USER: or USER:PASS, and --auth-file hold USER:PASS, with a password "
            f"of at least {_SHORTEST_PASSWORD} characters."
        )
    return user, password


def page_parser() -> argparse.ArgumentParser:
    """The parser of the page's program."""
    parser = argparse.ArgumentParser(description="Start the merge studio in the browser.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--zoo", type=Path, metavar="PATH", help="zoo.yaml or its folder")
    which.add_argument(
        "--demo", default=next(iter(DEMOS)), choices=tuple(DEMOS),
        help="a zoo that comes with the studio (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--root", type=_folder, action="append", default=[], metavar="DIR",
        help="a folder that paths typed into the page may lie in (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--ledger", type=Path, metavar="DIR",
        help="log of exports and removals, and the signing key (default: in your data folder)",
    )  # fmt: skip
    _add_visitors(parser)
    parser.add_argument("--port", type=int, metavar="P", help="default: the first free from 7860")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    parser.add_argument(
        "--window", action="store_true",
        help="open the page in a window of its own; closing that ends the studio",
    )  # fmt: skip
    parser.add_argument(
        "--offline", action="store_true", help="forbid every hub action (none starts by itself)"
    )
    parser.add_argument(
        "--read-only", action="store_true",
        help="show one zoo to strangers: no paths, no key, nothing written, short jobs; needs no "
        "password (by itself in a Space of Hugging Face)",
    )  # fmt: skip
    parser.add_argument(
        "--api", action="store_true",
        help="let other programs ask, too, by Gradio's API and as agents by MCP",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    return parser


def _add_visitors(parser: argparse.ArgumentParser) -> None:
    """Where the page is served, and to whom."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve (default this computer)"
    )
    parser.add_argument(
        "--auth", metavar="USER:",
        help="demanded if --host or --allow-host is not loopback; the password is asked for, or "
        "read as a line of stdin (USER:PASS is taken, too, but others on this computer can see it)",
    )  # fmt: skip
    parser.add_argument(
        "--auth-file", type=Path, metavar="FILE",
        help="the same from a file that only you can read: one line, USER:PASS",
    )  # fmt: skip
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name or address that visitors may use for this page, such as the public name "
        "of a reverse proxy; NAME:PORT for one port (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--proxy", action="append", default=[], metavar="ADDRESS",
        help="a reverse proxy on another computer, or its network, whose X-Forwarded-For is "
        "believed (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--root-path", default="", metavar="PATH",
        help="where a reverse proxy shows the page: /studio, or https://NAME/studio if it passes "
        "no name on",
    )  # fmt: skip

"""Errands to the Hub, each in a process of its own, so that the one that serves stays offline.

``python -m studio.hub.errand`` reads what is asked as JSON and answers in lines of JSON.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from studio import errors
from studio.errors import BadRemote, NotAllowed, Remedy, StudioError
from studio.hub.endpoint import OFFLINE, offline, own_endpoint
from studio.hub.fetch import fetch
from studio.hub.look import RemoteLook, look
from studio.hub.push import Pushed, no_login, push, refuse_name
from studio.progress import Progress, silent

_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}  # fmt: skip
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_OFTEN = 0.1  # seconds between reports while no news come


@dataclass(frozen=True)
class Hub:
    """The Hub as a page may use it: while a person asks, and not at all where it is forbidden.

    Attributes:
        forbidden: whether the studio was started offline.
        visited: whether others are let in, who must not use the person's login.
    """

    forbidden: bool = False
    visited: bool = False

    @property
    def login(self) -> bool:
        """Whether there is a login that may be used; it is not read, and nobody is asked."""
        return not self.visited and has_login()

    def look(
        self, hub_id: str, revision: str | None = None, progress: Progress = silent
    ) -> RemoteLook:
        """See ``studio.hub.look.look``."""
        asked = {"errand": "look", "hub_id": hub_id, "revision": revision}
        return RemoteLook.of(self._sent(asked, progress))

    def fetch(self, of: RemoteLook, cache: Path | None = None, progress: Progress = silent) -> Path:
        """See ``studio.hub.fetch.fetch``."""
        asked = {"errand": "fetch", "of": of.plain(), "cache": str(cache) if cache else None}
        return Path(self._sent(asked, progress)["folder"])

    def push(
        self, folder: Path, name: str, licence: str = "", public: bool = False,
        progress: Progress = silent,
    ) -> Pushed:  # fmt: skip
        """See ``studio.hub.push.push``."""
        asked = {
            "errand": "push", "folder": str(folder.absolute()), "name": name, "licence": licence,
            "public": public,
        }  # fmt: skip
        made = self._sent(asked, progress)
        return Pushed(**{**made, "left": tuple(made["left"])})

    def refuse_push(self, name: str) -> None:
        """Refuse a push before there is anything to push.

        Raises:
            NotAllowed: the studio is offline, nobody is logged in, or others are let in.
            BadRemote: it is no name.
        """
        self.refuse_forbidden()
        refuse_name(name)
        if self.visited:
            raise NotAllowed(
                "Others are let in here, and a push would go out under the login of whoever "
                "started the studio. Push on the command line."
            )
        if not has_login():
            raise no_login()

    def refuse_forbidden(self) -> None:
        """Refuse to ask the Hub where that was forbidden.

        Raises:
            NotAllowed: the studio was started offline.
        """
        if self.forbidden:
            raise offline()

    def _sent(self, asked: dict, progress: Progress) -> dict:
        """What a process made that does the errand; it ends if a report raises."""
        self.refuse_forbidden()
        kept = {key: value for key, value in os.environ.items() if key not in OFFLINE}
        kept |= _QUIET | ({"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"} if self.visited else {})
        folder = Path(__file__).parents[2]
        with subprocess.Popen(
            [sys.executable, "-m", "studio.hub.errand"], env=kept, cwd=folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, encoding="utf-8", start_new_session=True,
        ) as process:  # fmt: skip
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(asked))
                process.stdin.close()
                return _answer(process.stdout, progress)
            finally:
                process.kill()


def has_login() -> bool:
    """Whether huggingface_hub would find a login; it is not read, and nobody is asked."""
    from huggingface_hub import constants

    file = Path(constants.HF_TOKEN_PATH)
    try:
        return any(os.environ.get(name) for name in _TOKENS) or file.stat().st_size > 0
    except OSError:
        return False


def _answer(lines: IO[str], progress: Progress) -> dict:
    """What a process says in the end, its reports passed on."""
    news: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in lines:
            news.put(line)
        news.put("")

    threading.Thread(target=read, name="errand", daemon=True).start()
    share, words = 0.0, "asking the Hub"
    while True:
        try:
            line = news.get(timeout=_OFTEN)
        except queue.Empty:
            progress(share, words)
            continue
        said: dict[str, Any] = json.loads(line) if line else {"bug": "it ended without an answer"}
        if "share" in said:
            share, words = said["share"], said["words"]
            progress(share, words)
        elif "made" in said:
            return said["made"]
        elif "refused" in said:
            raise _refusal(said)
        else:
            raise RuntimeError(f"an errand to the Hub failed: {said['bug']}")


def _refusal(said: dict) -> StudioError:
    kind = getattr(errors, said["kind"], BadRemote)
    remedy = Remedy[said["remedy"]] if said["remedy"] else None
    return kind(said["refused"], remedy, said["about"])


def _told(refusal: StudioError) -> dict:
    remedy = refusal.remedy.name if refusal.remedy else ""
    kind = next(each for each in type(refusal).__mro__ if each.__module__ == errors.__name__)
    return {
        "refused": refusal.problem, "kind": kind.__name__, "remedy": remedy,
        "about": str(refusal.about),
    }  # fmt: skip


def _do(asked: dict, progress: Progress) -> dict:
    """Do what is asked, in this process."""
    match asked:
        case {"errand": "look", "hub_id": hub_id, "revision": revision}:
            return look(hub_id, revision, progress).plain()
        case {"errand": "fetch", "of": of, "cache": cache}:
            folder = fetch(RemoteLook.of(of), Path(cache) if cache else None, progress)
            return {"folder": str(folder)}
        case {"errand": "push", "folder": folder, "name": name, "licence": licence}:
            return vars(push(Path(folder), name, licence, asked["public"], progress))
    raise AssertionError(f"no errand: {asked}")


def main() -> None:
    """Do one errand; the login is not in anything that is said."""
    asked, lines = json.loads(sys.stdin.read()), sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    secret = own_endpoint().token

    def say(words: dict) -> None:
        text = json.dumps(words)
        print(text.replace(secret, "…") if secret else text, file=lines, flush=True)

    try:
        say({"made": _do(asked, lambda share, words: say({"share": share, "words": words}))})
    except StudioError as refusal:
        say(_told(refusal))
    except Exception:
        say({"bug": traceback.format_exc()})


if __name__ == "__main__":
    main()

"""Pushing an export to the Hub: a new repository, one commit, checked afterwards."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from studio import __version__
from studio.disk.files import hub_id
from studio.errors import BadRemote, NotAllowed, OutputExists, StudioError, some
from studio.hub.endpoint import Endpoint, offline, own_endpoint
from studio.hub.listing import parse_listing
from studio.hub.published import Published, published
from studio.hub.upload import Upload, with_notes
from studio.progress import Meter, Progress, part, silent

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

_THERE = (".gitattributes",)  # what the Hub puts into a repository that is new


@dataclass(frozen=True)
class Pushed:
    """What was pushed.

    Attributes:
        url: where people find it.
        commit: that holds it.
        size: in bytes.
        licence: that its card names; '' if none.
        left: what was not pushed and why, a sentence each.
    """

    url: str
    commit: str
    size: int
    licence: str
    left: tuple[str, ...]

    @property
    def words(self) -> str:
        """What came of it, as sentences."""
        licence = self.licence or "none: its card says why, and the choice is yours"
        told = f"Pushed {self.size:,} bytes to {self.url}. Its licence: {licence}."
        return " ".join([told, *self.left])


def push(
    folder: Path, name: str, licence: str = "", public: bool = False, progress: Progress = silent,
    endpoint: Endpoint | None = None,
) -> Pushed:  # fmt: skip
    """Push an export or a bundle as a new repository; all of it appears at once.

    Large files go first and stay on the Hub unseen until the commit names them: a push that was
    stopped does not send them again.

    Args:
        folder: of the export.
        name: 'owner/name'; a repository that is new, or has nothing in it.
        licence: that the person chose; '' keeps what the card says.
        public: whether everybody may see it from the beginning.
        progress: told the share of the bytes; raising in it stops.
        endpoint: to push to; None for the person's own.

    Raises:
        NotAllowed: nobody is logged in, or they may not write there.
        OutputExists: there is something in the repository.
        BadRemote: as ``published``, or the Hub refuses.
    """
    endpoint = endpoint or own_endpoint()
    refuse_name(name)
    _refuse_licence(licence)
    if endpoint.token is None:
        raise no_login()
    made = published(folder, name, licence, part(progress, 0.0, 0.1))
    api = _api(endpoint)
    with in_words(name):
        progress(0.1, f"asking for {name}")
        api.whoami()
        api.create_repo(name, private=not public, exist_ok=True)
    there = [each for each in _listed(endpoint, name, "main") if each not in _THERE]
    if there:
        raise OutputExists(
            f"{name} holds {len(there)} files already ({some(there, 3)}); choose another name."
        )
    with in_words(name), _operations(made, part(progress, 0.1, 0.95)) as operations:
        for each in operations:
            api.preupload_lfs_files(name, additions=[each], free_memory=False)
        made.checkpoint.weights.refuse_changed()
        commit = api.create_commit(
            name, operations, commit_message=f"Merge with weights root {made.root[:16]}"
        )
        sent = {each.path_in_repo: each.upload_info.sha256.hex() for each in operations}
    _refuse_other(endpoint, name, commit.oid, sent)
    progress(1.0, "pushed")
    return Pushed(f"{endpoint.url}/{name}", commit.oid, made.size, made.licence, made.left)


def refuse_name(name: str) -> None:
    """Refuse what is no name of a repository.

    Raises:
        BadRemote: it is none.
    """
    found = hub_id(name)
    if found is None or found[1]:
        raise BadRemote(f"{name[:200]!r} is no name to push to: it must be owner/name.")


def _refuse_licence(licence: str) -> None:
    if licence and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]{0,99}", licence):
        raise BadRemote(
            f"{licence[:100]!r} is no name of a licence as the Hub has them, such as apache-2.0."
        )


def no_login() -> NotAllowed:
    """What is said where nobody is logged in."""
    return NotAllowed("You are not logged in to the Hub. Run `hf auth login`, then try again.")


def _api(endpoint: Endpoint) -> "HfApi":
    from huggingface_hub import HfApi

    return HfApi(
        endpoint.url, endpoint.token, library_name="mdm-oc-merge-studio",
        library_version=__version__,
    )  # fmt: skip


@contextmanager
def _operations(made: Published, progress: Progress) -> Iterator[list["CommitOperationAdd"]]:
    """Every file of a push: read once to be hashed, and once more to be sent."""
    from huggingface_hub import CommitOperationAdd

    meter = Meter(2 * made.size, lambda share, words: progress(min(share, 1.0), words))
    uploads: list[Upload] = []

    def operation(name: str, head: bytes, file: Path | None, start: int) -> CommitOperationAdd:
        upload = Upload(head, file, start, lambda count: meter.add(count, f"sent: {name}"))
        uploads.append(upload)
        return CommitOperationAdd(name, cast(BinaryIO, upload))

    try:
        found = [
            operation(name, *_described(made.folder / name, made.notes)) for name in made.weights
        ]
        found += [operation(name, b"", made.folder / name, 0) for name in made.files]
        found += [operation(name, text.encode(), None, 0) for name, text in made.texts.items()]
        yield found
    finally:
        for each in uploads:
            each.close()


def _described(file: Path, notes: Mapping[str, str]) -> tuple[bytes, Path, int]:
    head, start = with_notes(file, notes)
    return head, file, start


@contextmanager
def in_words(name: str) -> Iterator[None]:
    """Turn what the Hub and the way to it say into a sentence.

    Raises:
        NotAllowed: the login may not do that, or the program was started offline.
        BadRemote: everything else.
    """
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        yield
    except StudioError:
        raise
    except (
        HTTPError,
        OfflineModeIsEnabled,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
    ) as problem:
        found: BaseException = problem
        while isinstance(found, RuntimeError) and found.__cause__ is not None:
            found = found.__cause__
        if isinstance(found, StudioError):
            raise found from None
        if isinstance(found, OfflineModeIsEnabled):
            raise offline() from None
        status = found.response.status_code if isinstance(found, HfHubHTTPError) else 0
        if status in (401, 403):
            raise NotAllowed(
                f"The Hub does not let you write to {name}. Log in with a token that may "
                "(`hf auth login`), or choose a name of your own."
            ) from None
        said = getattr(found, "server_message", None) or type(found).__name__
        raise BadRemote(
            f"The Hub did not take {name} ({str(said)[:300]}). Nothing of it is visible there; "
            "push again to go on."
        ) from None


def _listed(endpoint: Endpoint, name: str, revision: str) -> dict[str, str]:
    """Hashes of what a repository holds, by file."""
    answer = endpoint.json(f"/api/models/{name}/revision/{revision}?blobs=true", name)
    return {each.name: each.digest for each in parse_listing(answer, name).files}


def _refuse_other(endpoint: Endpoint, name: str, commit: str, sent: dict[str, str]) -> None:
    """Refuse a repository that does not hold what was sent."""
    listed = _listed(endpoint, name, commit)
    wrong = [
        file
        for file, digest in sent.items()
        if file not in listed or (len(listed[file]) == 64 and listed[file] != digest)
    ]
    if wrong:
        raise BadRemote(
            f"{name} does not hold what was sent: {some(wrong)} differ. Delete it there, and push "
            "again."
        )

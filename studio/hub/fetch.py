"""Fetching what was looked at into the Hub's cache: checked, resumed, whole or not named."""

import time
from functools import partial
from pathlib import Path

from studio.disk.beside import replace
from studio.disk.folders import sync
from studio.errors import BadRemote, StudioError
from studio.hub.cache import Cache
from studio.hub.endpoint import BrokenOff, Endpoint, own_endpoint
from studio.hub.listing import RemoteFile
from studio.hub.look import RemoteLook, file_url, hasher, refuse_other_bytes
from studio.progress import Meter, Progress, silent

_TRIES = 4  # in a row without a byte
_PAUSE = 1.0  # seconds before the next
_BLOCK = 2**20


def fetch(
    of: RemoteLook,
    cache: Path | None = None,
    progress: Progress = silent,
    endpoint: Endpoint | None = None,
    pause: float = _PAUSE,
) -> Path:
    """Fetch the files of a look.

    Every file's hash is taken and compared with the list's before the cache names it. What came
    of a file stays when a fetch is stopped, and the next one goes on there. A commit that was in
    the cache before stays as it was.

    Args:
        of: what to fetch; this very commit.
        cache: folder; None for the person's own, in which transformers looks, too.
        progress: told the share of the bytes; raising in it stops.
        endpoint: to fetch from; None for the person's own.
        pause: seconds before a file that broke off is asked for again.

    Returns:
        The folder of the snapshot.

    Raises:
        BadRemote: the look refuses it; the connection, or bytes that are not the listed ones.
        StudioError: the disk has no room.
    """
    if of.refusal:
        raise BadRemote(of.refusal)
    endpoint, place = endpoint or own_endpoint(), Cache(of, cache)
    try:
        place.refuse_full()
        meter = Meter(of.size, progress)
        for file in of.files:
            with place.held(file):
                _fetch_file(place, file, endpoint, meter, pause)
        return place.show()
    except OSError as problem:
        raise StudioError(
            f"{of.hub_id} could not be written to {place.root}: {problem.strerror or problem}. "
            "Files that came whole are kept for the next fetch, and what was there before stays."
        ) from None


def _fetch_file(
    place: Cache, file: RemoteFile, endpoint: Endpoint, meter: Meter, pause: float
) -> None:
    """One file, from where it was left; asked for again while something comes."""
    if place.has(file):
        meter.add(file.size, f"there already: {file.name}")
        return
    part, what = place.part(file), f"{file.name} of {place.of.hub_id}"
    part.parent.mkdir(parents=True, exist_ok=True)
    if part.is_file() and part.stat().st_size > file.size:
        part.unlink()
    meter.add(part.stat().st_size if part.is_file() else 0, f"came before: {file.name}")
    took, tries = partial(meter.add, words=f"fetched: {file.name}"), _TRIES
    while (come := part.stat().st_size if part.is_file() else -1) < file.size:
        try:
            _append(part, file, endpoint, file_url(endpoint, place.of, file), took, what)
        except BrokenOff:
            tries = _TRIES if part.is_file() and part.stat().st_size > max(come, 0) else tries - 1
            if tries == 0:
                raise
            time.sleep(pause)
        except OSError:
            part.unlink(missing_ok=True)  # give its room back
            raise
    digest = hasher(file)
    with part.open("rb") as stream:
        while piece := stream.read(_BLOCK):
            digest.update(piece)
            meter.add(0, f"checked: {file.name}")
    try:
        refuse_other_bytes(file, digest.hexdigest(), what)
    except BadRemote:
        part.unlink()
        raise
    sync(part)
    replace(part, place.blob(file))


def _append(
    part: Path, file: RemoteFile, endpoint: Endpoint, url: str, took: partial, what: str
) -> None:
    """Add what comes to what is there.

    Raises:
        BadRemote: it broke off (``BrokenOff``), or more came than is listed.
    """
    start = part.stat().st_size if part.is_file() else 0
    with endpoint.rest(url, start, file.size, what) as (begins, pieces), part.open("ab") as stream:
        if begins < start:  # the whole file is sent again
            stream.truncate(0)
            took(begins - start)
        come = begins
        for piece in pieces:
            come += len(piece)
            if come > file.size:
                stream.truncate(0)
                raise BadRemote(f"More than the {file.size:,} bytes listed came of {what}.")
            stream.write(piece)
            took(len(piece))
    if come < file.size:
        raise BrokenOff(
            f"The Hub ended {what} after {come:,} of {file.size:,} bytes. They are kept: fetch "
            "again to go on there."
        )

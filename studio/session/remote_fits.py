"""What of repositories of the Hub would merge, told before anything of them is fetched."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import StudioError
from studio.hub.fitting import Fit, fit
from studio.hub.look import RemoteLook
from studio.new_zoo.finding import find, is_remote
from studio.new_zoo.grouping import propose
from studio.preflight import Allow
from studio.session.context import SharedEngine


def remote_fits(
    engine: SharedEngine, looks: Sequence[RemoteLook], folders: Sequence[Path], wanted: str | None,
    allow: Allow,
) -> dict[str, Fit]:  # fmt: skip
    """What of each repository would merge, by its id; from headers.

    Args:
        engine: that asks the Hub.
        looks: at the repositories.
        folders: that are searched with them.
        wanted: the base that was asked for; None to find it out.
        allow: as of ``find``.

    Returns:
        Nothing where no base is named, found in the folders, or among the repositories.
    """
    models = [look for look in looks if look.kind != "dataset"]
    base, told = _base_of(engine, models, folders, wanted, allow)
    if base is None:
        return {}
    others = [look for look in models if look is not base]
    return {look.hub_id: fit(look, base, told, engine.roots) for look in others}


def _base_of(
    engine: SharedEngine, looks: Sequence[RemoteLook], folders: Sequence[Path], wanted: str | None,
    allow: Allow,
) -> tuple[RemoteLook | Checkpoint | Path | None, str]:  # fmt: skip
    """The base that remote models would be laid over, and its name; None if nothing tells."""
    full = {look.hub_id: look for look in looks if look.kind == "model"}
    if wanted:
        known = full.get(wanted)
        if known is None and is_remote(wanted):
            known = engine.hub.look(wanted)
        return known or engine.inside(wanted), wanted
    with suppress(StudioError):  # without folders, or with nothing in them
        found = find(folders, allow, roots=engine.roots)
        first = propose(found, None, allow, engine.roots)[0]
        if first.base:
            return first.base, first.source
    named = [name for look in looks for name in look.base_models if name in full]
    told = next(iter([*named, *full]), "")
    return full.get(told), told

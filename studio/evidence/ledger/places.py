"""Places: where the copies lie that the log knows, in a file beside it that may be damaged."""

import json
import os
from pathlib import Path

from studio.checkpoints.checkpoint import open_checkpoint
from studio.disk.files import read_mapping, write_file
from studio.errors import BadLedger, StudioError
from studio.evidence.ledger.lineage import recorded
from studio.evidence.ledger.log import Ledger

PLACES = "places.json"
_ASIDE = "places.damaged-*.json"
_WEIGHTS = ("*.safetensors", "*.bin")


def known_places(ledger: Ledger) -> dict[str, str]:
    """Where copies lie, as far as it is known; a file that is damaged knows nothing."""
    return _read(ledger) or {}


def damaged_places(ledger: Ledger) -> list[Path]:
    """Files of places that cannot be read: those kept aside, and the present one."""
    aside = sorted(ledger.folder.glob(_ASIDE))
    return aside if _read(ledger) is not None else [*aside, ledger.folder / PLACES]


def remember_place(ledger: Ledger, copy: str, target: Path) -> None:
    """Note down where a copy lies; a damaged file is kept aside before another is written."""
    places = _read(ledger)
    if places is None:
        number = 1
        while os.path.lexists(aside := ledger.folder / _ASIDE.replace("*", str(number))):
            number += 1
        (ledger.folder / PLACES).rename(aside)
    told = (places or {}) | {copy: os.path.abspath(target)}
    write_file(ledger.folder / PLACES, json.dumps(told, indent=1))


def lies_in(folder: Path, root: str) -> bool:
    """Whether an export lies in a folder still: by its record, else by its weights.

    Weights without a record count, since nothing tells that they are others; where the record
    names others, the weights are read.
    """
    if not folder.is_dir():
        return False
    found = recorded(folder)
    if found is None:
        return any(any(folder.glob(each)) for each in _WEIGHTS)
    return found["weights_root"] == root or _root(folder) == root


def _root(folder: Path) -> str:
    """The weights root of a folder; empty if there is none."""
    try:
        checkpoint = open_checkpoint(folder)
        return checkpoint.weights.root if checkpoint.adapter else checkpoint.known_digest
    except StudioError:
        return ""


def _read(ledger: Ledger) -> dict[str, str] | None:
    """The file's places; None if it is there and damaged."""
    path = ledger.folder / PLACES
    if not os.path.lexists(path):
        return {}
    try:
        known = read_mapping(path, BadLedger)
    except BadLedger:
        return None
    return {copy: place for copy, place in known.items() if isinstance(place, str)}

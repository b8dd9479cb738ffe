"""A mix as a link: what a page's address says of it, by the names of its tasks and without a path.

Whoever opens a link has set its numbers no more than whoever drops a recipe into the page.
"""

import base64
import binascii
import json
import zlib
from functools import lru_cache

from studio.disk.files import mapping
from studio.errors import BadRecipe
from studio.methods import method_type
from studio.methods.contract import usual
from studio.recipe import parse_recipe
from studio.session.mix import Mix, mix_of_recipe
from studio.zoo import Zoo

LONGEST = 6_000  # letters of a link
_LARGEST = 2**17  # bytes of what it unpacks to
_SHORT = {
    "tasks": "t", "method": "m", "options": "o", "dtype": "d", "seed": "s", "batch_norm": "b",
    "vocabulary": "v", "calibrate": "c", "heads": "h",
}  # fmt: skip
_BROKEN = "The link is cut off or was changed on its way; copy it again."


@lru_cache(maxsize=256)
def _packed(text: str) -> str:
    found = zlib.compress(text.encode(), 9)
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def link_of(mix: Mix, zoo: Zoo) -> str:
    """What the address says of a mix; empty where that would be longer than ``LONGEST``."""
    plain = mix.recipe(zoo).plain()
    defaults = usual(method_type(mix.method), mix.options)
    plain["options"] = {n: x for n, x in plain["options"].items() if x != defaults.get(n)}
    plain["tasks"] = [[task["name"], task.get("coefficient")] for task in plain["tasks"]]
    short = {_SHORT[key]: value for key, value in plain.items() if key in _SHORT and value}
    made = _packed(json.dumps(short, separators=(",", ":"), ensure_ascii=False))
    return made if len(made) <= LONGEST else ""


def mix_of_link(text: str, zoo: Zoo, start: Mix) -> Mix:
    """The mix that a link says.

    Args:
        text: of ``link_of``, from an address that anybody may have made.
        zoo: that is open.
        start: a mix with all of its tasks.

    Raises:
        BadRecipe: it is no link, or of a zoo with other tasks, or of numbers that cannot be.
    """
    short = mapping(_unpacked(text), "The link", BadRecipe)
    long = {key: short[name] for key, name in _SHORT.items() if name in short}
    tasks = long.get("tasks", [])
    pairs = isinstance(tasks, list) and all(isinstance(x, list) and len(x) == 2 for x in tasks)
    if not pairs or not all(isinstance(name, str) for name, _ in tasks):
        raise BadRecipe(_BROKEN)
    known = {task.name: task.checkpoint for task in zoo.tasks}
    if strange := [name for name, _ in tasks if name not in known]:
        raise BadRecipe(
            f"The link merges {', '.join(strange)}, but the open zoo '{zoo.name}' has "
            f"{', '.join(known)}. Open the zoo that it belongs to first."
        )
    long["tasks"] = [
        {"name": name, "checkpoint": known[name]}
        | ({} if coefficient is None else {"coefficient": coefficient})
        for name, coefficient in tasks
    ]
    return mix_of_recipe(parse_recipe({"base": zoo.base, **long}, zoo.folder, "The link"), start)


def _unpacked(text: str) -> object:
    if len(text) > LONGEST:
        raise BadRecipe(_BROKEN)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(packed, _LARGEST)
        if not unpacker.eof:
            raise BadRecipe(_BROKEN)
        return json.loads(found)
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        raise BadRecipe(_BROKEN) from None

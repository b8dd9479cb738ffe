"""What the commands on zoos have in common: names with values, and files by task and split."""

from collections.abc import Sequence
from pathlib import Path


def given_pairs(given: Sequence[str], option: str, empty: bool = False) -> dict[str, str]:
    """Values by name, as ``NAME=VALUE`` gives them.

    Args:
        given: on the command line.
        option: that was given so, for the sentence.
        empty: whether a value may be.

    Raises:
        BadZoo: one is written otherwise, or a name stands twice.
    """
    from studio.errors import BadZoo

    pairs = {}
    for each in given:
        name, mark, value = each.partition("=")
        if not (name and mark and (value or empty)):
            raise BadZoo(f"{option} {each}: write it as NAME=VALUE.")
        if name in pairs:
            raise BadZoo(f"{option} names {name} twice.")
        pairs[name] = value
    return pairs


def given_data(given: Sequence[str]) -> dict[str, dict[str, Path]]:
    """By task, the files that were named by ``TASK[.SPLIT]=FILE``, by split.

    Raises:
        BadZoo: as ``given_pairs``.
    """
    from studio.disk.files import resolve_source
    from studio.new_zoo.plan import ALL
    from studio.zoo import SPLITS

    found: dict[str, dict[str, Path]] = {}
    for name, file in given_pairs(given, "--data").items():
        task, _, split = name.rpartition(".")
        if split not in SPLITS:
            task, split = name, ALL
        found.setdefault(task, {})[split] = Path.cwd() / resolve_source(file, Path.cwd())
    return found

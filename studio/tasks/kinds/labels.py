"""Labels: what the rows of a head are called, by the zoo and by its checkpoint's ``id2label``."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import source_folder
from studio.errors import BadData, BadZoo
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.classes import config_of, trained_for
from studio.tasks.own_class import OwnHead
from studio.tasks.rows import label_list, read_labels
from studio.tasks.spec import TaskSpec, named_file

Classifier = TypeVar("Classifier", bound=LinearHead | OwnHead)
_SHOWN = 12


def named_labels(config: Mapping, zoo: Sequence[str] | None = None) -> tuple[str, ...] | None:
    """The names of ``id2label`` in the order of their indices; None if it names none.

    What transformers fills in, ``LABEL_0`` and so on, are no names, unless the zoo has them.
    """
    found = config.get("id2label")
    if not isinstance(found, Mapping) or not found:
        return None
    given = (found.get(str(index)) for index in range(len(found)))
    names = tuple(name for name in given if isinstance(name, str))
    filled = all(re.fullmatch(r"LABEL_\d+", name) for name in names)
    if (
        len({*names}) < len(found)
        or not all(map(str.strip, names))
        or (filled and {*names} != {*(zoo or ())})
    ):
        return None
    return names


def unusable_names(config: Mapping) -> str:
    """That an ``id2label`` names labels in a way that cannot be used; empty if it does not."""
    found = config.get("id2label")
    if found is None or found == {} or named_labels(config) is not None:
        return ""
    names = list(found.values()) if isinstance(found, Mapping) else [found]
    usual = all(isinstance(x, str) and re.fullmatch(r"LABEL_\d+", x) for x in names)
    if usual and isinstance(found, Mapping) and len({*names}) == len(names):
        return ""
    keys = "a different name for each index from 0 on"
    return (
        f"labels: id2label of its checkpoint ({listed([str(x) for x in names])}) does not give "
        f"{keys}, so indices count. Correct it in its config.json, or name the labels in the zoo."
    )


def zoo_labels(entry: dict, folder: Path, where: str) -> tuple[str, ...] | None:
    """The names of an entry of the zoo file, in the file itself or in one that it names.

    Raises:
        BadZoo: it is neither a list of names nor a path.
        BadData: the file holds no list of names.
    """
    given = entry.get("labels")
    if isinstance(given, list):
        return label_list(given, f"{where}: labels", BadZoo)
    if given is not None and not (isinstance(given, str) and given):
        raise BadZoo(
            f"{where}: 'labels' is {given!r}; it must be a list of names, or a path to a JSON list."
        )
    file = named_file(entry, "labels", folder, where)
    return read_labels(file) if file else None


def labelled(
    spec: TaskSpec, names: tuple[str, ...] | None, head: Classifier, base: Checkpoint,
    own_head: bool,
) -> tuple[tuple[str, ...] | None, Classifier, tuple[str, ...]]:  # fmt: skip
    """The labels of a head, by the zoo and by the checkpoint, and its rows in their order.

    Args:
        spec: the zoo's entry.
        names: by the zoo; None if it names none.
        head: of the task.
        base: of the zoo.
        own_head: whether the head is among the checkpoint's own tensors.

    Returns:
        The labels, the head in their order, and what a user should know.

    Raises:
        BadData: they do not fit.
    """
    folder, count = source_folder(spec.checkpoint), head.options
    own = of_checkpoint(folder, base, count, names)
    whose = whose_labels(folder)
    if own and own_head:
        return joined(spec.name, names, own, head, whose)
    if own and folder != base.folder:
        names, notes = beside_file(names, own, count, whose)
        return names, head, notes
    if names is not None and len(names) != count:
        raise BadData(
            f"'{spec.name}': the head of its checkpoint chooses between {count} labels, but there "
            f"are {len(names)} labels."
        )
    said = unusable_names(config_of(folder)) if names is None and not own else ""
    return names, head, (said,) if said else ()


def of_checkpoint(
    folder: Path, base: Checkpoint, count: int, zoo: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """The names that a checkpoint gives to its own head's labels; None if it names none.

    An adapter has no names of its own: those of its base are its head's if they can be.

    Args:
        folder: of the checkpoint.
        base: of the zoo.
        count: labels of the head.
        zoo: labels by the zoo; None if it names none.
    """
    config = config_of(folder)
    if config or not trained_for(folder):
        return named_labels(config, zoo)
    found = named_labels(base.config, zoo)
    fits = found and len(found) == count and (zoo is None or matched(zoo, found) is not None)
    return found if fits else None


def whose_labels(folder: Path) -> str:
    """Whose names ``of_checkpoint`` gives, for a sentence."""
    return "its base" if trained_for(folder) and not config_of(folder) else "its checkpoint"


def joined(
    task: str,
    zoo: tuple[str, ...] | None,
    own: tuple[str, ...],
    head: Classifier,
    whose: str = "its checkpoint",
) -> tuple[tuple[str, ...], Classifier, tuple[str, ...]]:
    """A checkpoint's own head with its rows in the order of the zoo's labels.

    Args:
        task: its name.
        zoo: labels by the zoo; None if it names none.
        own: labels by the checkpoint's ``id2label``.
        head: of the checkpoint, its rows in the order of ``own``.
        whose: ``own`` are, see ``whose_labels``.

    Returns:
        The labels, the head in their order, and what a user should know.

    Raises:
        BadData: the names do not fit one another, or not the head.
    """
    if len(own) != head.options:
        raise BadData(
            f"'{task}': id2label of its checkpoint names {len(own)} labels ({listed(own)}), but "
            f"its head has {head.options}. Correct id2label in its config.json."
        )
    if zoo is None:
        return own, head, (f"labels: {listed(own)}, as id2label of {whose} has them.",)
    order = matched(zoo, own)
    if order is None:
        raise BadData(
            f"'{task}': the zoo's labels are {listed(zoo)}, but id2label of its checkpoint has "
            f"{listed(own)}. Give the labels by the names that the checkpoint has, or leave them "
            "out."
        )
    if order == list(range(len(zoo))):
        return zoo, head, ()
    note = (
        f"labels: joined by name; the zoo has {listed(zoo)}, id2label of {whose} has {listed(own)}."
    )
    return zoo, cast(Classifier, head.reordered(order)), (note,)


def beside_file(
    zoo: tuple[str, ...] | None, own: tuple[str, ...], count: int, whose: str = "its checkpoint"
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The labels of a head file, whose rows are in the zoo's order, and what a user should know.

    Args:
        zoo: labels by the zoo; None if it names none.
        own: labels by the checkpoint's ``id2label``.
        count: rows of the head file.
        whose: ``own`` are, see ``whose_labels``.
    """
    if zoo is None and len(own) == count:
        return own, (f"labels: {listed(own)}, as id2label of {whose} has them.",)
    if zoo is None or zoo == own or matched(zoo, own) is None:
        return zoo, ()
    return zoo, (
        f"labels: {listed(zoo)}, the order of the head file by the zoo; id2label of {whose} "
        f"has {listed(own)}.",
    )


def matched(zoo: Sequence[str], own: Sequence[str]) -> list[int] | None:
    """Where each label of the zoo stands among a checkpoint's; None if the names differ.

    Exactly, else without regard to case and to the spaces around.
    """
    for plain in (str, lambda name: name.strip().casefold()):
        places = {plain(name): index for index, name in enumerate(own)}
        wanted = [plain(name) for name in zoo]
        if len(places) == len(own) == len(zoo) and set(wanted) == set(places):
            return [places[name] for name in wanted]
    return None


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first of them if there are many."""
    return ", ".join(names[:_SHOWN]) + (f", … ({len(names)})" if len(names) > _SHOWN else "")

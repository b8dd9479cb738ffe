"""What a zoo says of a text classification, and what it leaves to the checkpoint."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.choice import INDEX, SINGLE
from studio.disk.files import source_folder
from studio.errors import BadData, BadZoo, Findings
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.classes import trained_for
from studio.tasks.kinds.labels import zoo_labels
from studio.tasks.kinds.pooling import POOLINGS, decided
from studio.tasks.pretrained import longest_of
from studio.tasks.spec import Settings, TaskSpec, named_file

USUAL_LENGTH = 128
"""Tokens after which a text is cut where nobody says another number."""


@dataclass(frozen=True)
class TextSettings(Settings):
    """What an entry of the zoo file says of a text classification.

    Attributes:
        head: file with ``weight`` (labels, hidden) and ``bias``; None if the checkpoint holds it.
        head_only: the same, fitted on the untouched base; None if there is none.
        labels: names in the order of the zoo; None leaves them to the checkpoint.
        pooling: how token states become one vector: mean, cls, pooler or last; None leaves it to
            the checkpoint.
        max_length: tokens after which a text is cut; None leaves it to the model.
    """

    head: Path | None = None
    head_only: Path | None = None
    labels: tuple[str, ...] | None = None
    pooling: str | None = None
    max_length: int | None = None


def settings_of(spec: TaskSpec) -> TextSettings:
    """The settings of a text classification."""
    assert isinstance(spec.settings, TextSettings)
    return spec.settings


def read_settings(entry: dict, folder: Path, where: str) -> TextSettings:
    """Files of the head, labels, how states are pooled, where texts are cut.

    Raises:
        BadZoo: naming each key and what is wrong with it.
        BadData: what a file of labels holds is no list of names.
    """
    wrong, pooling, length = Findings(where), entry.get("pooling"), entry.get("max_length")
    if "pooling" in entry and pooling not in POOLINGS:
        known = ", ".join(POOLINGS)
        wrong.add(BadZoo(f"{where} has pooling {pooling!r}; it must be one of {known}."))
    if "max_length" in entry and (type(length) is not int or not 1 <= length <= 100_000):
        wrong.add(BadZoo(f"{where} has max_length {length!r}; it must be a whole number from 1."))
    files = {
        key: wrong.tried(partial(named_file, entry, key, folder, where))
        for key in ("head", "head_only")
    }
    labels = wrong.tried(lambda: zoo_labels(entry, folder, where))
    wrong.refuse()
    return TextSettings(files["head"], files["head_only"], labels, pooling, length)


def text_length(
    spec: TaskSpec, base: Checkpoint, usual: int = USUAL_LENGTH
) -> tuple[int, tuple[str, ...]]:
    """Tokens after which texts are cut, and what a user should know of that.

    Args:
        spec: the zoo's entry.
        base: of the zoo.
        usual: tokens where neither the zoo nor the base says fewer.
    """
    asked, longest = settings_of(spec).max_length, longest_of(base)
    if asked is not None or longest is None or longest >= usual:
        return asked or usual, ()
    if not spec.data:
        return longest, ()
    return longest, (f"max_length: {longest}, the tokens that the base has positions for.",)


def pooled(
    spec: TaskSpec, base: Checkpoint, head: LinearHead
) -> tuple[TextSettings, tuple[str, ...]]:
    """Settings that say how states are pooled, and what a user should know of that."""
    own, folder = settings_of(spec), source_folder(spec.checkpoint)
    pooling, notes = decided(own.pooling, spec.name, folder, base)
    if pooling == "pooler" and head.pooler is None:
        _need_pooler(spec, base, folder)
    return replace(own, pooling=pooling), notes


def _need_pooler(spec: TaskSpec, base: Checkpoint, folder: Path) -> None:
    if any(name.endswith(("pooler.dense.weight", "pooler.weight")) for name in base.names):
        return
    if not trained_for(folder):
        asks = "asks for" if settings_of(spec).pooling else "needs"
        raise BadZoo(
            f"'{spec.name}' {asks} pooling 'pooler', but neither the base nor its checkpoint "
            "holds pooler.dense.weight. Use mean or cls if its head was trained so."
        )
    beside = any((folder / each).is_file() for each in (SINGLE, INDEX))
    full = f" ({folder / SINGLE} lies beside it)" if beside else ""
    raise BadData(
        f"'{spec.name}' is an adapter whose head was trained on a pooler, but neither the base nor "
        "the adapter holds one: it was drawn at random for the training and not saved, so its "
        "answers cannot be repeated. Train it on a base with a pooler, or with 'pooler' among its "
        f"modules_to_save, or name the full model that it was merged into{full}."
    )

"""What a configuration of mergekit calls a model: a path or hub id, with an adapter on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from studio.disk.files import hub_id, only_keys
from studio.errors import BadRecipe

_KEYS = ("model", "lora", "override_architecture")
_SIGNS = "@+"  # before a revision, and between a model and an adapter


@dataclass(frozen=True)
class Reference:
    """A model of a configuration.

    Attributes:
        model: its path or hub id, with its revision behind ``@``.
        lora: those of an adapter on it; empty without one.
    """

    model: str
    lora: str = ""

    @property
    def words(self) -> str:
        """As mergekit writes it."""
        return f"{self.model}+{self.lora}" if self.lora else self.model

    def plain(self) -> str | Mapping[str, object]:
        """As it stands in a configuration: text, or a mapping where a path has mergekit's signs."""
        parts = {"model": self.model} | ({"lora": self.lora} if self.lora else {})
        places = {part: _plain(place) for part, place in parts.items()}
        return self.words if places == parts else places


def parse_reference(value: object, where: str) -> Reference:
    """A model reference: ``path``, ``path+adapter``, or a mapping of ``model`` and ``lora``.

    Each of the two may be ``owner/name@revision``.

    Raises:
        BadRecipe: it is none, or asks for another architecture, or for a revision of a path.
    """
    if isinstance(value, str):
        model, plus, lora = value.partition("+")
        if "+" in lora or (plus and not lora):
            raise BadRecipe(f"{where} is {value!r}; a model is a path, or a path + one adapter.")
        return Reference(_place(model, where), _place(lora, where) if plus else "")
    if not isinstance(value, dict):
        raise BadRecipe(f"{where} is {value!r}; it must be a path or a hub id.")
    only_keys(value, _KEYS, where, BadRecipe)
    if value.get("override_architecture"):
        raise BadRecipe(
            f"{where} names an override_architecture; the studio goes by each checkpoint's own "
            "config.json. Leave it out."
        )
    lora = value.get("lora")
    return Reference(_place(value.get("model"), where), _place(lora, where) if lora else "")


def _place(value: object, where: str) -> str:
    if isinstance(value, dict):
        only_keys(value, ("path", "revision"), where, BadRecipe)
        value = _at_revision(value.get("path"), value.get("revision"), where)
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise BadRecipe(f"{where} is {value!r}; it must be a path or a hub id.")
    return value.strip()


def _at_revision(path: object, revision: object, where: str) -> object:
    """A path as it is, and a hub id with its revision as recipes name it."""
    if revision is None:
        return path
    if not isinstance(revision, str):
        raise BadRecipe(f"{where}: the revision is {revision!r}; write its name in quotes.")
    pinned = f"{path}@{revision}"
    if hub_id(pinned) is None:
        raise BadRecipe(
            f"{where} is {path!r} at the revision {revision!r}; revisions are of hub ids, "
            "owner/name."
        )
    return pinned


def _plain(place: str) -> str | dict[str, object]:
    """Text that mergekit splits as it is meant, else a mapping, whose path it does not split."""
    return place if hub_id(place) or not set(_SIGNS) & set(place) else {"path": place}

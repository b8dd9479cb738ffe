"""What a configuration of mergekit calls a model: a path or hub id, with an adapter on it."""

import re
from dataclasses import dataclass

from studio.disk.files import only_keys
from studio.errors import BadRecipe

_KEYS = ("model", "lora", "override_architecture")
_REVISION = re.compile(r"[^/@]+/[^/@]+@[^/@]+")


@dataclass(frozen=True)
class Reference:
    """A model of a configuration.

    Attributes:
        model: its path or hub id.
        lora: those of an adapter on it; empty without one.
    """

    model: str
    lora: str = ""

    @property
    def words(self) -> str:
        """As mergekit writes it."""
        return f"{self.model}+{self.lora}" if self.lora else self.model


def parse_reference(value: object, where: str) -> Reference:
    """A model reference: ``path``, ``path+adapter``, or a mapping of ``model`` and ``lora``.

    Raises:
        BadRecipe: it is none, or asks for a revision or another architecture.
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
        if value.get("revision"):
            raise _revision(str(value.get("path")), where)
        value = value.get("path")
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise BadRecipe(f"{where} is {value!r}; it must be a path or a hub id.")
    if _REVISION.fullmatch(value):
        raise _revision(value, where)
    return value.strip()


def _revision(value: str, where: str) -> BadRecipe:
    return BadRecipe(
        f"{where} is {value!r} at a revision of its own; a recipe names a folder or a hub id as it "
        "lies in the local cache. Name the folder of that revision."
    )

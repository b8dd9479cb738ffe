"""The names of one checkpoint in the terms of the base's class, and what each is to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from studio.checkpoints.architecture import Architecture, architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.frame import Frame
from studio.checkpoints.stored_names import unwrapped
from studio.checkpoints.weights import Weights
from studio.errors import BadCheckpoint

HEADS = ("classifier", "score", "fc", "qa_outputs")
# Of the base's own training: often left out of a fine-tuned checkpoint; the base's are then kept.
PRETRAINING = ("cls", "lm_head", "vocab_projector", "vocab_transform", "vocab_layer_norm")
# What heads of transformers' classes are called, where no configuration says which class it is.
_USUAL = (
    *HEADS, *PRETRAINING, "head", "pooler", "pre_classifier", "predictions", "projector", "summary",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Names:
    """A checkpoint's tensors by their names in memory, as the base's class has them.

    Attributes:
        stored: ``{name in memory: stored name}``.
        weights: of the checkpoint.
        own: the checkpoint's class, if transformers knows it.
        base: the base's.
    """

    stored: Mapping[str, str]
    weights: Weights
    own: Architecture | None
    base: Architecture | None

    @cached_property
    def body(self) -> str:
        """The prefix of the own class's body, if the checkpoint's names have it."""
        prefix = self.own.prefix if self.own else ""
        return prefix if any(name.startswith(prefix) for name in self.stored) else ""

    def named(self, stored: str) -> str:
        """The name in memory of a tensor that another checkpoint calls so."""
        return self.base.name(stored) if self.base else unwrapped(stored)

    def tie_of(self, name: str) -> str | None:
        """Stored name of the base's tensor that one, which the base does not store, is tied to."""
        if self.base is None or name in self.stored:
            return None
        group = self.base.group(self.base.own(name) or name)
        held = [stored for each, stored in self.stored.items() if self.base.own(each) in group]
        return held[0] if held else None

    def tied_apart(self, ours: "Names", frame: Frame, shared: Mapping[str, str]) -> dict[str, str]:
        """``{name of the base's: stored name}`` of what only this checkpoint's class ties.

        The base stores it by itself, and this checkpoint under another name alone.
        """
        if self.own is None or not self.own.ties:
            return {}
        at = {self.own.own(name): stored for name, stored in self.stored.items()}
        found = {}
        for name in ours.stored:
            own = self.own.own(frame.own_name(name) or name)
            group = self.own.group(own) if own and name not in shared and own not in at else ()
            held = sorted(at[each] for each in group if each in at)
            if held:
                found[name] = held[0]
        return found

    def is_tied(self, name: str) -> bool:
        """Whether the base's class ties a tensor to another one."""
        if self.base is None:
            return False
        own = self.base.own(name)
        return own in self.base.ties or own in self.base.ties.values()

    def required(self, name: str) -> bool:
        """Whether a checkpoint must hold a tensor of the base's; tied ones are asked for apart."""
        parts = name.split(".")
        if parts[0] in (*HEADS, *PRETRAINING) or "pooler" in parts:
            return False
        if not self.weights.entries[self.stored[name]].floating:
            return False
        if self.base is None:
            return True
        outside = bool(self.body) and not name.startswith(self.body)
        return not (outside or self.base.ignores(name) or not self.base.reads(name))

    def unread(self, name: str) -> bool:
        """Whether the own class, or the base's, leaves a tensor aside as old buffers are."""
        return any(each.ignores(name) for each in (self.own, self.base) if each)

    def unknown(self, name: str) -> bool:
        """Whether the own class is known and has no such tensor, nor one in other layers."""
        return self.own is not None and self.own.lacks(name)

    def of_head(self, name: str, prefix: str, firsts: set[str]) -> bool:
        """Whether a tensor that the base lacks belongs to a head.

        Args:
            name: of the tensor.
            prefix: behind which the base's names are.
            firsts: first parts of the base's names.
        """
        if not name.startswith(prefix) or not name.startswith(self.body):
            return True
        first = name[len(prefix) :].removeprefix(self.body).split(".")[0]
        if first in _USUAL or (self.own is not None and first in self.own.heads):
            return True
        return self.own is None and first not in firsts

    def is_foreign_head(self, name: str, prefix: str, firsts: set[str]) -> bool:
        """Whether what another model calls so, and this base lacks, is a head of that one.

        Numbered layers are none, unless they are called as heads are.
        """
        own = self.named(name)
        before, *numbered = re.split(r"\.\d+\.", own, maxsplit=1)
        usual = bool({*before.split(".")} & {*_USUAL})
        return usual or (self.of_head(own, prefix, firsts) and not numbered)


def is_head(name: str) -> bool:
    """Whether a base tensor belongs to a task head, which is never merged."""
    return name.split(".")[0] in HEADS


def named(checkpoint: Checkpoint, base: Checkpoint) -> Names:
    """The names of a checkpoint in the terms of the base's class.

    Raises:
        BadCheckpoint: two tensors have one name.
    """
    architecture = architecture_of(base)
    if architecture and not any(architecture.reads(architecture.name(n)) for n in base.names):
        architecture = None  # the configuration does not describe the weights
    own = architecture if checkpoint is base else architecture_of(checkpoint)
    found: dict[str, str] = {}
    for stored in checkpoint.names:
        name = architecture.name(stored) if architecture else unwrapped(stored)
        if name in found:
            raise BadCheckpoint(
                f"{checkpoint.folder} holds {name} both as {found[name]} and as {stored}; it is "
                "not clear which to merge."
            )
        found[name] = stored
    return Names(found, checkpoint.weights, own, architecture)

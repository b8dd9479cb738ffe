"""Zero-shot heads: class names in sentences, read by the text tower that a base has beside its own.

As in CLIP, a class is the mean of what the text tower makes of its sentences, and a picture is of
the class that it is nearest to. Both towers are the worn model's, so that what a merge changes in
either counts.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
import transformers
from torch import Tensor, nn

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadData, BadZoo, some
from studio.tasks.own_class import answered, chosen, given_body
from studio.tasks.pretrained import load_tokenizer

USUAL_TEMPLATES = ("a photo of a {}.",)
"""Where a zoo names none."""
_TOWER, _TEXTS = "vision_model", "text_"  # in the towers' own names
_NEEDED = ("get_text_features", "get_image_features")
_TO_THE_END = ("siglip", "siglip2")  # whose text towers read their last position, padding or not
_AT_ONCE = 256  # sentences
_SHOWN = 60


@dataclass(frozen=True, eq=False)
class ZeroShotHead:
    """Classes by sentences; all weights are the model's.

    Attributes:
        labels: names of the classes.
        templates: of sentences, with ``{}`` where the name stands.
        tokens: what the text tower is called with: ``(labels * templates, length)`` each, all
            sentences of a label one after the other.
        reading: what the tokenizer is told beside the sentences.
    """

    labels: tuple[str, ...]
    templates: tuple[str, ...]
    tokens: Mapping[str, Tensor]
    reading: Mapping[str, Any]
    _known: WeakKeyDictionary = field(default_factory=WeakKeyDictionary, repr=False)

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """None: the towers' are merged."""
        return {}

    @property
    def about(self) -> str:
        """The sentences, as people and as the text tower read them."""
        read = {name: each.tolist() for name, each in self.tokens.items()}
        return json.dumps([self.labels, self.templates, read])

    def logits(self, model: Any, output: Any, rows: Tensor) -> Tensor:
        """``(m, labels)`` cosines, scaled (and for SigLIP shifted) as the model has it.

        Args:
            model: both towers.
            output: of its vision tower.
            rows: ``(m,)`` of the rows, in the batch.
        """
        fixed = output[0].is_inference()  # so that nobody wants gradients
        with torch.inference_mode() if fixed else nullcontext():
            classes = self._classes(model)
            given, behind = chosen(output, rows), given_body(model, _TOWER)
            dtype = next(model.parameters()).dtype  # what is behind the towers is worn in it
            given = type(given)(**{
                name: x.to(dtype) if isinstance(x, Tensor) else x for name, x in given.items()
            })  # fmt: skip
            inputs = {"pixel_values": given[0]}  # which nobody reads
            pictures = answered(behind, given, inputs, "get_image_features").pooler_output
            scores = _normed(pictures.float()) @ classes.float().T * model.logit_scale.exp()
            shift = getattr(model, "logit_bias", None)
            return (scores if shift is None else scores + shift).float()

    def _classes(self, model: Any) -> Tensor:
        """``(labels, width)`` of norm 1; kept until the text tower wears something else."""
        own = [p for name, p in model.named_parameters() if name.startswith(_TEXTS)]
        if torch.is_grad_enabled() and any(each.requires_grad for each in own):
            return self._read(model)
        state = [each._version for each in own]  # counts every write, whoever made it
        known = self._known.get(model)
        if known is None or known[0] != state:
            with torch.inference_mode(False), torch.no_grad():
                known = state, self._read(model)
            self._known[model] = known
        return known[1]

    def _read(self, model: Any) -> Tensor:
        device = model.logit_scale.device
        count, parts = len(next(iter(self.tokens.values()))), []
        for start in range(0, count, _AT_ONCE):
            some = {n: x[start : start + _AT_ONCE].to(device) for n, x in self.tokens.items()}
            parts.append(_normed(model.get_text_features(**some).pooler_output.float()))
        sentences = torch.cat(parts).unflatten(0, (len(self.labels), len(self.templates)))
        return _normed(sentences.mean(1))


def has_text_tower(base: Checkpoint) -> bool:
    """Whether a base's class holds towers of pictures and texts that answer together."""
    found = architecture_of(base)
    if found is None or not hasattr(getattr(transformers, found.model_class), _NEEDED[0]):
        return False
    parts = {name.split(".")[0] for name in found.shapes}
    return {_TOWER, "text_model", "logit_scale"} <= parts


def vision_tower(model: nn.Module) -> nn.Module:
    """What is called with pictures: of two towers the one that reads them."""
    both = all(hasattr(model, each) for each in (*_NEEDED, _TOWER))
    return model.get_submodule(_TOWER) if both else model


def zero_shot_head(
    task: str, base: Checkpoint, labels: Sequence[str], templates: Sequence[str]
) -> tuple[ZeroShotHead, tuple[str, ...]]:
    """Class names in sentences, read by the base's tokenizer, and what a user should know.

    Raises:
        BadCheckpoint: the base's folder holds no tokenizer.
        BadData: two classes have the same tokens, as where a tokenizer knows no word of them.
    """
    _refuse_no_tower(task, base)
    reader, longest = load_tokenizer(base), _positions(base)
    texts = [each.replace("{}", label) for label in labels for each in templates]
    to_the_end = base.config.get("model_type") in _TO_THE_END
    reading = {"padding": "max_length" if to_the_end else True, "max_length": longest}
    reading["truncation"] = longest is not None
    read = reader(texts, **reading, return_tensors="pt")
    tokens = {k: read[k] for k in ("input_ids", "attention_mask") if k in read}
    head = ZeroShotHead(tuple(labels), tuple(templates), tokens, reading)
    _refuse_alike(task, head)
    cut = sum(len(ids) > (longest or len(ids)) for ids in reader(texts)["input_ids"])
    said = f"zero-shot: {len(labels)} labels by the base's text tower, in "
    shown = ", ".join(map(repr, templates[:3])) + (", …" if len(templates) > 3 else "")
    notes = [f"{said}{shown}."]
    if cut:
        notes.append(f"{cut:,} of {len(texts):,} sentences are cut after {longest} tokens.")
    return head, tuple(notes)


def read_templates(entry: dict, where: str) -> tuple[str, ...] | None:
    """The templates of an entry of the zoo file; None if it names none.

    Raises:
        BadZoo: they are no list of texts with one ``{}`` each.
    """
    given = entry.get("templates")
    if given is None:
        return None
    found = given if isinstance(given, list) else []
    if not found or not all(isinstance(each, str) and each.count("{}") == 1 for each in found):
        raise BadZoo(
            f"{where} has templates {given!r}; it must be a list of texts, each with one {{}} "
            "where a label's name stands."
        )
    return tuple(found)


def _refuse_no_tower(task: str, base: Checkpoint) -> None:
    """Refuse a base of which transformers would draw a part of the towers at random."""
    architecture = architecture_of(base)
    assert architecture is not None, "has_text_tower was asked"
    held = {architecture.own(architecture.name(name)) for name in base.names}
    if missing := sorted(set(architecture.shapes) - held):
        raise BadData(
            f"'{task}' is answered by the base's text tower, but {base.folder} holds no "
            f"{some(missing, 3)}. Name the whole {architecture.model_class} as base."
        )


def _positions(base: Checkpoint) -> int | None:
    """Most tokens that the text tower reads; None if its configuration does not say."""
    architecture = architecture_of(base)
    found = architecture.settings.get("text_config") if architecture else None
    longest = found.get("max_position_embeddings") if isinstance(found, Mapping) else None
    return longest if isinstance(longest, int) else None


def _refuse_alike(task: str, head: ZeroShotHead) -> None:
    lines = torch.cat([x.flatten(1) for x in head.tokens.values()], 1)
    seen: dict[tuple, str] = {}
    for label, own in zip(head.labels, lines.unflatten(0, (len(head.labels), -1)), strict=True):
        other = seen.setdefault(tuple(own.flatten().tolist()), label)
        if other != label:
            raise BadData(
                f"'{task}': the tokenizer in the base's folder reads the labels "
                f"{other[:_SHOWN]!r} and {label[:_SHOWN]!r} as the same tokens, so no text tower "
                "tells them apart. Give it the tokenizer's files of its model, or other names."
            )


def _normed(states: Tensor) -> Tensor:
    return states / states.norm(dim=-1, keepdim=True)

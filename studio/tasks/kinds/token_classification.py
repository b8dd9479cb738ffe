"""Token classification: the words of a sentence go in, a tag comes out for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.tasks.heads import Head, LinearHead
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.classes import file_in_class
from studio.tasks.kinds.classifier_heads import answered_by_class
from studio.tasks.kinds.contract import Opened
from studio.tasks.kinds.entities import OUTSIDE, f1_sums, mark_entities
from studio.tasks.kinds.lengths import LONGEST
from studio.tasks.kinds.text_items import refuse_unread_texts
from studio.tasks.kinds.text_kind import TextKind, linear
from studio.tasks.kinds.text_settings import settings_of
from studio.tasks.kinds.token_items import Sentence, sentences, word_scores, word_tokenizer
from studio.tasks.kinds.token_rows import TokenRow, read_sentences, untagged
from studio.tasks.kinds.token_snippets import OF_CLASS, OF_STATES
from studio.tasks.own_class import OwnHead, class_for
from studio.tasks.spec import TaskSpec

_F1 = "entity F1"


class TokenClassification(TextKind):
    """A word's first token through the architecture's own class, or its state and a linear head."""

    name = "token-classification"
    scores_labels = True
    auto = "AutoModelForTokenClassification"
    usual_length = LONGEST
    noun = "sentence"

    def answer(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
        written: bool,
    ) -> Opened:  # fmt: skip
        """See ``answered_by_class``."""
        own = settings_of(spec)
        found = answered_by_class(spec, own.labels, private, base, file, self.auto, written)
        return replace(found, settings=own)

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> tuple[TokenRow, ...]:
        """See ``read_sentences``."""
        return read_sentences(file, labels, labelled, most)

    def plain(self, row: TokenRow) -> list:
        """Words and tags."""
        return [row.words, row.tags]

    def shown(self, row: TokenRow) -> str:
        """The words."""
        return " ".join(row.words)

    def says(self, labels: tuple[str, ...], row: TokenRow, options: Sequence[int]) -> str:
        """The words with their tags, but for those outside all entities."""
        tags = [labels[option] if option < len(labels) else "no answer" for option in options]
        words = (row.words[place] for place in row.scored)
        pairs = zip(words, tags, strict=True)
        return (
            " ".join(f"{word}/{tag}" for word, tag in pairs if tag != OUTSIDE) or f"all {OUTSIDE}"
        )

    def own_row(self, text: str) -> TokenRow | None:
        """The words of a text, without tags."""
        return untagged(text)

    def reader(self, checkpoint: Checkpoint) -> Any:
        """See ``word_tokenizer``."""
        return word_tokenizer(checkpoint)

    def refuse_unread(self, reader: Any, rows: Sequence[TokenRow], where: str) -> None:
        """See ``refuse_unread_texts``."""
        refuse_unread_texts(reader, [" ".join(row.words) for row in rows], where)

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[TokenRow]) -> list[Sentence]:
        """Token ids, with special tokens, cut after ``max_length``."""
        return sentences(reader, rows, settings_of(spec).max_length or LONGEST)

    def remarks(self, spec: TaskSpec, base: Checkpoint, rows: Sequence[TokenRow]) -> str:
        """How many words have no token, and so no answer."""
        found = self.encode(self.reader(base), spec, rows)
        every = sum(len(item.firsts) for item in found)
        cut, unread = (
            sum(item.lacking for item in found if item.full is full) for full in (True, False)
        )
        length = settings_of(spec).max_length
        reasons = [f"{cut:,} in rows that are cut after max_length {length} tokens"] if cut else []
        if unread:
            reasons.append(f"{unread:,} of which the tokenizer makes nothing")
        if not reasons:
            return ""
        return (
            f"{cut + unread:,} of {every:,} words have no answer, which counts as wrong: "
            f"{' and '.join(reasons)}. The tag null leaves a word out."
        )

    def scores(
        self, spec: TaskSpec, head: Head, output: Any, batch: Batch, places: Tensor
    ) -> Tensor:
        """Of the words by their first tokens, and of no answer behind the tags."""
        if isinstance(head, OwnHead):
            found = head.logits(output, batch.inputs, places)
        else:
            assert isinstance(head, LinearHead)
            states = output.last_hidden_state
            found = linear(head, states[places.to(states.device)], spec.name)
        return word_scores(found, [batch.items[place] for place in places.tolist()])

    def besides(
        self, labels: tuple[str, ...], items: Sequence[Sentence], scores: Tensor, right: Tensor
    ) -> Mapping[str, Tensor]:
        """The F1 of entities, where the tags mark any; a word without an answer is in none."""
        if not mark_entities(labels):
            return {}
        tags, sums, begun = [*labels, OUTSIDE], [], 0
        true, said = ([tags[each] for each in x.tolist()] for x in (right, scores.argmax(-1)))
        for item in items:
            own = slice(begun, begun := begun + len(item.firsts))
            sums.append(f1_sums(true[own], said[own]))
        return {_F1: torch.from_numpy(np.concatenate(sums))}

    def asks(self, spec: TaskSpec) -> list:
        """Nothing beside the head."""
        return []

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that tags words."""
        return (OF_CLASS if isinstance(opened.head, OwnHead) else OF_STATES).format(task=task)

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> OwnHead | None:
        """The head in its class; a linear one, if the architecture's class has such a one."""
        if not isinstance(opened.head, LinearHead):
            return opened.head if isinstance(opened.head, OwnHead) else None
        named = class_for(self.auto, base.config)
        return file_in_class(spec.name, named, base.folder, base, opened.head)

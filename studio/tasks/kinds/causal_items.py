"""Documents as a language model reads them: token ids, which of them count, and their bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.tasks.kinds.causal_rows import Passage


@dataclass(frozen=True)
class Document:
    """One row.

    Attributes:
        ids: token ids.
        start: place of the first token that counts; all behind it do, too.
        size: bytes of the text of those that count.
        cut: tokens that did not fit and were left out.
        lost: those of them that would have counted.
    """

    ids: list[int]
    start: int
    size: int
    cut: int = 0
    lost: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def counted(self) -> int:
        """Tokens that count; 0 where there is nothing to predict."""
        return len(self.ids) - self.start


def documents(tokenizer: Any, rows: Sequence[Passage], length: int) -> list[Document]:
    """Rows as token ids, at most so many each.

    A text counts from its second token on, or from its first where the tokenizer puts one before
    it. Of a prompt and its answer, which are read as one text, the tokens count in which the two
    differ from the prompt alone. A text that is too long loses its end, a prompt its beginning.
    """
    return [_document(tokenizer, row, length) for row in rows]


def _document(tokenizer: Any, row: Passage, length: int) -> Document:
    whole = (row.prompt or "") + row.text
    ids, ends = _read(tokenizer, whole)
    start = max(_common(tokenizer, row.prompt, ids), 1)
    cut = max(len(ids) - length, 0)
    if cut and row.prompt is not None:  # the answer counts: what stands before it goes first
        first = 1 if tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id else 0
        away = min(cut, max(start - first - 1, 0))
        ids, ends = ids[:first] + ids[first + away :], ends[:first] + ends[first + away :]
        start -= away
    lost = max(len(ids) - max(length, start), 0)
    ids, ends = ids[:length], ends[:length]
    begun = ends[start - 1] if 0 < start <= len(ends) else 0
    last = max(ends, default=0)
    return Document(ids, start, len(whole[begun:last].encode()), cut, lost)


def _common(tokenizer: Any, prompt: str | None, ids: Sequence[int]) -> int:
    """How many tokens of a prompt alone the whole text begins with; all where it adds none."""
    if not prompt:
        return 0
    alone, count = _read(tokenizer, prompt)[0], 0
    while count < min(len(alone), len(ids)) and alone[count] == ids[count]:
        count += 1
    return count if len(alone) == len(ids) else min(count, len(ids) - 1)


def _read(tokenizer: Any, text: str) -> tuple[list[int], list[int]]:
    """Token ids, and for each where it ends in the text; what does not fit is counted later."""
    if tokenizer.is_fast:
        read = tokenizer(text, return_offsets_mapping=True, verbose=False)
        ids, ends = list(read["input_ids"]), [end for _, end in read["offset_mapping"]]
    else:  # no places are known: what is decoded is as long
        ids = list(tokenizer(text, verbose=False)["input_ids"])
        shown = [tokenizer.decode(ids[: i + 1], skip_special_tokens=True) for i in range(len(ids))]
        ends = [min(len(each), len(text)) for each in shown]
    for place in range(1, len(ends)):  # a special token at the end has no place of its own
        ends[place] = max(ends[place], ends[place - 1])
    return ids, ends

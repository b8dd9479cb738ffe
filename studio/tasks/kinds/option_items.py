"""Questions as a model reads them: each option behind the question, as a target, or as a pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.errors import BadData
from studio.tasks.kinds.causal_items import Document, documents
from studio.tasks.kinds.causal_rows import Passage
from studio.tasks.kinds.lengths import cut_remark
from studio.tasks.kinds.text_items import Encoded, encoded
from studio.tasks.kinds.text_rows import TextRow

Asked = tuple[str, Sequence[str]]
"""A question and its options."""
_ENDLESS = 10**9


@dataclass(frozen=True)
class Question:
    """One question with its options.

    Attributes:
        options: each a ``Document`` behind the question, a pair with it (``Encoded``), or a
            target's token ids.
        sizes: bytes of each option's text.
        width: options of the longest list of the split.
        source: token ids of the question where options are targets; else empty.
        cut: tokens that did not fit and were left out, of the option that lost most.
        by_bytes: whether log-likelihoods are divided by the sizes.
    """

    options: tuple[Any, ...]
    sizes: tuple[int, ...]
    width: int
    source: tuple[int, ...] = ()
    cut: int = 0
    by_bytes: bool = False

    @property
    def has_twins(self) -> bool:
        """Whether two options are the same tokens, so that the first of them is always likelier."""
        ids = [tuple(each if isinstance(each, list) else each.ids) for each in self.options]
        return len({*ids}) < len(ids)

    @property
    def is_spoken(self) -> bool:
        """Whether a language model is asked, and not a head."""
        return not isinstance(self.options[0], Encoded)

    def __len__(self) -> int:
        return max(len(self.source), *map(len, self.options))


def continued(tokenizer: Any, rows: Sequence[Asked], length: int, task: str) -> list[Question]:
    """Options behind their question, with a space between them if there is none.

    A question that is too long loses its beginning.

    Raises:
        BadData: an option does not fit, or the tokenizer makes nothing of it.
    """

    def one(number: int, question: str, options: Sequence[str]) -> tuple[Document, ...]:
        passages = [Passage(_spaced(question, each), None, question) for each in options]
        found = tuple(documents(tokenizer, passages, length))
        for option, item in zip(options, found, strict=True):
            if item.counted + item.lost < 1:
                _refuse_nothing(task, option, [], number)
            if item.lost:
                _refuse_long(task, option, item.counted + item.lost, length)
        return found

    read = [one(number, *row) for number, row in enumerate(rows, 1)]
    return _questions(rows, read, [max(item.cut for item in items) for items in read])


def paired(tokenizer: Any, rows: Sequence[Asked], length: int, task: str) -> list[Question]:
    """Pairs of question and option, as a classifier of two texts reads them.

    The tokenizer cuts on the left, so that a question that is too long loses its beginning.

    Raises:
        BadData: an option does not fit, or the tokenizer makes nothing of it.
    """

    def one(number: int, question: str, options: Sequence[str]) -> tuple[tuple[Encoded, ...], int]:
        pairs = [TextRow(question, 0, None, option) for option in options]
        whole = encoded(tokenizer, pairs, _ENDLESS)
        first = len(tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])
        for option, item in zip(options, whole, strict=True):
            own = tokenizer(option, add_special_tokens=False)["input_ids"]
            _refuse_nothing(task, option, own, number)
            if len(item) - first + 1 > length:
                _refuse_long(task, option, len(item) - first, length)
        cut = max(max(map(len, whole)) - length, 0)
        return tuple(encoded(tokenizer, pairs, length, "only_first") if cut else whole), cut

    read = [one(number, *row) for number, row in enumerate(rows, 1)]
    return _questions(rows, [items for items, _ in read], [cut for _, cut in read])


def translated(
    tokenizer: Any, rows: Sequence[Asked], length: int, task: str, longest: int | None
) -> list[Question]:
    """Options as targets of a decoder, the question as the text of the encoder.

    Args:
        tokenizer: which also says at which end a text is cut.
        rows: questions and options.
        length: tokens of a question.
        task: whose rows they are.
        longest: tokens that the decoder has positions for; None for no limit.

    Raises:
        BadData: an option does not fit, or the tokenizer makes nothing of a text.
    """
    known: dict[str, list[int]] = {}

    def target(text: str) -> list[int]:
        if text not in known:
            ids = known[text] = list(tokenizer(text_target=text, verbose=False)["input_ids"])
            special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
            _refuse_nothing(task, text, [each for each in ids if each not in special])
            if ids[-1] not in special:
                raise BadData(
                    f"'{task}': the tokenizer puts no end behind {text[:40]!r}, so a target that "
                    "begins another one would always be likelier. Put the tokenizer files there "
                    "that the model was trained with."
                )
            if longest is not None and len(ids) > longest:
                _refuse_long(task, text, len(ids), longest)
        return known[text]

    def source(text: str) -> tuple[list[int], int]:
        ids = list(tokenizer(text, verbose=False)["input_ids"])
        _refuse_nothing(task, text, ids)
        if len(ids) <= length:
            return ids, 0
        cut = tokenizer(text, truncation=True, max_length=length)["input_ids"]
        return list(cut), len(ids) - length

    sources = [source(question) for question, _ in rows]
    read = [tuple(map(target, options)) for _, options in rows]
    return _questions(rows, read, [cut for _, cut in sources], [ids for ids, _ in sources])


def question_remarks(found: Sequence[Question], length: int) -> str:
    """What a user should know of how questions are read; empty for nothing.

    Args:
        found: of a split.
        length: tokens that one may have.
    """
    said = [cut_remark([each.cut for each in found], length)]
    if twins := sum(each.has_twins for each in found):
        said.append(
            f"{twins:,} of {len(found):,} rows have options that the tokenizer reads as the same "
            "tokens, of which the first is always taken."
        )
    return " ".join(each for each in said if each)


def _questions(
    rows: Sequence[Asked], read: Sequence[tuple[Any, ...]], cut: Sequence[int],
    sources: Sequence[list[int]] | None = None,
) -> list[Question]:  # fmt: skip
    width = max((len(options) for _, options in rows), default=0)
    return [
        Question(
            read[at], tuple(len(each.encode()) for each in options), width,
            tuple(sources[at]) if sources else (), cut[at],
        )
        for at, (_, options) in enumerate(rows)
    ]  # fmt: skip


def _spaced(question: str, option: str) -> str:
    apart = question[-1:].isspace() or option[:1].isspace()
    return option if apart else f" {option}"


def _refuse_long(task: str, option: str, tokens: int, length: int) -> None:
    raise BadData(
        f"'{task}': {option[:40]!r} has {tokens:,} tokens, and {length:,} have room together with "
        "something of the question. An option is never cut: raise max_length if the model has "
        "positions for it, or leave the row out."
    )


def _refuse_nothing(task: str, text: str, ids: Sequence[int], number: int | None = None) -> None:
    if not ids:
        where = f" (row {number})" if number else ""
        raise BadData(
            f"'{task}': the tokenizer makes no token of {text[:40]!r}{where}. Leave it out."
        )

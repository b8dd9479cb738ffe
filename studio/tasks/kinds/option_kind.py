"""What kinds that ask for options have in common: a way of asking reads their rows."""

from collections.abc import Sequence
from typing import Any

from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.contract import Kind
from studio.tasks.kinds.option_items import Question
from studio.tasks.kinds.option_ways import Way
from studio.tasks.kinds.text_items import refuse_unread_texts


class OptionKind(Kind):
    """Rows of a text with options, or with targets, that are read by a way of asking."""

    def opening(self, row: Any) -> str:
        """The text of the row, without its options."""
        return row.text

    def speller(self, reader: Way) -> Any:
        """The tokenizer of the way."""
        return reader.tokenizer

    def refuse_unread(self, reader: Way, rows: Sequence[Any], where: str) -> None:
        """See ``refuse_unread_texts``."""
        refuse_unread_texts(reader.tokenizer, [row.text for row in rows], where)

    def length(self, item: Question) -> int:
        """In tokens, of the text or of its longest option, with it or as a target."""
        return len(item)

    def batch(self, reader: Way, items: Sequence[Question]) -> Batch:
        """All options of all questions."""
        return Batch(items, reader.inputs(items))

    def trial(self, reader: Way) -> Batch:
        """Short texts of padding alone."""
        return self.batch(reader, reader.trial())

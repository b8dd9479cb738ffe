"""What a row of each kind of task says, and what people call the columns that hold it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """What a row of a kind may say.

    Attributes:
        name: as the files of the studio have it.
        holds: 'text', 'label', 'list', 'image' or 'any'.
        names: of columns with such content, in lower case, divided by spaces.
        needed: whether every row must say it.
    """

    name: str
    holds: str
    names: str
    needed: bool = True

    @property
    def known(self) -> tuple[str, ...]:
        """Names of columns with such content, the likeliest first."""
        return tuple(self.names.split())


_GROUP = Field(
    "group", "any",
    "group group_id groups document_id doc_id user_id author author_id patient_id customer_id "
    "session_id thread_id",
    needed=False,
)  # fmt: skip
_TEXT = Field(
    "text", "text",
    "text sentence sentence1 premise content review body document input inputs utterance message "
    "comment query question question1 title tweet description",
)  # fmt: skip
_LABEL = Field(
    "label", "label",
    "label labels label_text class category target sentiment intent topic y gold gold_label answer "
    "output rating stars",
)  # fmt: skip
_PAIR = Field("text_pair", "text", "text_pair sentence2 hypothesis question2 text2 text_b", False)
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "text-classification": (_TEXT, _PAIR, _LABEL, _GROUP),
    "token-classification": (
        Field("words", "list", "words tokens"),
        Field("tags", "list", "tags ner_tags pos_tags labels label"),
        _GROUP,
    ),
    "image-classification": (
        Field("image", "image", "image img picture file file_name path"), _LABEL, _GROUP,
    ),
    "causal-lm": (
        Field("text", "text", _TEXT.names, False),
        Field("prompt", "text", "prompt instruction question input", False),
        Field("answer", "text", "answer completion response output target", False),
        _GROUP,
    ),
    "multiple-choice": (
        Field("question", "text", "question query ctx context sentence goal"),
        Field("options", "list", "options choices endings candidates answers"),
        Field("answer", "label", "answer label correct gold target answer_idx"),
        _GROUP,
    ),
    "seq2seq": (
        Field("text", "text", _TEXT.names),
        Field("target", "text", "target summary output answer label translation response highlights"
              " labels"),
        _GROUP,
    ),
}  # fmt: skip
"""By kind of task, what its rows say."""
ANSWER: Mapping[str, str] = {
    "text-classification": "label", "image-classification": "label",
    "token-classification": "tags", "multiple-choice": "answer",
}  # fmt: skip
"""Of kinds whose rows have options, the field that says which is right; an expert can say it."""

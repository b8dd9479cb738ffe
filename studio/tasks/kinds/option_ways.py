"""Ways of asking for options, by what the base is: a causal model, an encoder-decoder, a head."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint
from studio.tasks.kinds.causal_items import Document
from studio.tasks.kinds.causal_writing import CausalWriter
from studio.tasks.kinds.encoder_decoder import TeacherForced, refuse_other_logits, target_inputs
from studio.tasks.kinds.language_base import refuse_no_head, refuse_own_layers, refuse_two_ways
from studio.tasks.kinds.option_items import Asked, Question, continued, paired, translated
from studio.tasks.kinds.text_items import Encoded, batched, padded
from studio.tasks.kinds.translated_writing import TranslatedWriter
from studio.tasks.kinds.writing import Writer
from studio.tasks.own_class import class_for
from studio.tasks.pretrained import load_tokenizer, longest_of

_TRIAL_ROWS, _TRIAL_TOKENS = 8, 16


@dataclass(frozen=True)
class Way(ABC):
    """How options are asked for.

    Attributes:
        tokenizer: of the base; None before it is read.
        longest: tokens that the base has positions for; None for no limit.
    """

    tokenizer: Any = None
    longest: int | None = None
    behind: ClassVar[str] = ""
    """The auto class whose layers behind the body are asked; empty for a head of a task's own."""
    noun: ClassVar[str] = ""
    writer: ClassVar[Writer | None] = None
    """What has models go on with a question; None for a head."""

    @staticmethod
    def body(model: Any) -> nn.Module:
        """What of a model is called with the inputs of a batch."""
        return TeacherForced(model) if model.config.is_encoder_decoder else model.base_model

    @staticmethod
    def refuse_other(task: str, model: nn.Module) -> None:
        """Refuse a language model that answers otherwise than it is asked; ``BadData``."""
        if isinstance(model, TeacherForced):
            refuse_other_logits(task, model)
        else:
            refuse_two_ways(task, model)

    def reading(self, base: Checkpoint, cut: str = "left") -> Self:
        """The same with the base's tokenizer, which cuts texts at the named end."""
        tokenizer = load_tokenizer(base)
        tokenizer.truncation_side = cut
        return replace(self, tokenizer=tokenizer, longest=longest_of(base))

    @property
    def padding(self) -> int:
        """A token for places that hold none; any where the tokenizer has none for it."""
        return self.tokenizer.pad_token_id or 0

    def refuse_misfit(self, task: str, private: Mapping[str, Tensor], base: Checkpoint) -> None:
        """Refuse a last layer that only the checkpoint has; ``BadData``."""
        refuse_own_layers(task, private)

    def refuse_no_head(self, base: Checkpoint) -> None:
        """Refuse a base that lacks the layers that are asked; ``BadCheckpoint``."""
        if self.behind:
            refuse_no_head(base, self.behind, self.noun)

    @abstractmethod
    def questions(self, rows: Sequence[Asked], length: int, task: str) -> list[Question]:
        """Rows as the model reads them; raises ``BadData``."""

    @abstractmethod
    def inputs(self, items: Sequence[Question]) -> dict[str, Tensor]:
        """What the model is called with for all options of all questions."""

    def trial(self) -> list[Question]:
        """Short texts of padding alone."""
        option = self._trial([self.padding] * _TRIAL_TOKENS)
        source = (self.padding,) * _TRIAL_TOKENS
        return [Question((option,) * 4, (1,) * 4, 4, source)] * _TRIAL_ROWS

    def _trial(self, ids: list[int]) -> Any:
        return ids


class Continued(Way):
    """Each option behind its question, by a causal language model."""

    behind = "AutoModelForCausalLM"
    noun = "a causal language model"
    writer = CausalWriter()

    def questions(self, rows: Sequence[Asked], length: int, task: str) -> list[Question]:
        """See ``continued``."""
        return continued(self.tokenizer, rows, length, task)

    def inputs(self, items: Sequence[Question]) -> dict[str, Tensor]:
        """Every option with its question, padded behind its end."""
        return padded([option.ids for item in items for option in item.options], self.padding)

    def _trial(self, ids: list[int]) -> Document:
        return Document(ids, 1, len(ids))


class Translated(Way):
    """Each option as the decoder's target, the question read once by the encoder."""

    behind = "AutoModelForSeq2SeqLM"
    noun = "an encoder-decoder language model"
    writer = TranslatedWriter()

    def questions(self, rows: Sequence[Asked], length: int, task: str) -> list[Question]:
        """See ``translated``."""
        return translated(self.tokenizer, rows, length, task, self.longest)

    def inputs(self, items: Sequence[Question]) -> dict[str, Tensor]:
        """See ``target_inputs``."""
        sources = [list(item.source) for item in items]
        return target_inputs(sources, [item.options for item in items], self.padding)


class Paired(Way):
    """Question and option as a pair of texts, to which a head gives a number."""

    noun = "a model with a head of multiple choice"

    def questions(self, rows: Sequence[Asked], length: int, task: str) -> list[Question]:
        """See ``paired``."""
        return paired(self.tokenizer, rows, length, task)

    def inputs(self, items: Sequence[Question]) -> dict[str, Tensor]:
        """All pairs, padded to the longest."""
        return batched([option for item in items for option in item.options], self.padding)

    def _trial(self, ids: list[int]) -> Encoded:
        return Encoded(ids)


_WAYS = (
    ("AutoModelForMultipleChoice", Paired()),
    ("AutoModelForSeq2SeqLM", Translated()),
    ("AutoModelForCausalLM", Continued()),
)


def way_of(base: Checkpoint) -> Way:
    """How options are asked for: the first of transformers' auto classes that knows the base.

    Raises:
        BadCheckpoint: none does.
    """
    for auto, way in _WAYS:
        if class_for(auto, base.config):
            return way
    raise BadCheckpoint(
        f"{base.folder} is of the type {base.config.get('model_type')!r}, of which transformers "
        "knows no class that chooses among options: a causal language model, an encoder-decoder, "
        "or one of multiple choice."
    )

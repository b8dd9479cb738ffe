"""Kinds of tasks, one per file; KINDS lists them by the ``type`` of a zoo file's entry."""

from studio.tasks.kinds.causal_lm import CausalLM
from studio.tasks.kinds.contract import Kind
from studio.tasks.kinds.image_classification import ImageClassification
from studio.tasks.kinds.multiple_choice import MultipleChoice
from studio.tasks.kinds.seq2seq import Seq2Seq
from studio.tasks.kinds.text_classification import TextClassification
from studio.tasks.kinds.token_classification import TokenClassification

USUAL_KIND: Kind = TextClassification()
"""Of an entry without a type, and of checkpoints without a zoo."""
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        USUAL_KIND,
        TokenClassification(),
        ImageClassification(),
        CausalLM(),
        MultipleChoice(),
        Seq2Seq(),
    )
}

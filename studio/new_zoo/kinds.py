"""Of which kind a task is, as its checkpoint's files, its base and its rows say."""

from collections.abc import Sequence

from studio.checkpoints.checkpoint import Checkpoint

_BY_ADAPTER = {
    "SEQ_CLS": "text-classification",
    "TOKEN_CLS": "token-classification",
    "CAUSAL_LM": "causal-lm",
    "SEQ_2_SEQ_LM": "seq2seq",
}
_BY_CLASS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForImageClassification": "image-classification",
    "ForMultipleChoice": "multiple-choice",
    "ForCausalLM": "causal-lm",
    "LMHeadModel": "causal-lm",
    "ForConditionalGeneration": "seq2seq",
}
_OF_PICTURES = ("image_size", "num_channels", "vision_config")
_WRITING = ("causal-lm", "seq2seq")
_LISTS = {"options", "choices", "endings"}


def kind_of(base: Checkpoint, model: Checkpoint, columns: Sequence[str] = ()) -> tuple[str, str]:
    """The kind of task of a checkpoint, and what says so.

    Args:
        base: of the zoo.
        model: a full model or an adapter on that base.
        columns: of its rows; a language model whose rows have options chooses between them.
    """
    kind, why = _of_model(model) or _of_model(base, "its base's") or _by_settings(base)
    if kind in _WRITING and _LISTS & {name.casefold() for name in columns}:
        return "multiple-choice", "its rows have options"
    return kind, why


def _of_model(model: Checkpoint, whose: str = "its") -> tuple[str, str] | None:
    asked = model.adapter_config.get("task_type") if model.adapter else None
    if isinstance(asked, str) and asked in _BY_ADAPTER:
        return _BY_ADAPTER[asked], f"{whose} adapter_config.json says {asked}"
    named = model.config.get("architectures")
    for each in named if isinstance(named, list) else ():
        for ending, kind in _BY_CLASS.items():
            if str(each).endswith(ending):
                return kind, f"{whose} config.json names {each}"
    return None


def _by_settings(base: Checkpoint) -> tuple[str, str]:
    if any(key in base.config for key in _OF_PICTURES):
        return "image-classification", "its base reads pictures"
    return "text-classification", "its base reads texts, and nothing says more"

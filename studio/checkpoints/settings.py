"""Settings of two models of one class: which differ, so that equal weights answer otherwise."""

import re
from collections.abc import Iterator, Mapping

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import some

# What no body computes with: names and labels, training, generation, the numbers that shapes tell,
# ties, and how a result is handed out.
_OTHER = re.compile(
    r"(^|\.)_|(^|\.)(architectures|transformers_version|(torch_)?dtype|name_or_path|id2label"
    r"|label2id|problem_type|num_labels|use_cache|return_dict|torchscript|finetuning_task|seed"
    r"|task_specific_params|gradient_checkpointing|tie_word_embeddings|tie_encoder_decoder"
    r"|vocab_size|max_position_embeddings|n_positions|n_ctx|quantization_config|auto_map"
    r"|reference_compile|pruned_heads|chunk_size_feed_forward|is_decoder|use_return_dict)(\.|$)"
    r"|_token_ids?$|dropout|(^|\.|_)drop_|_p?drop$|drop_path|layerdrop|initializer_|(^|\.)init_"
    r"|(^|\.)output_|(^|\.)classifier_|(^|\.)summary_|aux_loss|loss_|^mask_(time|feature)"
)


def other_settings(base: Checkpoint, checkpoint: Checkpoint) -> dict[str, tuple[object, object]]:
    """Settings of the body in which a full model is not as its base, by name: (base's, its own).

    Both are completed with the defaults of their class, and old forms are read as transformers
    reads them. Empty where transformers does not know a class, or where they are of two classes.
    """
    ours, own = _of_one_class(base, checkpoint)
    known = ours.keys() & own.keys()  # what only one has is no setting of the class
    before, after = (dict(_flat({name: each[name] for name in known})) for each in (ours, own))
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and not _OTHER.search(name)
    }


def entries_of_base(base: Checkpoint, checkpoint: Checkpoint) -> dict[str, object]:
    """The base's entries of ``config.json`` in which a checkpoint has other settings."""
    ours, _ = _of_one_class(base, checkpoint)
    names = {name.split(".")[0] for name in other_settings(base, checkpoint)}
    return {name: ours[name] for name in sorted(names)}


def settings_notes(base: Checkpoint, checkpoint: Checkpoint) -> list[str]:
    """A note on the settings that a merge does not take over, if there are any."""
    found = other_settings(base, checkpoint)
    if not found:
        return []
    told = [f"{name} is {own!r} and not {ours!r}" for name, (ours, own) in found.items()]
    count = "one setting that differs" if len(found) == 1 else f"{len(found)} settings that differ"
    return [
        f"Its config.json has {count} from the base's: {some(told)}. A merge is read as the base "
        "is, so these weights may answer otherwise in it."
    ]


def _of_one_class(base: Checkpoint, checkpoint: Checkpoint) -> tuple[Mapping, Mapping]:
    """The settings of both, or of the base's part of the checkpoint's kind; else nothing."""
    ours, own = architecture_of(base), architecture_of(checkpoint)
    if ours is None or own is None:
        return {}, {}
    parts = (ours.settings, *(v for v in ours.settings.values() if isinstance(v, Mapping)))
    kind = own.settings.get("model_type")
    same = next((each for each in parts if each.get("model_type") == kind), None)
    return (same, own.settings) if same is not None else ({}, {})


def _flat(settings: Mapping, before: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value

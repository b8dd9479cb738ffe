"""Encoder-decoder language models: a text is read once, and each of its targets is decoded."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from studio.errors import BadCheckpoint, BadData
from studio.tasks.kinds.language_head import Span, summed_losses
from studio.tasks.kinds.text_items import padded

_NOTHING = -100  # of a target's padding, by transformers' custom


class TeacherForced(nn.Module):
    """In place of a body: the states of the decoder before each token of several targets.

    Called without targets it is the model's body, for tasks that read states of whole texts.

    Raises:
        BadCheckpoint: the class does not make its decoder's input of targets.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        if not hasattr(model, "prepare_decoder_input_ids_from_labels"):
            raise BadCheckpoint(
                f"{type(model).__name__} has no prepare_decoder_input_ids_from_labels in "
                "transformers, by which targets become its decoder's input, so none can be given "
                "to it. Classes such as T5's and BART's have it."
            )

    @property
    def config(self) -> Any:
        """The model's."""
        return self.model.config

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None,
        owners: Tensor | None = None, **other: Tensor,
    ) -> Any:  # fmt: skip
        """What the decoder gives.

        Args:
            input_ids: ``(rows, positions)`` of texts.
            attention_mask: of the same shape.
            labels: ``(targets, tokens)`` ids of all rows' targets; see ``target_inputs``.
            owners: ``(targets,)`` the row of each.
            other: inputs of the body, where there are no targets.
        """
        texts = {"input_ids": input_ids, "attention_mask": attention_mask}
        if labels is None or owners is None:
            return self.model.base_model(**texts, **other)
        states = self.model.get_encoder()(**texts).last_hidden_state
        return self.model.get_decoder()(
            input_ids=self.model.prepare_decoder_input_ids_from_labels(labels=labels),
            encoder_hidden_states=states[owners],
            encoder_attention_mask=attention_mask[owners],
            use_cache=False,
        )


def target_inputs(
    sources: Sequence[list[int]], targets: Sequence[Sequence[list[int]]], padding: int
) -> dict[str, Tensor]:
    """What ``TeacherForced`` is called with.

    Targets are never padded to the length of the texts, so that a shape says whose it is.

    Args:
        sources: token ids of each row's text.
        targets: token ids of each row's targets.
        padding: a token for places that hold none.
    """
    inputs = padded(sources, padding)
    every = [ids for row in targets for ids in row]
    longest = max(map(len, every))
    longest += longest == inputs["input_ids"].shape[1]
    labels = torch.full((len(every), longest), _NOTHING)
    for place, ids in enumerate(every):
        labels[place, : len(ids)] = torch.tensor(ids)
    counts = torch.tensor([len(row) for row in targets])
    owners = torch.repeat_interleave(torch.arange(len(targets)), counts)
    return inputs | {"labels": labels, "owners": owners}


def real_positions(inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """Where texts, texts once per target, and targets hold more than padding."""
    texts = inputs["attention_mask"].bool()
    return texts, texts[inputs["owners"]], inputs["labels"] != _NOTHING


def refuse_other_logits(task: str, model: TeacherForced) -> None:
    """Refuse a class that makes its logits of more than its decoder's states, by trying it.

    Raises:
        BadData: it does.
    """
    ids = [1, 2, 3]
    given = target_inputs([ids], [[ids]], 0)
    given = {name: each.to(next(model.parameters()).device) for name, each in given.items()}
    with torch.inference_mode():
        try:
            own = summed_losses(model.model, model(**given), [Span(0, 0, ids)])
        except torch.OutOfMemoryError:
            raise
        except (AttributeError, RuntimeError, TypeError):  # its class asks for more than states
            own = torch.full((1,), torch.nan)
        texts = {name: given[name] for name in ("input_ids", "attention_mask")}
        logits = model.model(**texts, labels=given["input_ids"]).logits[0].float()
    expected = nn.functional.cross_entropy(logits.cpu(), torch.tensor(ids), reduction="sum")
    if not torch.allclose(own, expected, rtol=1e-3, atol=1e-3):
        raise BadData(
            f"'{task}': {type(model.model).__name__} answers otherwise than by the last layer on "
            "its decoder's states, which is not supported. Classes such as T5's and BART's do so."
        )

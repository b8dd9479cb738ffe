"""What is trained: a base with an adapter or all of its weights, and the head of its task."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save
from torch import Tensor, nn

from studio.checkpoints.names import HEADS
from studio.checkpoints.writer import write_weights
from studio.errors import BadCheckpoint
from studio.export.companions import copy_companions
from studio.measure.evaluate import Examples
from studio.tasks.heads import Head, LinearHead
from studio.tasks.live_model import LiveModel
from studio.tasks.metric import OPTIONS
from studio.training.course import Course

_TASK_TYPES = {"causal-lm": "CAUSAL_LM", "seq2seq": "SEQ_2_SEQ_LM"}  # PEFT's words
_LINEAR = (nn.Linear, transformers.pytorch_utils.Conv1D)
_BATCH = 32  # rows of a check


class Pupil(nn.Module):
    """Gives the loss of a batch, by the same scores that the task is measured by.

    Args:
        live: of the base; its model is trained in place.
        train: training rows.
        validation: rows that are checked on.
        head: that is trained along if it is linear, and else belongs to the model.
        course: what is trained.
        named: the base, as an adapter's configuration names it.

    Attributes:
        model: of transformers, or of PEFT around it.
    """

    def __init__(
        self, live: LiveModel, train: Examples, validation: Examples, head: Head, course: Course,
        named: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self._live, self._head, self.course = [live], head, course  # no part of this module
        self.rows = {"train": train, "validation": validation}
        self.task = train.task
        held = {*live.own_names(_shared(live)).values()}
        self.model: Any = live.whole if course.whole else _adapted(live, held, self, named)
        if course.whole:
            _free(live, held)
        self.weight = self.bias = None
        if isinstance(head, LinearHead):
            self.weight = nn.Parameter(head.weight.clone().to(live.device))
            self.bias = nn.Parameter(head.bias.clone().to(live.device))

    @property
    def live(self) -> LiveModel:
        """The base's, whose weights are those that are trained."""
        return self._live[0]

    @property
    def head(self) -> Head:
        """As it is trained so far."""
        if self.weight is None or self.bias is None:
            return self._head
        return LinearHead(self.weight, self.bias)

    def train(self, mode: bool = True) -> "Pupil":
        """As every module; beside an adapter, running statistics stay the base's."""
        super().train(mode)
        if not self.course.whole:
            for each in self.modules():
                if getattr(each, "running_mean", None) is not None:
                    each.eval()
        return self

    def forward(self, rows: Tensor) -> Tensor:
        """Mean loss of some training rows, in nats per question, or per token.

        Args:
            rows: ``(m,)`` of the training rows.
        """
        part, chosen = self.rows["train"], rows.tolist()
        nats, _ = self._asked(part, chosen, labels_too=False)
        size = len(nats) if part.extents is None else part.extents[part.questions(chosen), 0].sum()
        return nats.sum() / float(size)

    @torch.no_grad()
    def checked(self) -> Iterable[tuple[float, float, float | None]]:
        """Loss and accuracy on the validation rows; None for a kind that has no right answers.

        Yields:
            After every batch the share that is done, loss and accuracy so far.
        """
        part, nats, right = self.rows["validation"], 0.0, 0
        order = sorted(range(len(part.items)), key=part.length)
        size, asked = 0.0, 0
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            questions = part.questions(chosen)
            found, correct = self._asked(part, chosen, labels_too=True)
            nats, right, asked = nats + float(found.sum()), right + correct, asked + len(questions)
            size += len(questions) if part.extents is None else part.extents[questions, 0].sum()
            accuracy = right / asked if part.task.metric in OPTIONS else None
            yield min((start + _BATCH) / len(order), 1.0), nats / float(size), accuracy

    def _asked(self, part: Examples, rows: Sequence[int], labels_too: bool) -> tuple[Tensor, int]:
        """``(questions,)`` nats of some rows, and how many of their answers are right."""
        kind, live = self.task.kind, self.live
        batch = live.batch(kind, [part.items[row] for row in rows])
        output = live.encoder(**live.placed(batch.inputs))
        about = self.task.spec, self.head, output, batch, torch.arange(len(rows))
        right = torch.from_numpy(part.answers[part.questions(rows)])
        nats = kind.nats(*about, right)
        if not labels_too or part.task.metric not in OPTIONS:
            return nats, 0
        chosen = kind.chosen(kind.scores(*about), *about)
        return nats, int((chosen == right).sum())

    def trained(self) -> dict[str, Tensor]:
        """All that training changes, by name: what a state keeps of the weights."""
        found = {name: each.data for name, each in self.named_parameters() if each.requires_grad}
        if self.course.whole:
            found |= {name: each for name, each in self.named_buffers() if _runs(name)}
        return found

    def put(self, tensors: dict[str, Tensor]) -> None:
        """Put on what ``trained`` gave.

        Raises:
            BadCheckpoint: it is of another training.
        """
        own = self.trained()
        if {n: x.shape for n, x in own.items()} != {n: x.shape for n, x in tensors.items()}:
            raise BadCheckpoint("What was kept of the training is of another model; remove it.")
        for name, each in own.items():
            each.copy_(tensors[name])

    def write(self, folder: Path) -> None:
        """Write the expert: an adapter as PEFT has it, or a full model; its head beside it.

        Args:
            folder: that exists and is empty.
        """
        if self.course.whole:
            self._write_whole(folder)
        else:
            self.model.save_pretrained(str(folder), save_embedding_layers=False)
            (folder / "README.md").unlink(missing_ok=True)  # PEFT's, with nothing filled in
            _put_in_order(folder / "adapter_config.json")
        if isinstance(self.head, LinearHead):
            own = {name: x.detach().cpu().contiguous() for name, x in self.head.tensors.items()}
            (folder / "head.safetensors").write_bytes(save(own))

    def _write_whole(self, folder: Path) -> None:
        """All but heads by the base's names, in float32; config and tokenizer are the base's."""
        base, names = self.live.base, _shared(self.live)
        places, entries = self.live.places(names), base.weights.entries
        layout = {
            name: (torch.float32 if entries[name].floating else entries[name].dtype,
                   entries[name].shape)
            for name in names
        }  # fmt: skip

        def values(name: str) -> list[Tensor]:
            found = places[name] if name in places else base.tensor(name)
            return [found.detach().cpu().to(layout[name][0]).reshape(-1)]

        write_weights(folder, layout, values)
        copy_companions(base, folder, "float32")


def _shared(live: LiveModel) -> list[str]:
    """The base's tensors but those of a head of its own, such as one of a thousand classes."""
    return [name for name in live.base.names if name.split(".")[0] not in HEADS]


def _adapted(live: LiveModel, held: set[str], pupil: Pupil, named: str) -> Any:
    """The model with an untrained LoRA adapter on the layers of its body that the base holds."""
    from peft import LoraConfig, get_peft_model

    course, kind = pupil.course, pupil.task.spec.type
    config = LoraConfig(
        r=course.rank, lora_alpha=2 * course.rank, lora_dropout=0.0, bias="none",
        target_modules=_layers(live, held), task_type=_TASK_TYPES.get(kind),
    )  # fmt: skip
    made: Any = get_peft_model(live.whole, config)
    config.base_model_name_or_path = named
    return made


def _runs(name: str) -> bool:
    """Whether a buffer is of the running statistics, which training changes too."""
    last = name.rpartition(".")[2]
    return last.startswith("running_") or last == "num_batches_tracked"


def _put_in_order(config: Path) -> None:
    """Write PEFT's configuration the same each time: it holds sets, which have no order."""
    found = json.loads(config.read_text())
    found["target_modules"] = sorted(found["target_modules"])
    config.write_text(json.dumps(found, indent=2, sort_keys=True))


def _layers(live: LiveModel, held: set[str]) -> list[str]:
    """Names of the body's linear layers; of its convolutions where it has none.

    Raises:
        BadCheckpoint: it has neither.
    """
    body = {id(each) for each in live.encoder.modules()}
    last = getattr(live.whole, "get_output_embeddings", lambda: None)()
    for types in (_LINEAR, (nn.Conv2d,)):
        found = [
            name for name, each in live.whole.named_modules()
            if isinstance(each, types) and id(each) in body and each is not last
            and f"{name}.weight" in held
        ]  # fmt: skip
        if found:
            return found
    raise BadCheckpoint(
        f"{live.base.folder} has no linear layer that an adapter could change. Train all weights."
    )


def _free(live: LiveModel, held: set[str]) -> None:
    """Let what the base holds be trained: its body, or all of it where layers behind it answer."""
    body = {id(each) for each in live.encoder.parameters()}
    whole = bool(live.kinds[0].behind(live.base))
    for name, each in live.whole.named_parameters(remove_duplicate=False):
        each.requires_grad_((whole or id(each) in body) and name in held)

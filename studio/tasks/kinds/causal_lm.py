"""Causal language modeling: how likely a model finds a text, or an answer after its prompt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import read_mapping
from studio.errors import BadCheckpoint, BadData, BadZoo, some
from studio.tasks.heads import Head
from studio.tasks.kinds.causal_items import Document, documents
from studio.tasks.kinds.causal_rows import Passage, read_passages
from studio.tasks.kinds.causal_writing import CausalWriter
from studio.tasks.kinds.contract import Batch, Opened
from studio.tasks.kinds.language_head import SharedHead, token_losses
from studio.tasks.kinds.loss_kind import LossKind
from studio.tasks.pretrained import load_pretrained, load_tokenizer, longest_input, longest_of
from studio.tasks.spec import Settings, TaskSpec

_LONGEST = 512  # tokens of a row, if the zoo does not say and the model has as many positions
_TRIAL_ROWS, _TRIAL_TOKENS = 32, 16
_SETTINGS = "head.json"
_SNIPPET = """\
```python
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(".")  # this folder; {task!r} is one of its tasks
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)


def nats_per_token(text):
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return float(model(ids, labels=ids).loss)
```
"""


@dataclass(frozen=True)
class CausalSettings(Settings):
    """Tokens after which a row is cut; None for as many as the model has positions, at most 512."""

    max_length: int | None = None


class CausalLM(LossKind):
    """The body's states through the layers behind it, in the architecture's own class."""

    name = "causal-lm"
    keys = ("max_length",)
    behind_class = "AutoModelForCausalLM"
    noun = "text"
    smaller = "a smaller max_length"
    writer = CausalWriter()

    def settings(self, entry: dict, folder: Path, where: str) -> CausalSettings:
        """Where rows are cut."""
        length = entry.get("max_length")
        if "max_length" in entry and (type(length) is not int or not 2 <= length <= 1_000_000):
            raise BadZoo(
                f"{where} has max_length {length!r}; it must be a whole number from 2, since the "
                "first token is not predicted."
            )
        return CausalSettings(length)

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The model's own layers answer, which are merged as all else."""
        own = _own(spec)
        file = written / _SETTINGS if written else None
        if file and file.is_file():
            own = CausalSettings(read_mapping(file, BadData).get("max_length"))
        longest = longest_of(base)
        length = own.max_length or min(longest or _LONGEST, _LONGEST)
        settings = replace(own, max_length=length)
        if not spec.data:
            return Opened((), None, None, settings)
        _refuse_own_layers(spec, private)
        return Opened((), SharedHead(), None, settings)

    def refuse_misfit(self, spec: TaskSpec, head: Head, base: Checkpoint) -> None:
        """A row is no longer than the model's positions."""
        _refuse_longer(spec, longest_of(base))

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The merged model's layers answer, whichever checkpoint comes in."""
        return replace(spec, checkpoint=checkpoint), True

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> tuple[Passage, ...]:
        """See ``read_passages``."""
        return read_passages(file, most)

    def plain(self, row: Passage) -> list:
        """The text, and the prompt before it if there is one."""
        return [row.text] + ([] if row.prompt is None else [row.prompt])

    def shown(self, row: Passage) -> str:
        """The text, or the prompt and the answer."""
        return row.text if row.prompt is None else f"{row.prompt} | {row.text}"

    def load(self, checkpoint: Checkpoint) -> nn.Module:
        """The whole class, whose body it shares with other kinds."""
        _refuse_no_head(checkpoint, self.behind_class)
        return load_pretrained(checkpoint, self.behind_class)

    def reader(self, checkpoint: Checkpoint) -> Any:
        """The base's tokenizer."""
        return load_tokenizer(checkpoint)

    def refuse_unread(self, reader: Any, rows: Sequence[Passage], where: str) -> None:
        """Refuse rows that leave nothing to predict, as one token alone does."""
        bare = [
            row.text for row, item in zip(rows, documents(reader, rows, _LONGEST), strict=True)
            if item.counted < 1
        ]  # fmt: skip
        if bare:
            shown = some([repr(each[:40]) for each in bare], 3)
            raise BadData(
                f"{where}: of {len(bare):,} of {len(rows):,} the tokenizer makes one token or "
                f"none, so there is nothing to predict: {shown}. Leave them out."
            )

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """The model has positions for so many tokens, and no state may know what comes after it."""
        _refuse_longer(spec, longest_input(model))
        _refuse_two_ways(spec, model)

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[Passage]) -> list[Document]:
        """Token ids, cut after ``max_length``."""
        return documents(reader, rows, _own(spec).max_length or _LONGEST)

    def remarks(self, spec: TaskSpec, base: Checkpoint, rows: Sequence[Passage]) -> str:
        """How many rows are cut."""
        length = _own(spec).max_length or _LONGEST
        found = documents(self.reader(base), rows, length)
        cut = [each.cut for each in found if each.cut]
        if not cut:
            return ""
        return (
            f"{len(cut):,} of {len(found):,} rows are longer than max_length {length} and are cut; "
            f"{sum(cut):,} tokens are left out."
        )

    def length(self, item: Document) -> int:
        """In tokens."""
        return len(item)

    def batch(self, reader: Any, items: Sequence[Document]) -> Batch:
        """Texts padded behind their ends, with any token where the tokenizer has none for it."""
        longest, padding = max(map(len, items)), reader.pad_token_id or 0
        ids = torch.full((len(items), longest), padding)
        mask = torch.zeros(len(items), longest, dtype=torch.long)
        for row, item in enumerate(items):
            ids[row, : len(item)] = torch.tensor(item.ids)
            mask[row, : len(item)] = 1
        return Batch(items, {"input_ids": ids, "attention_mask": mask})

    def trial(self, reader: Any) -> Batch:
        """Short texts of padding alone."""
        text = Document([reader.pad_token_id or 0] * _TRIAL_TOKENS, 1, _TRIAL_TOKENS)
        return self.batch(reader, [text] * _TRIAL_ROWS)

    def real(self, batch: Batch) -> Tensor:
        """Where there is a token."""
        return batch.inputs["attention_mask"].bool()

    def extents(self, item: Document) -> Sequence[tuple[int, int]]:
        """Tokens that count, and bytes of their text."""
        return ((item.counted, item.size),)

    def nats(
        self, spec: TaskSpec, head: Head, output: Any, batch: Batch, places: Tensor, right: Tensor
    ) -> Tensor:
        """The sum over the tokens of each row that count."""
        states, rows, before, targets = output.last_hidden_state, [], [], []
        for place in places.tolist():
            item = batch.items[place]
            rows += [place] * item.counted
            before += range(item.start - 1, len(item) - 1)
            targets += item.ids[item.start :]
        chosen = states[torch.tensor(rows), torch.tensor(before)]  # (k, hidden)
        costs = token_losses(
            batch.model, output, chosen, torch.tensor(targets, device=chosen.device)
        )
        counts = torch.tensor([batch.items[place].counted for place in places.tolist()])
        owners = torch.repeat_interleave(torch.arange(len(places)), counts)
        return torch.zeros(len(places)).index_add(0, owners, costs.cpu())

    def reads(self, spec: TaskSpec) -> list:
        """Where a row is cut."""
        return [_own(spec).max_length]

    def asks(self, spec: TaskSpec) -> list:
        """Nothing else."""
        return []

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """The settings as JSON; what answers is in the model itself."""
        (folder / _SETTINGS).write_text(json.dumps({"max_length": _own(spec).max_length}))

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that gives a text's loss."""
        return _SNIPPET.format(task=task)


def _own(spec: TaskSpec) -> CausalSettings:
    assert isinstance(spec.settings, CausalSettings)
    return spec.settings


def _refuse_longer(spec: TaskSpec, longest: int | None) -> None:
    asked = _own(spec).max_length
    if longest is not None and asked is not None and asked > longest:
        raise BadData(
            f"'{spec.name}' has max_length {asked}, but the model reads at most {longest} "
            "tokens. Lower max_length in the zoo file."
        )


def _refuse_own_layers(spec: TaskSpec, private: Mapping[str, Tensor]) -> None:
    behind = sorted(name for name in private if name.split(".")[0] == "lm_head")
    if behind:
        raise BadData(
            f"'{spec.name}': its checkpoint keeps {some(behind, 3)} to itself, since the base does "
            "not hold it, so there is nothing that it could be merged with. Name a base that holds "
            "its language model's last layer, too."
        )


def _refuse_no_head(base: Checkpoint, model_class: str) -> None:
    """Refuse a base whose last layer transformers would draw at random."""
    try:
        config = transformers.AutoConfig.for_model(**base.config)
        with torch.device("meta"):
            model: Any = getattr(transformers, model_class).from_config(config)
    except Exception as problem:  # transformers raises whatever its config classes raise
        raise BadCheckpoint(
            f"{base.folder} is no base of a causal language model: {str(problem).splitlines()[0]}"
        ) from None
    architecture, prefix = architecture_of(base), f"{model.base_model_prefix}."
    held = {architecture.name(name) if architecture else name for name in base.names}
    behind = [n for n, _ in model.named_parameters() if not n.startswith(prefix)]
    if missing := [name for name in behind if name not in held]:
        raise BadCheckpoint(
            f"{base.folder} holds no {some(missing, 3)}, and its config.json does not tie it to "
            "the embeddings, so its language model has no last layer. Take the full model as base."
        )


def _refuse_two_ways(spec: TaskSpec, model: nn.Module) -> None:
    """Refuse a body whose states know what comes after them, by trying it."""
    device = next(model.parameters()).device
    first, second = (
        torch.tensor([[1, 2, 3]], device=device),
        torch.tensor([[1, 2, 4]], device=device),
    )
    with torch.inference_mode():
        one, other = (model(input_ids=ids)[0][0, 0] for ids in (first, second))
    if not torch.allclose(one, other, atol=1e-5):
        raise BadData(
            f"'{spec.name}': {type(model).__name__} reads a text in both directions, so what it "
            "says of the next token is no language model's loss. Take another type for the task."
        )

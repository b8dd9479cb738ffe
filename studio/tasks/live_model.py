"""The live model: one encoder in memory that wears a merge, always rebuilt from the base."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint, BadData
from studio.merge import Merge, merged_into
from studio.tasks.kinds.answers import Batch, Item
from studio.tasks.kinds.contract import Kind
from studio.tasks.moving_slider import Slide, begin_slide, slide_bytes
from studio.tasks.own_places import OwnPlaces
from studio.tasks.precision import worn_dtype
from studio.tasks.quick_pass import FULL_PRECISION, Pace, measured_pace, using_threads
from studio.tasks.rows import Row
from studio.tasks.task import Task


class LiveModel:
    """An encoder whose weights are the base's, or those of the merge that it wears.

    It computes in float32, or quickly in less, but wears exactly the numbers that an export would
    hold: merged tensors are cast to the output dtype first. A base in half precision that is too
    large for float32 is worn in its own dtype, see ``worn_dtype``.

    Attributes:
        dtype: in which it is worn.
        kinds: of the tasks that it is asked; all of one model class.
        whole: everything that wears a merge: the encoder, and the layers behind it that a kind
            asks.
        encoder: the body, which is called.
        readers: what turns rows into items, by kind.
        pace: how it runs fastest; one exact pass until that was measured.
    """

    def __init__(
        self, base: Checkpoint, device: torch.device, kinds: Sequence[Kind],
        dtype: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        self.base = base
        self.device = device
        self.kinds = kinds
        self.dtype = dtype or worn_dtype(base, device)
        loads = _behind(base, kinds) or kinds[0]
        self.whole: Any = loads.load(base, self.dtype).to(device)
        self.encoder: Any = loads.body(self.whole)
        self.readers = {kind.name: kind.reader(base) for kind in kinds}
        held = dict(self.whole.state_dict())  # share the model's memory
        self._own = OwnPlaces(base, self.whole, held, self.whole is not self.encoder)
        self._worn: set[str] = set()
        self._slide: Slide | None = None
        self.pace = Pace()

    def wear(self, merge: Merge | None) -> None:
        """Put on a merge; None leaves the base alone.

        If the merge is refused half way, the next call still starts from the base.

        Raises:
            BadCheckpoint: the merge is on another base, or the encoder has no tensor of a name
                that it changes.
        """
        if merge is not None and merge.base.folder != self.base.folder:
            self._refuse_other_base(merge.base)
        new = self.places(merge.changed) if merge else {}
        for name, place in self.places(self._worn - set(new)).items():
            place.copy_(self.base.tensor(name))
        self._worn = set(new)
        if merge is not None:
            merged_into(merge, new)

    def wear_tensors(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Put on some tensors, by the base's names, of any shape of the right size."""
        self.wear(None)
        for name, values in tensors:
            for place in self.places([name]).values():
                self._worn.add(name)
                place.copy_(values.view(place.shape))

    def slide(self, merge: Merge, task: str, limit: int) -> bool:
        """Wear a merge of which one coefficient moves: faster, and equal up to rounding.

        The first call for a task wears it exactly and makes ready for the next.

        Args:
            merge: to wear; of a method whose vectors do not depend on the coefficients.
            task: whose coefficient moves.
            limit: bytes that may be kept for it.

        Returns:
            Whether it is worn; False if the limit is too low for it.
        """
        known, key = self._slide, (task, merge.recipe.silenced(task).digest)
        if known and known.key == key and self._worn == set(self.places(merge.changed)):
            known.wear(merge, self.places(merge.changed))
            return True
        self._slide = None
        if slide_bytes(merge) > limit:
            return False
        self.wear(merge)
        self._slide = begin_slide(merge, task, self.places(merge.changed))
        return True

    def batch(self, kind: Kind, items: Sequence[Item]) -> Batch:
        """Items of a kind, made ready to go through the model together."""
        made = kind.batch(self.readers[kind.name], items)
        if "input_ids" in made.inputs:
            real = kind.real(made)
            real = real[0] if isinstance(real, tuple) else real  # of texts, and then of targets
            made.inputs["input_ids"] = self._with_rows(made.inputs["input_ids"], real)
        return replace(made, model=self.whole)

    def _with_rows(self, ids: Tensor, real: Tensor | None) -> Tensor:
        """Token ids for which the model has rows; padding may be of another one.

        Raises:
            BadData: a text has a token that was added to the tokenizer and not to the model.
        """
        table = self.whole.get_input_embeddings()
        rows = table.num_embeddings if isinstance(table, nn.Embedding) else None
        if rows is None or not ids.numel() or int(ids.max()) < rows:
            return ids
        beyond = ids >= rows
        if real is None or real.shape != ids.shape or bool((beyond & real.bool()).any()):
            raise BadData(
                f"The tokenizer reads a text as token {int(ids.max()):,}, but {self.base.folder} "
                f"has {rows:,} rows of tokens. Put the tokenizer files there that the base was "
                "trained with."
            )
        return ids.masked_fill(beyond, 0)

    def encode(self, task: Task, rows: Sequence[Row]) -> list[Item]:
        """Rows of a task as the model reads them."""
        return task.kind.encode(self.readers[task.kind.name], task.spec, rows)

    def states(self, inputs: dict[str, Tensor], dtype: torch.dtype = FULL_PRECISION) -> object:
        """The encoder's output for the inputs of a batch.

        Args:
            inputs: by name.
            dtype: in which matrices are multiplied; float32, or bfloat16 for a quick pass.
        """
        lower = torch.autocast(self.device.type, dtype, enabled=dtype is not FULL_PRECISION)
        with torch.inference_mode(), using_threads(self.pace.threads.get(dtype)), lower:
            return self.encoder(**self.placed(inputs))

    def placed(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The inputs of a batch on the model's device; what is no index in the model's dtype."""
        placed = {name: x.to(self.device) for name, x in inputs.items()}
        return {n: x.to(self.dtype) if x.is_floating_point() else x for n, x in placed.items()}

    def measure_pace(self) -> None:
        """Find out how the model runs fastest here; takes about a second."""
        kind = self.kinds[0]
        inputs = kind.trial(self.readers[kind.name]).inputs

        def run(dtype: torch.dtype) -> float:
            output: Any = self.states(inputs, dtype)
            return float(output[0].sum())

        self.pace = Pace()  # states shall leave the threads alone while they are compared
        self.pace = measured_pace(run, self.device)

    def _refuse_other_base(self, other: Checkpoint) -> None:
        if other.digest != self.base.digest:
            raise BadCheckpoint(
                f"The merge is on the base {other.folder} (digest {other.digest[:12]}…), but the "
                f"model that would show it is {self.base.folder} ({self.base.digest[:12]}…)."
            )

    def own_names(self, names: Iterable[str]) -> dict[str, str]:
        """See ``OwnPlaces.names``."""
        return self._own.names(names)

    def part(self, name: str, whole: Tensor) -> Tensor:
        """See ``OwnPlaces.part``."""
        return self._own.part(name, whole)

    def places(self, names: Iterable[str]) -> dict[str, Tensor]:
        """See ``OwnPlaces.places``."""
        return self._own.places(names)


def refuse_apart(base: Checkpoint, kinds: Sequence[Kind]) -> None:
    """Refuse kinds that no one model of a base in memory can answer together.

    Raises:
        BadCheckpoint: naming two of them.
    """
    _behind(base, kinds)


def _behind(base: Checkpoint, kinds: Sequence[Kind]) -> Kind | None:
    """The first kind that asks layers behind the body; all that do must ask the same."""
    asked = {kind.behind(base): kind for kind in reversed(kinds) if kind.behind(base)}
    if len(asked) > 1:
        (one, first), (two, second), *_ = reversed(asked.items())
        raise BadCheckpoint(
            f"Tasks of type {first.name} are asked of {one}, those of type {second.name} of {two}, "
            f"but one model of {base.folder} in memory answers for all. Put them into two zoo "
            "files."
        )
    return next(iter(asked.values()), None)

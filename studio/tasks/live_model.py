"""The live model: one encoder in memory that wears a merge, always rebuilt from the base."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from studio.checkpoints.alignment import PRETRAINING
from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint
from studio.merge import Merge, merged_into
from studio.tasks.fast_slide import Slide, begin_slide, slide_bytes
from studio.tasks.pace import FULL_PRECISION, Pace, measured_pace, using_threads

_loading = threading.Lock()
_TIMED_ROWS, _TIMED_TOKENS = 32, 16


class LiveModel:
    """An encoder whose weights are the base's, or those of the merge that it wears.

    It computes in float32, or quickly in less, but wears exactly the numbers that an export would
    hold: merged tensors are cast to the output dtype first.

    Attributes:
        pace: how it runs fastest; one exact pass until that was measured.
    """

    def __init__(self, base: Checkpoint, device: torch.device) -> None:
        self.base = base
        self.device = device
        self.encoder = load_encoder(base).to(device)
        self.tokenizer = load_tokenizer(base)
        self._parameters = dict(self.encoder.state_dict())  # share the encoder's memory
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
        new = self._places(merge.changed) if merge else {}
        for name, place in self._places(self._worn - set(new)).items():
            place.copy_(self.base.tensor(name))
        self._worn = set(new)
        if merge is not None:
            merged_into(merge, new)

    def wear_tensors(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Put on some tensors, by the base's names, of any shape of the right size."""
        self.wear(None)
        for name, values in tensors:
            for place in self._places([name]).values():
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
        if known and known.key == key and self._worn == set(self._places(merge.changed)):
            known.wear(merge, self._places(merge.deltas.names))
            return True
        self._slide = None
        if slide_bytes(merge) > limit:
            return False
        self.wear(merge)
        self._slide = begin_slide(merge, task, self._places(merge.deltas.names))
        return True

    @property
    def longest_text(self) -> int | None:
        """Most tokens that the encoder has positions for; None if it does not say."""
        config: Any = self.encoder.config
        positions = getattr(config, "max_position_embeddings", None)
        if not isinstance(positions, int):
            return None
        # RoBERTa's family counts positions from behind the padding index
        behind = config.model_type in ("roberta", "xlm-roberta", "camembert")
        return positions - (config.pad_token_id or 0) - 1 if behind else positions

    def states(self, batch: dict[str, Tensor], dtype: torch.dtype = FULL_PRECISION) -> object:
        """The encoder's output for padded ``input_ids`` and ``attention_mask``.

        Args:
            batch: both ``(rows, longest)``.
            dtype: in which matrices are multiplied; float32, or bfloat16 for a quick pass.
        """
        lower = torch.autocast(self.device.type, dtype, enabled=dtype is not FULL_PRECISION)
        with torch.inference_mode(), using_threads(self.pace.threads.get(dtype)), lower:
            return self.encoder(**{name: x.to(self.device) for name, x in batch.items()})

    def measure_pace(self) -> None:
        """Find out how the model runs fastest here; takes about a second."""
        ids = torch.full((_TIMED_ROWS, _TIMED_TOKENS), self.tokenizer.pad_token_id or 0)
        rows = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

        def run(dtype: torch.dtype) -> float:
            output: Any = self.states(rows, dtype)
            return float(output.last_hidden_state.sum())

        self.pace = Pace()  # states shall leave the threads alone while they are compared
        self.pace = measured_pace(run, self.device)

    def _refuse_other_base(self, other: Checkpoint) -> None:
        if other.digest != self.base.digest:
            raise BadCheckpoint(
                f"The merge is on the base {other.folder} (digest {other.digest[:12]}…), but the "
                f"model that would show it is {self.base.folder} ({self.base.digest[:12]}…)."
            )

    def own_names(self, names: Iterable[str]) -> dict[str, str]:
        """The encoder's own names of some of the base's tensors, by the base's names.

        Raises:
            BadCheckpoint: it has no such tensor, and it is none of a head for pretraining.
        """
        prefix = getattr(self.encoder, "base_model_prefix", "") + "."
        found = {}
        for name in names:
            own = name if name in self._parameters else name.removeprefix(prefix)
            if own in self._parameters:
                found[name] = own
            elif name.split(".")[0] not in PRETRAINING:  # AutoModel leaves these heads out
                raise BadCheckpoint(
                    f"{type(self.encoder).__name__} has no tensor {name}, so the base folder's "
                    "config.json does not describe its weights."
                )
        return found

    def _places(self, names: Iterable[str]) -> dict[str, Tensor]:
        """The encoder's own memory for some of the base's tensors, by the base's names."""
        return {name: self._parameters[own] for name, own in self.own_names(names).items()}


def load_encoder(checkpoint: Checkpoint) -> nn.Module:
    """The encoder of a model folder, in float32, in evaluation mode, without remote code.

    Raises:
        BadCheckpoint: transformers cannot load the folder.
    """
    from transformers import AutoModel

    _need(checkpoint, "config.json", "live scores")
    try:
        with quiet_transformers():
            model = AutoModel.from_pretrained(
                checkpoint.folder,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
    except Exception as problem:  # transformers raises whatever its config classes raise
        raise BadCheckpoint(f"transformers cannot load {checkpoint.folder}: {problem}") from None
    return model.eval()


def load_tokenizer(checkpoint: Checkpoint):
    """The tokenizer of a model folder.

    Raises:
        BadCheckpoint: transformers cannot load it.
    """
    from transformers import AutoTokenizer

    try:
        with quiet_transformers():
            return AutoTokenizer.from_pretrained(
                checkpoint.folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as problem:  # transformers raises whatever its tokenizers raise
        raise BadCheckpoint(
            f"transformers finds no tokenizer in {checkpoint.folder}: {problem}"
        ) from None


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' load report and progress bar off the terminal."""
    from transformers.utils import logging

    with _loading:
        before = logging.get_verbosity()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(before)
            logging.enable_progress_bar()


def _need(checkpoint: Checkpoint, file: str, purpose: str) -> None:
    if not (checkpoint.folder / file).is_file():
        raise BadCheckpoint(
            f"{checkpoint.folder} has no {file}. It can be merged, but {purpose} need it."
        )

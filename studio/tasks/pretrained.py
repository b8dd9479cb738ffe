"""What transformers makes of a model folder: a model and what reads its rows, nothing fetched."""

import json
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.choice import INDEX, SINGLE
from studio.checkpoints.lora import CONFIG_FILE
from studio.checkpoints.quantized import is_quantized
from studio.disk.temporary import TemporaryFolder
from studio.errors import BadCheckpoint

_QUANTIZED = "quantization_config"
_loading = threading.Lock()
_TOKENIZER_FILE = re.compile(
    r"^(tokenizer|vocab|merges|tekken|bpe)|\.(model|spm|tiktoken|bpe|codes|vocab)$"
)
_COPY_TOKENIZER = "Copy the tokenizer files there from the folder of an expert that has them."


def load_pretrained(
    checkpoint: Checkpoint, model_class: str, dtype: torch.dtype = torch.float32
) -> nn.Module:
    """The model of a folder, in evaluation mode, without remote code.

    Args:
        checkpoint: a full model.
        model_class: name of one of transformers' auto classes.
        dtype: of its weights.

    Raises:
        BadCheckpoint: transformers cannot load the folder.
    """
    if not (checkpoint.folder / "config.json").is_file():
        raise BadCheckpoint(
            f"{checkpoint.folder} has no config.json. It can be merged, but live scores need it."
        )
    lead = checkpoint.lead
    try:
        with quiet_transformers(), _what_counts(checkpoint) as folder:
            model = getattr(transformers, model_class).from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                key_mapping={f"^{re.escape(lead)}": ""} if lead else None,
            )
    except Exception as problem:  # transformers raises whatever its config classes raise
        raise BadCheckpoint(f"transformers cannot load {checkpoint.folder}: {problem}") from None
    return model.eval()


def loaded_adapter(
    base: Checkpoint, adapter: Checkpoint, model_class: str, rows: int | None = None
) -> nn.Module:
    """The base with an adapter merged into it by PEFT, which must be installed.

    Args:
        base: the base.
        adapter: what is merged into it.
        model_class: name of one of transformers' classes.
        rows: of the vocabulary that the adapter was trained with, if not the base's.

    Raises:
        BadCheckpoint: PEFT or transformers cannot load it.
    """
    worn: Any = worn_adapter(base, adapter, model_class, rows)
    try:
        with quiet_transformers():
            return worn.merge_and_unload()
    except Exception as problem:  # PEFT raises whatever its layers raise
        raise BadCheckpoint(f"PEFT cannot load {adapter.folder}: {problem}") from None


def worn_adapter(
    base: Checkpoint, adapter: Checkpoint, model_class: str, rows: int | None = None
) -> nn.Module:
    """The base with an adapter put on it by PEFT and not merged, in evaluation mode.

    Args:
        base: the base.
        adapter: what is put on it.
        model_class: name of one of transformers' classes.
        rows: of the vocabulary that the adapter was trained with, if not the base's.

    Raises:
        BadCheckpoint: PEFT or transformers cannot load it.
    """
    import peft

    model: Any = load_pretrained(base, model_class)
    try:
        if rows is not None and rows != model.get_input_embeddings().weight.shape[0]:
            model.resize_token_embeddings(rows, mean_resizing=False)
        with quiet_transformers(), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            worn = peft.PeftModel.from_pretrained(model, str(adapter.folder), local_files_only=True)
    except Exception as problem:  # PEFT raises whatever its config classes raise
        raise BadCheckpoint(f"PEFT cannot load {adapter.folder}: {problem}") from None
    if any("missing adapter keys" in str(each.message) for each in said):
        raise BadCheckpoint(f"PEFT does not find its tensors under the names in {adapter.folder}.")
    return worn.eval()


def loading_report(folder: Path, model_class: str) -> tuple[list[str], list[str]]:
    """Names that transformers misses in a written model, and names that it leaves aside.

    Raises:
        BadCheckpoint: it cannot load the folder.
    """
    try:
        with quiet_transformers():
            _, report = getattr(transformers, model_class).from_pretrained(
                folder,
                dtype="auto",
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except Exception as problem:  # transformers raises whatever its config classes raise
        raise BadCheckpoint(
            f"transformers cannot load the written model, so it was removed: {problem}"
        ) from None
    return list(report["missing_keys"]), list(report["unexpected_keys"])


def load_tokenizer(checkpoint: Checkpoint, **settings: object) -> Any:
    """The tokenizer of a model folder, with what its files say but for some settings.

    Of a folder without one, transformers makes a tokenizer of a handful of tokens and says nothing.

    Raises:
        BadCheckpoint: there is none, transformers cannot load it, or it knows less than half as
            many tokens as the model.
    """
    folder = checkpoint.folder
    if not any(_TOKENIZER_FILE.search(file.name) for file in folder.iterdir()):
        raise BadCheckpoint(
            f"{folder} holds no tokenizer (tokenizer.json, vocab.txt, …), so no text can be read. "
            f"{_COPY_TOKENIZER}"
        )
    try:
        with quiet_transformers():
            found = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **settings
            )
    except Exception as problem:  # transformers raises whatever its tokenizers raise
        raise BadCheckpoint(f"transformers finds no tokenizer in {folder}: {problem}") from None
    tower = checkpoint.config.get("text_config")
    rows = (tower if isinstance(tower, dict) else checkpoint.config).get("vocab_size")
    if isinstance(rows, int) and 2 * len(found) < rows:
        raise BadCheckpoint(
            f"The tokenizer in {folder} knows {len(found):,} tokens, but the model has {rows:,}: "
            f"its files are incomplete, or of another model. {_COPY_TOKENIZER}"
        )
    return found


@contextmanager
def _what_counts(checkpoint: Checkpoint) -> Iterator[Path]:
    """The folder; or, where more lies in it than counts, one of links to the files that do.

    Given a folder with an adapter, transformers would put it on, and of two sets of weights it
    reads its own choice. Where plain weights are called quantized, it would want the quantizer.
    """
    folder, files = checkpoint.folder, {e.file for e in checkpoint.weights.entries.values()}
    alone = files == {folder / SINGLE} or (folder / INDEX).is_file()
    untrue = _QUANTIZED in checkpoint.config and not is_quantized(checkpoint)
    if alone and not checkpoint.notes and not (folder / CONFIG_FILE).exists() and not untrue:
        yield folder
        return
    with TemporaryFolder("model") as made:
        left = {"transformers_weights", *([_QUANTIZED] if untrue else [])}
        config = {k: v for k, v in checkpoint.config.items() if k not in left}
        (made.path / "config.json").write_text(json.dumps(config))
        if len(files) == 1:
            (made.path / SINGLE).symlink_to(files.pop().absolute())
        else:
            for file in files:
                (made.path / file.name).symlink_to(file.absolute())
            places = {name: e.file.name for name, e in checkpoint.weights.whole.entries.items()}
            index = {"metadata": {}, "weight_map": places}
            (made.path / INDEX).write_text(json.dumps(index))
        yield made.path


def longest_input(model: nn.Module) -> int | None:
    """Most tokens that a model has positions for; None if it does not say."""
    return _positions(model.config)


def longest_of(base: Checkpoint) -> int | None:
    """The same of a model that is not loaded, by its configuration."""
    try:
        return _positions(transformers.AutoConfig.for_model(**base.config))
    except Exception:  # transformers raises whatever its config classes raise
        return None


def _positions(config: Any) -> int | None:
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int):
        return None
    # RoBERTa's family counts positions from behind the padding index
    behind = config.model_type in ("roberta", "xlm-roberta", "camembert")
    return positions - (config.pad_token_id or 0) - 1 if behind else positions


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

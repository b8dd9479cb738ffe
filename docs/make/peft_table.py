"""PEFT's weighted adapters beside the studio's merge: ``python -m docs.make.peft_table``."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from docs.make.table import put
from studio.export.adapter import MergedAdapter
from studio.export.folder import write_export
from studio.merge import Merge, merged_pieces, open_merge
from studio.recipe import Recipe, TaskEntry

FILE = Path(__file__).parent.parent / "formats.md"
_HEAD = "| `combination_type` | of ours | difference | |\n|---|---|---|---|\n"
RANK, DENSITY, WEIGHTS = 4, 0.5, {"red": 0.7, "blue": 0.4}
_ADDED: dict[str, Any] = {"method": "task_arithmetic"}
_ELECTED: dict[str, Any] = {
    "method": "ties", "options": {"trim": "tensor", "density": DENSITY, "reduce": "weighted_sum"},
}  # fmt: skip
_ROWS: tuple[tuple[str, dict[str, Any], int | None, str, str], ...] = (
    ("cat", _ADDED, None, "the adapter with all factors", "the same"),
    ("svd", _ADDED, RANK, f"`--lora-rank {RANK}`", "the same"),
    ("linear", _ADDED, None, "the adapter with all factors",
     "adds the A's and the B's by the weights' roots and then multiplies, so that the B of one "
     "task meets the A of another"),
    ("ties", _ELECTED, None, "`ties` by weighted deltas, written as a model",
     "trims and elects in the A's and the B's, not in what they change, and divides by the number "
     "that agree"),
)  # fmt: skip


def main() -> None:
    """Write the table into the document."""
    put(table(), _HEAD, FILE)


def table() -> str:
    """A row per combination type, with the norm of the difference relative to our change."""
    rows = (
        f"| `{kind}` | {ours} | {_rounded(apart)} | {words} |\n"
        for (kind, _, _, ours, words), apart in zip(_ROWS, differences().values(), strict=True)
    )
    return _HEAD + "".join(rows)


def differences() -> dict[str, float]:
    """Per combination type, Frobenius norm of PEFT's change less ours, by that of ours."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        train(root)
        for kind, fields, rank, *_ in _ROWS:
            other, ours = theirs(root, kind), _ours(root, fields, rank)
            lost = sum(
                float((other[name] - change).square().sum()) for name, change in ours.items()
            )
            whole = sum(float(change.square().sum()) for change in ours.values())
            found[kind] = (lost / whole) ** 0.5
    return found


def _rounded(apart: float) -> str:
    return "below 1e-5" if apart < 1e-5 else f"{apart:.0%}"


def train(root: Path) -> None:
    """A small Llama and two adapters of equal rank, with random factors."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=48, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=4,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(root / "base")
    for name in WEIGHTS:
        model = LlamaForCausalLM.from_pretrained(root / "base")
        lora = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["q_proj", "down_proj"],
                          init_lora_weights=False)  # fmt: skip
        get_peft_model(model, lora).save_pretrained(str(root / name))


def theirs(root: Path, kind: str) -> dict[str, Tensor]:
    """What PEFT's weighted adapter changes, by the base's names."""
    base = LlamaForCausalLM.from_pretrained(root / "base")
    first, *others = WEIGHTS
    model: Any = PeftModel.from_pretrained(base, str(root / first), adapter_name=first)
    for name in others:
        model.load_adapter(str(root / name), adapter_name=name)
    options = (
        {"svd_rank": RANK} if kind == "svd" else {"density": DENSITY} if kind == "ties" else {}
    )
    model.add_weighted_adapter(
        list(WEIGHTS), list(WEIGHTS.values()), "joined", combination_type=kind, **options
    )
    return {
        f"{name.removeprefix('base_model.model.')}.weight": module.get_delta_weight(
            "joined"
        ).double()
        for name, module in model.named_modules()
        if hasattr(module, "get_delta_weight")
    }


def _ours(root: Path, fields: dict[str, Any], rank: int | None) -> dict[str, Tensor]:
    """What the studio's merge changes; with a rank, what its compressed adapter does."""
    tasks = tuple(TaskEntry(name, str(root / name), x) for name, x in WEIGHTS.items())
    merge = open_merge(Recipe(str(root / "base"), tasks, dtype="float64", **fields))
    if rank is not None:
        write_export(MergedAdapter(merge, rank=rank, checks="none"), root / "compressed")
        task = TaskEntry("compressed", str(root / "compressed"), 1.0)
        merge = open_merge(Recipe(merge.recipe.base, (task,), **_ADDED, dtype="float64"))
    return {name: _change(merge, name) for name in merge.deltas.names}


def _change(merge: Merge, name: str) -> Tensor:
    merged = torch.cat([piece.clone() for piece in merged_pieces(merge, name)])
    base = merge.base.tensor(name).double()
    return merged.view(base.shape) - base


if __name__ == "__main__":
    main()

"""Run mergekit on the cases of ``tests/mergekit_cases.py`` and keep what it computes.

mergekit lives in a virtual environment of its own; the studio never imports it:

    python -m venv VENV
    VENV/bin/pip install mergekit==0.1.5
    VENV/bin/python -m tests.golden.make_mergekit
"""

import json
import tempfile
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file

from tests.mergekit_cases import CASES, CONFIG, MODELS, tensors

FILE = Path(__file__).parent / "mergekit_yaml_f32.safetensors"


def main() -> None:
    """Write the models, merge every case, and keep the results in one file."""
    with tempfile.TemporaryDirectory() as folder:
        root, found = Path(folder), {}
        for model in MODELS:
            (root / model).mkdir()
            save_file(tensors(model), root / model / "model.safetensors", {"format": "pt"})
            (root / model / "config.json").write_text(json.dumps(CONFIG))
        for name, text in CASES.items():
            merged = _merged(root, yaml.safe_load(text), root / "out" / name)
            found |= {f"{name}/{tensor}": values for tensor, values in merged.items()}
    save_file(found, FILE)
    print(f"{FILE}: {len(CASES)} cases, {FILE.stat().st_size:,} bytes")


def _merged(root: Path, config: dict, target: Path) -> dict[str, torch.Tensor]:
    """What mergekit makes of a configuration whose models are folders in ``root``."""
    from mergekit.config import MergeConfiguration  # pyright: ignore[reportMissingImports]
    from mergekit.merge import run_merge  # pyright: ignore[reportMissingImports]
    from mergekit.options import MergeOptions  # pyright: ignore[reportMissingImports]

    for each in config["models"]:
        each["model"] = str(root / each["model"])
    if "base_model" in config:
        config["base_model"] = str(root / config["base_model"])
    options = MergeOptions(copy_tokenizer=False, write_model_card=False, random_seed=0)
    run_merge(MergeConfiguration.model_validate(config), str(target), options)
    found = {}
    for file in sorted(target.glob("*.safetensors")):
        found |= load_file(file)
    return found


if __name__ == "__main__":
    main()

"""Build the words zoo: ``python -m assets.make_words MATERIAL FOLDER``.

MATERIAL holds, unpacked anywhere below it, the packages that ``assets/words-zoo/LICENCES.md``
names. FOLDER gets the zoo, ``scores-SPLIT.json`` and ``README.md`` with the tables. A base or an
expert that lies there is kept. About forty minutes on one CPU core.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from assets.make_words.report import best_scale, report
from assets.make_words.scores import SCALES, scores
from assets.make_words.texts import Voice, base_texts, choices, fitting, voices
from assets.make_words.train import (
    BASE,
    EXPERT,
    LONGEST,
    blocks,
    new_model,
    new_tokenizer,
    read_model,
    read_tokenizer,
    save,
    trained,
)

NAME = "Four voices"
_TEMPLATE = """  - name: {name}
    checkpoint: tasks/{name}
    type: {kind}
    max_length: {longest}
    data: {{{data}}}
"""


def main() -> None:
    """Train what is missing and score it on one split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("material", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--split", default="validation", choices=("validation", "held_out"),
        help="rows that are scored: held_out is read once, when all choices were made",
    )  # fmt: skip
    parser.add_argument("--train-only", action="store_true", help="score nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = options.folder / "base"
    found = voices(options.material)
    if not (base / "tokenizer.json").exists():
        texts = [row.text for voice in found for row in voice.splits["train"]]
        new_tokenizer([*list(base_texts(options.material))[::3], *texts]).save_pretrained(base)
    tokenizer = read_tokenizer(base)
    found = [fitting(voice, lambda text: len(tokenizer(text)["input_ids"]) <= LONGEST)
             for voice in found]  # fmt: skip
    write(found, options.folder)
    if not (base / "model.safetensors").exists():
        rows = blocks(tokenizer, base_texts(options.material))
        save(trained(new_model(0), rows, BASE, 0, _say), base)
    for voice in found:
        folder = options.folder / "tasks" / voice.name
        if not (folder / "model.safetensors").exists():
            rows = blocks(tokenizer, (row.text for row in voice.splits["train"]))
            save(trained(read_model(base), rows, EXPERT, 0, _say), folder)
    if options.train_only:
        return
    told = scores(
        options.folder,
        [voice.name for voice in found],
        options.split,
        SCALES if options.split == "validation" else [_best_scale(options.folder)],
        _say,
    )
    (options.folder / f"scores-{options.split}.json").write_text(json.dumps(told))
    known = {
        split: json.loads(file.read_text())
        for split in ("validation", "held_out")
        if (file := options.folder / f"scores-{split}.json").exists()
    }
    words = (Path(__file__).parent / "words.md").read_text(encoding="utf-8")
    (options.folder / "README.md").write_text(report(known, found, words), encoding="utf-8")


def write(found: Sequence[Voice], folder: Path) -> None:
    """Write documents, rows of multiple choice and the two zoo files."""
    for voice in found:
        place = folder / "tasks" / voice.name
        place.mkdir(parents=True, exist_ok=True)
        for split, rows in voice.splits.items():
            lines = [{"text": row.text, "group": row.group} for row in rows]
            _write_rows(place / f"{split}.jsonl", lines)
            if split != "train":
                others = [other for other in found if other is not voice]
                asked = choices(voice, others, split)
                _write_rows(place / f"choices_{split}.jsonl", asked)
    for file, title, kind, prefix in (
        ("zoo", NAME, "causal-lm", ""),
        ("choices", f"{NAME}, by their endings", "multiple-choice", "choices_"),
    ):
        text = f"name: {title}\nbase: base\ntasks:\n"
        for voice in found:
            place = f"tasks/{voice.name}"
            splits = ("validation", "held_out") if prefix else ("train", "validation", "held_out")
            data = ", ".join(f"{split}: {place}/{prefix}{split}.jsonl" for split in splits)
            text += _TEMPLATE.format(name=voice.name, kind=kind, longest=LONGEST, data=data)
        (folder / f"{file}.yaml").write_text(text)


def _best_scale(folder: Path) -> float:
    """As chosen on validation rows, which were scored before."""
    told = json.loads((folder / "scores-validation.json").read_text())
    return best_scale(told["rows"])


def _write_rows(file: Path, rows: list[dict]) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(lines, encoding="utf-8")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

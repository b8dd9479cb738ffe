"""Build the demo zoo: ``python -m assets.make_zoo MATERIAL BASE FOLDER``.

MATERIAL holds the wheel simple_icd_10_cm 1.5.0 and, unpacked anywhere below it, Debian's
wordnet-base; BASE is the folder of the base model. FOLDER gets ``zoo.yaml`` and ``tasks`` of the
first seed, ``seeds/N`` of the others, ``scores-SPLIT.json`` and ``README.md`` with the tables.
About twenty minutes for three seeds on two CPU cores.
"""

import argparse
import json
import sys
from pathlib import Path

from assets.make_zoo import published, written
from assets.make_zoo.report import report
from assets.make_zoo.table import Scores
from assets.make_zoo.zoo import Material, train_zoo, write_zoo


def main() -> None:
    """Train each seed and score it on one split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("material", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--split", default="validation", choices=("validation", "held_out"),
        help="rows that are scored: held_out is read once, when all choices were made",
    )  # fmt: skip
    parser.add_argument("--scores-only", action="store_true", help="adapters are there already")
    options = parser.parse_args()
    north, south, network = published.clinics(options.material)
    rest = (
        written.registry(),
        written.freight(),
        written.incidents(),
        published.dictionary(options.material),
    )
    material = Material((north, south, *rest), network)
    write_zoo(material, options.folder)
    found = {}
    for seed in options.seeds:
        place = options.folder if seed == options.seeds[0] else options.folder / f"seeds/{seed}"
        if not options.scores_only:
            train_zoo(material, options.base, seed, place, _say)
        scores = Scores(material, options.base, place, options.split)
        found[seed] = {
            "right": scores.all(_say),
            "cosines": scores.cosines(),
            "norms": scores.norms(),
        }
        text = json.dumps(found)
        (options.folder / f"scores-{options.split}.json").write_text(text)
    scores = {
        split: json.loads(file.read_text())
        for split in ("validation", "held_out")
        if (file := options.folder / f"scores-{split}.json").exists()
    }
    words = (Path(__file__).parent / "words.md").read_text(encoding="utf-8")
    text = report(scores, material.tasks, words)
    (options.folder / "README.md").write_text(text, encoding="utf-8")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

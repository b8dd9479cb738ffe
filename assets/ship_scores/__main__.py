"""Measure what the demo zoos' starting mixes score, for the first screen of their page.

``python -m assets.ship_scores`` writes ``NAME.scores.json`` beside each demo's ``NAME.yaml``; names
of demos may be given. To be made anew after a change of a zoo's files or of what decides scores;
``tests/session/test_shipped.py`` says when. About three minutes a zoo on two CPU cores.
"""

import json
import sys

import torch

from studio.demo import DEMOS
from studio.measure.bench import Bench
from studio.session.mix import starting_mix
from studio.session.shipped import measure_shipped, shipped_file
from studio.zoo import load_zoo


def main(names: list[str]) -> None:
    """Measure each and write its file."""
    for name in names or DEMOS:
        zoo = load_zoo(DEMOS[name])
        bench = Bench(zoo, torch.device("cpu"))
        made = measure_shipped(bench, starting_mix(zoo).recipe(zoo), _say)
        shipped_file(DEMOS[name]).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _say(share: float, words: str) -> None:
    print(f"\r{share:4.0%} {words:<60}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Whether unmerging a voice takes it out of what is written: ``python -m tests.benchmarks.voices``.

For every voice of the words zoo: what its own held-out documents cost, in bits per byte, and how
much of what its expert writes, greedily behind the beginnings of these documents, a model writes
too. Asked are the merge with it, the merge from which it was taken, the base and the expert. The
merge from which it was taken is also held to one of a zoo that never had its files.
"""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import torch
import yaml

from studio.demo import DEMOS
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.measure.writing import Asked, Scribe, openings
from studio.merge import Merge
from studio.recipe import Recipe
from studio.tasks.kinds.writing import Manner
from studio.zoo import load_zoo

_DRAWS = 2000
_METHODS = {"task_arithmetic": 0.3, "mdm_oc": 0.3}
Texts = list[tuple[str, ...]]


def main() -> None:
    """Print a Markdown table of all voices by every method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--methods", nargs="+", default=list(_METHODS), choices=list(_METHODS))
    options = parser.parse_args()
    bench = Bench(load_zoo(DEMOS["words"]), torch.device("cpu"))
    pens = {voice: _Asking(bench, voice, options) for voice in bench.tasks}
    print("| method | voice | with it | taken out | base | expert | "
          "written as its expert: with it | taken out | base | as if never merged |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for method in options.methods:
        recipe = bench.zoo.recipe(method, _METHODS[method])
        for voice, asking in pens.items():
            print(f"| `{method}` | {voice} | {asking.line(recipe)} |", flush=True)


class _Asking:
    """The documents of a voice, and what base and expert make of them."""

    def __init__(self, bench: Bench, voice: str, options: argparse.Namespace) -> None:
        self._bench, self._voice = bench, voice
        self._manner, self._count = Manner(options.tokens), options.prompts
        self._prompts = openings(bench.tasks[voice], options.prompts)
        self._expert = self._texts(bench, bench.expert(voice))
        self._base = self._texts(bench, bench.untouched())

    def line(self, recipe: Recipe) -> str:
        """The cells of a method's row."""
        bench, without = self._bench, recipe.without(self._voice)
        models = [bench.merge(recipe), bench.merge(without), bench.untouched()]
        models.append(bench.expert(self._voice))
        cost = [self._bits(each) for each in models]
        kept, taken = (self._texts(bench, each) for each in models[:2])
        never = self._never(without)
        shares = [self._shares(each) for each in (kept, taken, self._base)]
        same = sum(one == other for one, other in zip(taken, never, strict=True))
        return " | ".join([*cost, *shares, f"{same} of {len(taken)}"])

    def _bits(self, merge: Merge | None) -> str:
        heads = self._bench.heads([self._voice])
        score = Measuring(self._bench).of(merge, heads, "held_out").scores[self._voice]
        assert score.bits_per_byte is not None
        scale = score.bits_per_byte / score.value
        low, high = (each * scale for each in (score.low, score.high))
        return f"{score.bits_per_byte:.3f} ({low:.3f} to {high:.3f})"

    def _texts(self, bench: Bench, merge: Merge | None) -> Texts:
        """The pieces that a model writes behind every prompt."""
        task = self._voice if self._voice in bench.tasks else next(iter(bench.tasks))
        scribe, found = Scribe(bench.live, bench.tasks), []
        bench.live.wear(merge)
        for prompt in self._prompts:
            asked = Asked(task, prompt, self._manner)
            said = scribe.step("", asked, None)
            while not said.ending:
                said = scribe.step("", asked, said)
            found.append(tuple(piece.text for piece in said.pieces))
        return found

    def _never(self, without: Recipe) -> Texts:
        """By a zoo in which the voice's entry and files have never been."""
        with tempfile.TemporaryDirectory() as made:
            folder = Path(shutil.copytree(DEMOS["words"], Path(made) / "zoo"))
            shutil.rmtree(folder / "tasks" / self._voice)
            zoo = yaml.safe_load((folder / "zoo.yaml").read_text())
            zoo["tasks"] = [task for task in zoo["tasks"] if task["name"] != self._voice]
            (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo))
            bench = Bench(load_zoo(folder / "zoo.yaml"), torch.device("cpu"))
            method, scale = without.method, _METHODS[without.method]
            return self._texts(bench, bench.merge(bench.zoo.recipe(method, scale)))

    def _shares(self, texts: Texts) -> str:
        """Tokens of the expert's texts that are there in this order, with an interval of texts."""
        each = np.array([common(*both) for both in zip(texts, self._expert, strict=True)])
        draw = np.random.default_rng(0)
        means = each[draw.integers(len(each), size=(_DRAWS, len(each)))].mean(1)
        low, high = np.quantile(means, (0.025, 0.975))
        return f"{each.mean():.1%} ({low:.1%} to {high:.1%})"


def common(own: Sequence[str], expert: Sequence[str]) -> float:
    """Share of the expert's pieces that another text has in the longest common order."""
    blocks = SequenceMatcher(None, expert, own, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(expert)


if __name__ == "__main__":
    main()

"""The command that has models write."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import Commands, duplicates_argument, write_json, zoo_bench

if TYPE_CHECKING:
    from studio.measure.writing import Written


def add_write_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "write", _write, "Let base, experts and a recipe's merge go on with a prompt."
    )
    each.add_argument("zoo", type=Path, metavar="ZOO")
    each.add_argument("--prompt", required=True, metavar="TEXT")
    each.add_argument("--recipe", type=Path, metavar="RECIPE", help="also by its merge")
    each.add_argument(
        "--most", type=int, default=32, metavar="N", help="tokens, at most (default: 32)"
    )
    each.add_argument(
        "--temperature", type=float, default=0.0, metavar="X",
        help="0 takes the likeliest token each time (default: 0)",
    )  # fmt: skip
    each.add_argument("--seed", type=int, default=0, metavar="N", help="of the draws (default: 0)")
    each.add_argument("--json", type=Path, metavar="FILE")
    duplicates_argument(each)


def _write(options: argparse.Namespace) -> None:
    from studio.errors import BadZoo, visible
    from studio.measure.writing import Asked, Scribe, writers, written
    from studio.recipe import load_recipe
    from studio.tasks.kinds.writing import Manner

    manner = Manner(options.most, options.temperature, options.seed)
    manner.refuse()
    bench = zoo_bench(options)
    tasks = writers(bench)
    if not tasks:
        raise BadZoo(
            f"No model of '{bench.zoo.name}' writes: none of its tasks is answered by a language "
            "model, which goes on with a text."
        )
    asked = Asked(next(iter(tasks.values())), options.prompt, manner)
    merges = [("base", None), *((f"expert {name}", bench.expert(name)) for name in tasks)]
    if options.recipe:
        merges.append(("merge", bench.merge(load_recipe(options.recipe))))
    scribe, found = Scribe(bench.live, bench.tasks), []
    for name, merge in merges:
        said = written(scribe, bench.live, merge, name, asked)
        print("\n  ".join([visible(name), *map(visible, (asked.text + said.text).split("\n"))]))
        if said.prompt.cut:
            left = f"its {said.prompt.cut_at} {said.prompt.cut:,} tokens were left out."
            print(f"  The prompt is too long: {left}")
        found.append({"model": name, **_plain(said)})
    write_json(options.json, {"prompt": asked.text, **vars(manner), "answers": found})


def _plain(said: "Written") -> dict:
    return {
        "text": said.text,
        "ending": said.ending,
        "left_out": said.prompt.cut,
        "loss_of_prompt": said.loss,
        "pieces": [vars(piece) for piece in said.pieces],
    }

"""The command that scores."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import (
    Commands,
    duplicates_argument,
    show_progress,
    write_json,
    zoo_bench,
)

if TYPE_CHECKING:
    from studio.measure.general import General, Kept
    from studio.tasks.live_model import LiveModel


def add_evaluate_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add("evaluate", _evaluate, "Score the experts, a recipe or an exported model.")
    each.add_argument("zoo", type=Path, metavar="ZOO")
    which = each.add_mutually_exclusive_group()
    which.add_argument("--recipe", type=Path, metavar="RECIPE")
    which.add_argument("--model", type=Path, metavar="DIR", help="an exported folder")
    each.add_argument("--split", default="held_out", choices=("held_out", "validation"))
    each.add_argument("--json", type=Path, metavar="FILE")
    duplicates_argument(each)


def _evaluate(options: argparse.Namespace) -> None:
    from studio.measure.bench import score_folder
    from studio.measure.general import General, general_json
    from studio.measure.metrics import scores_json
    from studio.measure.outcomes import Measuring
    from studio.measure.references import references, score_references
    from studio.recipe import load_recipe

    bench, split = zoo_bench(options), options.split
    live = bench.folder_model(options.model) if options.model else bench.live
    general = General(bench, split) if bench.general_heads(split) else None
    doubts: tuple[str, ...] = ()
    if options.model:
        found = scores_json(score_folder(bench, options.model, split, live))
    elif options.recipe:
        merge = bench.merge(load_recipe(options.recipe))
        found = scores_json(Measuring(bench, show_progress).scores(merge, split))
        if general:
            live.wear(merge)
    else:
        bench.refuse_unscored(split)
        chosen = references(bench, split)
        floor = "head_only" if any(each.kind == "head_only" for each in chosen) else "base"
        chosen = [each for each in chosen if each.kind in ("expert", floor)]
        scored = score_references(chosen, show_progress)
        found, doubts = scores_json(scored.experts.scores), scored.doubts
    for name, notes in bench.notes.items():
        print("".join(f"{name}: {note}\n" for note in notes), end="")
    _print_scores(found)
    print("".join(f"warning: {each}\n" for each in doubts), end="")
    if general and (options.model or options.recipe):
        found["general"] = general_json(_general(general, live))
    elif general:
        found["general_by_expert"] = by_expert = {}
        for task in bench.scored(split):
            live.wear(bench.expert(task))
            print(task)
            by_expert[task] = general_json(_general(general, live))
    write_json(options.json, found)


def _general(general: "General", live: "LiveModel") -> "Kept":
    """What is left of general rows by what the live model wears, said."""
    from studio.measure.general import general_words

    kept = general.kept(live)
    print("\n".join(general_words(kept)))
    return kept


def _print_scores(found: dict) -> None:
    from studio.measure.metrics import marked, mean_column
    from studio.tasks.metric import AGREEMENT, AGREEMENT_WORDS, LOSS, METRICS

    names = set()
    for name, score in found["tasks"].items():
        metric = next(each for each in METRICS if each.name in score)
        names.add(metric)
        more = f", {score['bits_per_byte']:.4f} bits per byte" if "loss" in score else ""
        for share, own in score.get("besides", {}).items():
            more += f", {share} {own['value']:.4f} [{own['low']:.4f}, {own['high']:.4f}]"
        print(
            f"  {score[metric.name]:.4f}  "
            f"[{score['low']:.4f}, {score['high']:.4f}]  n={score['n']}  "
            f"{marked(name, metric)}{more}"
        )
    if found["mean"] is not None:
        print(f"  {found['mean']:.4f}  {mean_column(*names)}")
    for metric, mean in found.get("means", {}).items():
        print(f"  {mean['mean']:.4f}  mean {metric}")
    if AGREEMENT in names:
        print(f"  {AGREEMENT_WORDS}")
    if LOSS in names:
        print("  Losses are in nats per token: less is better.")

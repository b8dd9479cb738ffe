"""The studio without a browser: ``python -m studio COMMAND``."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.compare import add_compare_command
from studio.commands.evidence import add_evidence_commands, ledger_argument, opened_ledger
from studio.commands.optimize import add_optimize_command
from studio.commands.sequence import add_sequence_commands
from studio.commands.sweep import add_sweep_command
from studio.commands.tools import Tools
from studio.errors import StudioError, visible

if TYPE_CHECKING:
    from studio.recipe import Recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 1 if the studio refused; usage errors leave with 2.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.threads is not None:
            if options.threads < 1:
                raise StudioError(f"--threads is {options.threads}; it must be at least 1.")
            import torch

            torch.set_num_threads(options.threads)
        options.run(options)
    except StudioError as refusal:
        print(f"studio: {refusal}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"studio: {visible(str(problem))}.", file=sys.stderr)
        return 1
    except MemoryError:
        print("studio: out of memory; nothing was written.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("studio: stopped; nothing was written.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m studio", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda", "mps"),
        help="where models are evaluated; merges are computed on the CPU (default auto)",
    )  # fmt: skip
    common.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], words: str):
        added = commands.add_parser(name, parents=[common], help=words, description=words)
        added.set_defaults(run=run)
        return added

    command("methods", _methods, "List the merge methods with options, defaults and sources.")
    each = command("inspect", _inspect, "Show what a zoo or a recipe would do, before merging.")
    each.add_argument("source", type=Path, metavar="ZOO_OR_RECIPE")
    each.add_argument(
        "--overlap", action="store_true",
        help="also measure sign conflict and the overlap of the tasks' subspaces (slower)",
    )  # fmt: skip
    _duplicates(each)
    each.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    each = command("merge", _merge, "Merge a recipe into a new folder.")
    each.add_argument("recipe", type=Path, metavar="RECIPE")
    _output(each)
    each.add_argument(
        "--as-lora", action="store_true",
        help="write one LoRA adapter for PEFT; the method must be linear and all tasks LoRAs",
    )  # fmt: skip
    each.add_argument(
        "--lora-rank", type=int, metavar="R",
        help="compress that adapter to R directions per tensor (default: exact, all factors)",
    )  # fmt: skip
    each = command("evaluate", _evaluate, "Score the experts, a recipe or an exported model.")
    each.add_argument("zoo", type=Path, metavar="ZOO")
    which = each.add_mutually_exclusive_group()
    which.add_argument("--recipe", type=Path, metavar="RECIPE")
    which.add_argument("--model", type=Path, metavar="DIR", help="an exported folder")
    each.add_argument("--split", default="held_out", choices=("held_out", "validation"))
    each.add_argument("--json", type=Path, metavar="FILE")
    _duplicates(each)
    tools = Tools(command, _duplicates, _bench, _write_json, _progress)
    for add in (add_compare_command, add_optimize_command, add_sweep_command):
        add(tools)
    add_evidence_commands(command, _output, _progress)
    add_sequence_commands(command, common, _progress)
    return parser


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--zoo", type=Path, metavar="ZOO",
        help="also write its heads and measured scores; methods that need data measure the experts "
        "on its validation rows",
    )  # fmt: skip
    parser.add_argument(
        "--classifiers", action="store_true",
        help="also write a complete classifier per task whose pooling and head are BERT's own",
    )  # fmt: skip
    _duplicates(parser)
    ledger_argument(parser)
    parser.add_argument(
        "--allow-removed", action="store_true",
        help="merge a checkpoint although it was certified as removed; written into the log",
    )  # fmt: skip


def _duplicates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-duplicates", action="store_true", help="accept equal checkpoints and zero deltas"
    )


def _methods(options: argparse.Namespace) -> None:
    from studio.methods import METHODS
    from studio.methods.contract import describe

    for name, method in METHODS.items():
        print(f"{name} (default coefficient {method.default_coefficient:g})")
        for line in (method.__doc__ or "").strip().splitlines():
            print(f"    {line.strip()}".rstrip())
        for each in describe(method):
            allowed = "|".join(each["choices"]) or f"from {each['low']}"
            allowed += f" to {each['high']}" if each["high"] is not None else ""
            allowed += " or null" if each["default"] is None else ""
            allowed = "true|false" if isinstance(each["default"], bool) else allowed
            print(f"    {each['name']} = {each['default']}  [{allowed}]  {each['words']}")
        print()


def _inspect(options: argparse.Namespace) -> None:
    from studio.inspection import inspect
    from studio.merge import open_merge
    from studio.preflight import preflight
    from studio.recipe import load_recipe
    from studio.zoo import load_zoo

    is_zoo = options.source.is_dir() or _names_a_zoo(options.source)
    if is_zoo:
        zoo = load_zoo(options.source)
        preflight(zoo).refuse_misfits()
        recipe = zoo.recipe()
    else:
        recipe = load_recipe(options.source)
    found = inspect(open_merge(recipe), _progress, options.allow_duplicates, options.overlap)
    for row in found["checkpoints"]:
        rank = f", rank {row['rank']}" if row["rank"] else ""
        print(
            f"{row['task']}: {row['kind']}{rank}, changes {row['tensors']} tensors "
            f"({row['parameters']:,} parameters), prefix {row['prefix']!r}, private: "
            f"{', '.join(row['private']) or 'none'}"
        )
        for note in row["notes"]:
            print(f"    {note}")
    for title in ("cosine_before", "cosine_after"):
        if found[title] is None:
            print("\nThis method forms one change of all tasks: there are no components.")
            continue
        print(f"\n{title}")
        for task, row in zip(found["tasks"], found[title], strict=True):
            print("  " + " ".join(f"{x + 0.0:7.4f}" for x in row) + f"  {task}")
    weighed = ", all layers weighed alike" if found["layers_weighed_alike"] else ""
    if found["residual"] is not None:
        print(
            f"\nresidual {found['residual']:.2e} (largest cosine of streamed components{weighed})"
        )
    print(found["order"]["words"])
    for warning in found["warnings"]:
        print(f"warning: {warning}")
    if found.get("rotations"):
        _print_rotations(found)
    if options.overlap:
        _print_overlaps(found)
    _write_json(options.json, found)


def _print_overlaps(found: dict) -> None:
    def percent(share: float | None) -> str:
        return "none" if share is None else f"{share:.1%}"

    print("\nmeans over pairs of tasks; in brackets the overlap of random subspaces")
    print(f"{'opposite signs':>14}  {'column spaces':>15}  {'row spaces':>15}  layer")
    for name, layer in found["layers"].items():
        columns, rows = (
            f"{percent(layer[side])} ({percent(layer[f'expected_{side}'])})"
            for side in ("columns", "rows")
        )
        print(f"{percent(layer['sign_conflict']):>14}  {columns:>15}  {rows:>15}  {name}")
    for side, most in found["largest_overlap"].items():
        if most:
            print(
                f"largest overlap of {side[:-1]} spaces: {percent(most['overlap'])} "
                f"(random {percent(most['expected'])}), {' and '.join(most['tasks'])} in "
                f"{most['tensor']}"
            )


def _print_rotations(found: dict) -> None:
    def energy(row: dict, when: str) -> str:
        value = row[f"energy_{when}"]
        return "none" if value is None else f"{value:.4f}"

    print("\nper task the largest angle, and what share of the change no rotation explains")
    print(f"{'merged':>7}  {'length':>7}  {'energy before, after':>20}  " + "  tensor")
    for row in found["rotations"]:
        tasks = ", ".join(
            f"{task} {angle:.2f}° {share:.0%}"
            for task, angle, share in zip(
                found["tasks"], row["angles"], row["residual_shares"], strict=True
            )
            if angle is not None
        )
        print(
            f"{row['angle']:6.2f}°  x{row['correction']:6.2f}  "
            f"{energy(row, 'before'):>9}, {energy(row, 'after'):>9}    {row['tensor']}: {tasks}"
            f"{'' if row['explains'] else ' (a rotation explains next to nothing)'}"
        )


def _names_a_zoo(path: Path) -> bool:
    """Whether a file is a zoo: a recipe names a method, a zoo does not."""
    from studio.disk.files import read_mapping
    from studio.errors import BadZoo

    return "method" not in read_mapping(path, BadZoo)


def _merge(options: argparse.Namespace) -> None:
    from studio.recipe import load_recipe

    if options.lora_rank is not None and not options.as_lora:
        raise StudioError("--lora-rank is the rank of the adapter that --as-lora writes; add it.")
    if options.as_lora and options.classifiers:
        raise StudioError("--classifiers writes complete models; leave it or --as-lora out.")
    _write_merge(options, load_recipe(options.recipe), options.as_lora)


def _write_merge(options: argparse.Namespace, recipe: "Recipe", as_lora: bool = False) -> None:
    from studio.disk.folders import refuse_existing
    from studio.evidence.logged_export import write_adapter, write_merge
    from studio.export.model import exported_rounding
    from studio.merge import open_merge

    refuse_existing(options.out)
    bench = _bench(options) if options.zoo else None
    merge = bench.merge(recipe) if bench else open_merge(recipe)
    common = merge, options.out, bench, _progress, options.allow_duplicates
    told = opened_ledger(options), options.allow_removed
    if as_lora:
        made = write_adapter(*common, options.lora_rank, *told)
        words = f"one adapter, {made.words}, weights root {made.root}"
    else:
        words = f"weights root {write_merge(*common, options.classifiers, *told)}"
        print(f"Rounding: {exported_rounding(options.out).words}.")
    count = "1 task" if len(merge.deltas) == 1 else f"{len(merge.deltas)} tasks"
    print(f"{visible(str(options.out))}: {count} merged, {words}")


def _evaluate(options: argparse.Namespace) -> None:
    from studio.measure.general import General, general_json, general_words
    from studio.measure.scores import scores_json
    from studio.recipe import load_recipe

    bench, split = _bench(options), options.split
    live = bench.folder_model(options.model) if options.model else bench.live
    general = General(bench, split) if bench.general_heads(split) else None
    if options.model:
        found = scores_json(bench.score_folder(options.model, split, live))
    elif options.recipe:
        merge = bench.merge(load_recipe(options.recipe))
        found = scores_json(bench.score(merge, split, _progress))
    else:
        found = scores_json(bench.score_experts(split, _progress))
    _print_scores(found)
    if general and (options.model or options.recipe):
        kept = general.kept(live)
        found["general"] = general_json(kept)
        print("\n".join(general_words(kept)))
    elif general:
        found["general_by_expert"] = {}
        for task in bench.scored(split):
            live.wear(bench.expert(task))
            kept = general.kept(live)
            found["general_by_expert"][task] = general_json(kept)
            print("\n".join([task, *general_words(kept)]))
    _write_json(options.json, found)


def _bench(options: argparse.Namespace):
    from studio.measure.bench import open_bench

    bench = open_bench(options.zoo, options.device, options.allow_duplicates)
    assert bench is not None, "the parser demands a zoo"
    return bench


def _print_scores(found: dict) -> None:
    for name, score in found["tasks"].items():
        print(
            f"  {score['accuracy']:.4f}  [{score['low']:.4f}, {score['high']:.4f}]  "
            f"n={score['n']}  {name}"
        )
    print(f"  {found['mean']:.4f}  mean")


def _write_json(path: Path | None, content: dict) -> None:
    from studio.disk.files import write_file

    if path:
        write_file(path, json.dumps(content, indent=1))


def _progress(share: float, words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{share:4.0%} {words[:70]:70}", end="\n" if share >= 1 else "", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

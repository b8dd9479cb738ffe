"""The command that shows what a zoo or a recipe would do."""

import argparse
from pathlib import Path

from studio.commands.tools import (
    Commands,
    duplicates_argument,
    link_roots,
    show_progress,
    write_json,
)


def add_inspect_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "inspect", _inspect, "Show what a zoo or a recipe would do, before merging."
    )
    each.add_argument("source", type=Path, metavar="ZOO_OR_RECIPE")
    each.add_argument(
        "--overlap", action="store_true",
        help="also measure sign conflict and the overlap of the tasks' subspaces (slower)",
    )  # fmt: skip
    each.add_argument(
        "--experts", action="store_true",
        help="of a zoo, also ask every expert at most 64 of its own validation rows how sure it is",
    )  # fmt: skip
    duplicates_argument(each)
    each.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")


def _inspect(options: argparse.Namespace) -> None:
    from studio.inspection import inspect
    from studio.merge import open_merge
    from studio.preflight import preflight
    from studio.recipe import load_recipe
    from studio.zoo import load_zoo

    is_zoo = options.source.is_dir() or _names_a_zoo(options.source)
    if is_zoo:
        zoo = load_zoo(options.source)
        roots = link_roots(options, zoo.folder)
        looked = preflight(zoo, roots=roots)
        looked.refuse_misfits()
        recipe, notes = zoo.recipe(), {look.name: look.notes for look in looked.looks}
    else:
        recipe, notes = load_recipe(options.source), {}
        roots = link_roots(options, options.source.absolute().parent)
    merge = open_merge(recipe, roots)
    found = inspect(merge, show_progress, options.allow_duplicates, options.overlap)
    for row in found["checkpoints"]:
        row["notes"] += [note for note in notes.get(row["task"], ()) if note not in row["notes"]]
    if options.experts:
        _ask_experts(options, is_zoo, roots, found)
    _print_checkpoints(found)
    _print_cosines(found)
    print(found["order"]["words"])
    if found["prospect"]:
        print(found["prospect"])
    for warning in found["warnings"]:
        print(f"warning: {warning}")
    if found.get("rotations"):
        _print_rotations(found)
    if options.overlap:
        _print_overlaps(found)
    write_json(options.json, found)


def _ask_experts(
    options: argparse.Namespace, is_zoo: bool, roots: tuple[Path, ...], found: dict
) -> None:
    """Add how sure the experts are to what was found, and to whether it will merge."""
    from dataclasses import asdict

    from studio.errors import BadZoo
    from studio.geometry.prospects import prospect
    from studio.measure.bench import open_bench
    from studio.measure.certainty import certainties, unsure_words

    if not is_zoo:
        raise BadZoo(
            f"{options.source} is a recipe, which names no rows that an expert could be asked. "
            "Name the zoo, or leave '--experts' out."
        )
    bench = open_bench(options.source, "cpu", options.allow_duplicates, roots)
    assert bench is not None
    known = certainties(bench, tuple(bench.tasks), show_progress)
    reasons = [each for each in (*found["reasons"], unsure_words(known)) if each]
    found["certainty"] = {name: asdict(each) for name, each in known.items()}
    found["reasons"], found["prospect"] = reasons, prospect(len(bench.tasks), reasons, bool(known))


def _names_a_zoo(path: Path) -> bool:
    """Whether a file is a zoo: a recipe names a method, a zoo does not."""
    from studio.disk.files import read_mapping
    from studio.errors import BadZoo

    return "method" not in read_mapping(path, BadZoo)


def _print_checkpoints(found: dict) -> None:
    for note in found["base_notes"]:
        print(f"base: {note}")
    for row in found["checkpoints"]:
        rank = f", rank {row['rank']}" if row["rank"] else ""
        print(
            f"{row['task']}: {row['kind']}{rank}, changes {row['tensors']} tensors "
            f"({row['parameters']:,} parameters), prefix {row['prefix']!r}, private: "
            f"{', '.join(row['private']) or 'none'}"
        )
        for note in row["notes"]:
            print(f"    {note}")


def _print_cosines(found: dict) -> None:
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

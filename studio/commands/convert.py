"""The command that turns a configuration of mergekit into a recipe, and back."""

import argparse
from pathlib import Path

from studio.commands.tools import Commands, link_roots, print_notes

STUDIO, MERGEKIT = "studio", "mergekit"


def add_convert_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "convert", _convert, "Turn a configuration of mergekit into a recipe, or a recipe into one."
    )
    each.add_argument("file", type=Path, metavar="FILE")
    each.add_argument("--to", choices=(STUDIO, MERGEKIT), required=True)
    each.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    each.add_argument(
        "--base", metavar="MODEL",
        help="what the models were made from, where mergekit's method needs no such model (linear, "
        "slerp): a folder or hub id",
    )  # fmt: skip


def _convert(options: argparse.Namespace) -> None:
    from studio.disk.files import write_file
    from studio.disk.folders import refuse_existing
    from studio.errors import StudioError, visible

    refuse_existing(options.out)
    if options.to == MERGEKIT and options.base:
        raise StudioError("--base is for --to studio; a recipe names its base.")
    text, notes = (_recipe if options.to == STUDIO else _configuration)(options)
    write_file(options.out, text)
    print_notes(notes)
    made = "a recipe" if options.to == STUDIO else "a configuration of mergekit"
    print(f"{visible(str(options.out))}: {made}.")


def _recipe(options: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    from studio.disk.files import read_mapping, resolve_source
    from studio.errors import BadRecipe
    from studio.merge import open_merge
    from studio.methods.mergekit.configuration import is_configuration
    from studio.methods.mergekit.incoming import Surroundings, recipe_of
    from studio.methods.mergekit.layout import Layout
    from studio.recipe import Recipe, recipe_text

    file = options.file.absolute()
    data = read_mapping(file, BadRecipe)
    if not is_configuration(data):
        raise BadRecipe(f"{file} has no merge_method, so it is no configuration of mergekit.")

    def layout(recipe: Recipe) -> Layout:
        return Layout.of(open_merge(recipe, link_roots(options, file.parent)).deltas)

    base = resolve_source(options.base, Path.cwd()) if options.base else None
    around = Surroundings(file.parent, layout, base)
    recipe, notes = recipe_of(data, str(file), around)
    return recipe_text(recipe, options.out), notes


def _configuration(options: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    from studio.merge import open_merge
    from studio.methods.mergekit.outgoing import Opened, configuration_of
    from studio.recipe import load_recipe

    recipe = load_recipe(options.file)
    roots = link_roots(options, options.file.absolute().parent)

    def opened() -> Opened:
        merge = open_merge(recipe, roots)
        return Opened(merge.deltas, lambda: merge.mixing)

    return configuration_of(recipe, opened)

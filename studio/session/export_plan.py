"""A planned export: what it takes, and the same as a command and as Python, without the page."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

from studio.export.plan import ExportPlan
from studio.export.served import adapter_type
from studio.methods import method
from studio.recipe import KEEP_BASE, MIXTURE, RECALIBRATE, GroupedCoefficient, Recipe

_WRITE = "from studio.export.folder import write_export"


@dataclass(frozen=True)
class ExportCost:
    """What an export takes.

    Attributes:
        size: bytes of weights that it writes.
        needed: bytes that must be free for it, with a margin.
        free: bytes that are.
    """

    size: int
    needed: int
    free: int


def as_command(recipe: Recipe, zoo: Path, plan: ExportPlan) -> str:
    """Lines for a POSIX shell: the recipe as a file, and the merge of it."""
    text = yaml.safe_dump(recipe.plain(), sort_keys=False, allow_unicode=True)
    words = ["python", "-m", "studio", "merge", "recipe.yaml", "--out", str(plan.folder)]
    words += ["--zoo", str(zoo)]
    words += ["--classifiers"] if plan.classifiers and not plan.adapter else []
    words += ["--as-lora"] if plan.adapter else []
    words += ["--each-task"] if plan.each_task else []
    words += ["--lora-rank", str(plan.rank)] if plan.adapter and plan.rank is not None else []
    return f"cat > recipe.yaml <<'END'\n{text}END\n{shlex.join(words)}\n"


def as_python(recipe: Recipe, plan: ExportPlan) -> str:
    """A program that writes the shown weights and prints their root; no scores, no heads.

    Of a method that needs data there is a comment alone: a recipe names no rows.
    """
    chosen = method(recipe.method, recipe.options)
    if chosen.measures or recipe.fits_experts or recipe.batch_norm == RECALIBRATE:
        measures = f"{chosen.title} measures every expert"
        who = measures if chosen.measures else "The merge is measured"
        return (
            f"# {who} on its own validation rows, and a recipe names none.\n"
            "# The command does it: its --zoo names the rows.\n"
        )
    entries = "".join(
        f"        TaskEntry({task.name!r}, {task.checkpoint!r}, {task.coefficient!r}),\n"
        for task in recipe.tasks
    )
    target = f"Path({str(plan.folder)!r})"
    if plan.adapter:
        kind = adapter_type(plan.each_task)
        both = (f"from {kind.__module__} import {kind.__name__}", _WRITE)
        imports = "".join(f"{each}\n" for each in sorted(both))
        call = f"write_export({kind.__name__}(open_merge(recipe), rank={plan.rank}), {target}).root"
    else:
        imports = "from studio.export.model import export\n"
        call = f"export(open_merge(recipe), {target})"
    grouped = any(isinstance(task.coefficient, GroupedCoefficient) for task in recipe.tasks)
    parts = ("GroupedCoefficient, " if grouped else "") + "Recipe, TaskEntry"
    seed = f"    seed={recipe.seed},\n" if recipe.seed else ""
    others = _unusual(recipe, batch_norm=MIXTURE, vocabulary=KEEP_BASE)
    return (
        "from pathlib import Path\n\n"
        f"{imports}"
        "from studio.merge import open_merge\n"
        f"from studio.recipe import {parts}\n\n"
        "recipe = Recipe(\n"
        f"    base={recipe.base!r},\n"
        f"    tasks=(\n{entries}    ),\n"
        f"    method={recipe.method!r},\n"
        f"    options={dict(recipe.options)!r},\n"
        f"    dtype={recipe.dtype!r},\n{seed}{others}"
        ")\n"
        f"print({call})  # the weights root\n"
    )


def _unusual(recipe: Recipe, **usual: str) -> str:
    """Lines for a recipe's choices that are not the usual ones."""
    found = {name: getattr(recipe, name) for name in usual}
    return "".join(f"    {n}={x!r},\n" for n, x in found.items() if x != usual[n])

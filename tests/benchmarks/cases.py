"""What is merged in the benchmarks: the methods' recipes on folders that ``models`` wrote."""

from dataclasses import dataclass
from pathlib import Path

from studio.recipe import Option, Recipe, TaskEntry, save_recipe

COEFFICIENT = 0.3
TIES_DENSITY = 0.2
METHODS: dict[str, tuple[str, dict[str, Option]]] = {
    "task_arithmetic": ("task_arithmetic", {}),
    "ties": ("ties", {"trim": "tensor", "density": TIES_DENSITY, "reduce": "weighted"}),
    "subspace": ("mdm_oc", {"basis": "subspace"}),
}


@dataclass(frozen=True)
class Models:
    """A base and its variants.

    Attributes:
        name: folder and number of tasks, ``bert-base-fp32:4``.
        base: folder of the base model.
        tasks: folders of the variants; links where more are asked for than there are.
    """

    name: str
    base: Path
    tasks: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The weights of the base, then of each variant."""
        return tuple(folder / "model.safetensors" for folder in (self.base, *self.tasks))


def models(root: Path, name: str, links: Path) -> Models:
    """The models of ``FOLDER:TASKS``.

    Args:
        root: where ``models`` wrote.
        name: as in ``bert-base-fp32:4``.
        links: a folder for links to variants, if more tasks are asked for than were written.
    """
    folder, _, count = name.partition(":")
    stored = sorted((root / folder).glob("task*"), key=lambda path: int(path.name[4:]))
    assert stored, f"{root / folder} holds no task0; write it with tests.benchmarks.models"
    tasks = stored[: int(count)]
    for number in range(len(tasks), int(count)):
        link = links / f"{folder}-task{number}"
        if not link.is_symlink():
            link.symlink_to(stored[number % len(stored)].absolute())
        tasks.append(link)
    return Models(name, (root / folder / "base").absolute(), tuple(t.absolute() for t in tasks))


def write_recipe(found: Models, method: str, folder: Path) -> Path:
    """Write the recipe of a merge of all tasks with equal coefficients; returns the file."""
    name, options = METHODS[method]
    tasks = tuple(
        TaskEntry(f"task{place}", str(task), COEFFICIENT) for place, task in enumerate(found.tasks)
    )
    file = folder / f"{found.name.replace(':', '-')}-{method}.yaml"
    save_recipe(Recipe(str(found.base), tasks, name, options), file)
    return file

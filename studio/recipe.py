"""A merge as a frozen value: base, tasks in order, method, options, coefficients, seed."""

import hashlib
import json
import math
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from pathlib import Path

import yaml

from studio.disk.files import (
    mapping,
    only_keys,
    read_mapping,
    resolve_source,
    text_field,
    write_file,
)
from studio.errors import BadRecipe, Findings, SeveralBadInRecipe, StudioError

DTYPES = ("float16", "bfloat16", "float32", "float64")
DEFAULT_METHOD = "mdm_oc"  # where nobody chooses; the methods themselves are a room above
MIXTURE, RECALIBRATE, KEEP_BASE = "mixture", "recalibrate", "base"
BATCH_NORMS = (MIXTURE, RECALIBRATE, KEEP_BASE)
"""Which running statistics of batch normalization a merged model gets."""
UNION = "union"
VOCABULARIES = (KEEP_BASE, UNION)
"""Which tokens a merged model has a row for: the base's, or also those that tasks added."""
_KEYS = (
    "base", "tasks", "method", "options", "options_set_by", "dtype", "batch_norm", "vocabulary",
    "calibrate", "heads", "seed", "fitted",
)  # fmt: skip
_FITTED_KEYS = ("by", "seed", "tasks", "used", "options")
_ZOO_KEYS = "type", "head", "data"  # of which a task of a zoo has one, and of a recipe none
_WANTED = (
    "a recipe is a file with base, tasks (name and checkpoint) and method, such as the page saves "
    "under Files and an export holds as recipe.json"
)
_CALIBRATE_KEYS = ("rows", "share", "pull", "length")
_HEADS_KEYS = ("rows", "pull")
_MOST_ROWS = 100_000
_TASK_KEYS = ("name", "checkpoint", "coefficient", "set_by", "digest")
_LONGEST_NAME = 200  # bytes: a system takes 255, and something may be put before or behind
_PORTS = (f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³")
_DEVICES = ("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$", *_PORTS)
_BLANK = set("\u115f\u1160\u2800\u3164\uffa0")  # letters and a symbol that show nothing
PERSON, DEFAULT = "person", "default"
UNDECLARED_START = "undeclared start"
"""What a search used that began at numbers of which nobody says where they come from."""

Option = str | float | int | bool | None


@lru_cache(maxsize=2**16)
def _place(patterns: tuple[str, ...], tensor: str) -> int | None:
    return next((i for i, each in enumerate(patterns) if fnmatchcase(tensor, each)), None)


@dataclass(frozen=True)
class GroupedCoefficient:
    """One coefficient per group of tensors, for tensors whose name matches a glob pattern.

    Attributes:
        default: for tensors that match no pattern.
        groups: (pattern, coefficient); the first pattern that matches counts.
    """

    default: float
    groups: tuple[tuple[str, float], ...]

    def of(self, tensor: str) -> float:
        """Coefficient of one tensor."""
        place = _place(tuple(pattern for pattern, _ in self.groups), tensor)
        return self.default if place is None else self.groups[place][1]


Coefficient = float | GroupedCoefficient


@dataclass(frozen=True)
class TaskEntry:
    """One task of a recipe.

    Attributes:
        name: what people call it.
        checkpoint: absolute folder, or a hub id.
        coefficient: a number, one per group, or None for the method's default.
        digest: of the checkpoint; checked against what is found when given.
        set_by: who set the coefficient: 'person', 'default', or '' for whatever ``Recipe.fitted``
            names, and for nobody knows what if it names nothing.
    """

    name: str
    checkpoint: str
    coefficient: Coefficient | None = None
    digest: str | None = None
    set_by: str = ""

    @property
    def origin(self) -> str:
        """'person', 'default', or '' for a number that the studio chose or a file holds."""
        return DEFAULT if self.coefficient is None else self.set_by


@dataclass(frozen=True)
class Fitted:
    """How the studio chose coefficients or options by rows, if it did.

    Attributes:
        by: name of the search, or of what else chose.
        tasks: (name, checkpoint digest) of all that took part: by their weights or their rows. One
            name may come with several digests.
        seed: of the search.
        used: what else was computed from those tasks for it, such as 'fisher' or 'replay'.
        options: that it chose, beside coefficients; 'method' for the method itself.
    """

    by: str
    tasks: tuple[tuple[str, str], ...]
    seed: int = 0
    used: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def plain(self) -> dict:
        """As it stands in a recipe file."""
        tasks: dict[str, str | list[str]] = {}
        for name in dict.fromkeys(name for name, _ in self.tasks):
            found = [digest for other, digest in self.tasks if other == name]
            tasks[name] = found[0] if len(found) == 1 else found
        plain: dict = {"by": self.by, "seed": self.seed, "tasks": tasks}
        plain |= {"used": list(self.used)} if self.used else {}
        return plain | ({"options": list(self.options)} if self.options else {})

    def after(self, before: "Recipe") -> "Fitted":
        """The same, with what the numbers that it began at knew already."""
        earlier, used = before.taint, dict.fromkeys(self.used)
        if earlier is None:
            more = {UNDECLARED_START: None} if before.undeclared else {}
            return replace(self, used=tuple(used | more))
        return self.joined(earlier)

    def joined(self, other: "Fitted") -> "Fitted":
        """The same, with what another one knows besides."""
        return replace(
            self,
            tasks=tuple(dict.fromkeys((*self.tasks, *other.tasks))),
            used=tuple(dict.fromkeys((*self.used, *other.used))),
            options=tuple(dict.fromkeys((*self.options, *other.options))),
        )


@dataclass(frozen=True)
class Calibrate:
    """How a merged model is fitted to its experts, layer by layer, on rows without labels.

    Attributes:
        rows: validation rows per task, at most, of the part that statistics are taken on.
        share: of what enters a layer in the expert, in what the layer is fitted to; the rest is
            what enters it in the merged model. From 0 to 1.
        pull: toward the mix, beside 1 for each task; above 0.
        length: times the mix's change that a layer is pulled to; None finds it per tensor.
    """

    rows: int = 256
    share: float = 0.6
    pull: float = 0.05
    length: float | None = None

    @property
    def words(self) -> str:
        """What is done, for people."""
        length = "" if self.length is None else f", length {self.length:g}"
        return (
            f"calibrated on at most {self.rows:,} validation rows per task (share {self.share:g}, "
            f"pull {self.pull:g}{length})"
        )

    def plain(self) -> dict:
        """As it stands in a recipe file."""
        plain = {"rows": self.rows, "share": self.share, "pull": self.pull}
        return plain | ({} if self.length is None else {"length": self.length})


@dataclass(frozen=True)
class Heads:
    """How the heads of merged tasks are refitted to their experts, on rows without labels.

    Attributes:
        rows: validation rows per task, at most, of the part that statistics are taken on.
        pull: toward the head as it was; above 0.
    """

    rows: int = 256
    pull: float = 1.0

    @property
    def words(self) -> str:
        """What is done, for people."""
        return (
            f"heads refitted on at most {self.rows:,} validation rows per task (pull {self.pull:g})"
        )

    def plain(self) -> dict:
        """As it stands in a recipe file."""
        return {"rows": self.rows, "pull": self.pull}


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a merged model.

    Attributes:
        base: absolute folder, or a hub id.
        tasks: in order of arrival; empty only after the last task was unmerged.
        method: name of a merge method.
        options: the method's options that differ from, or repeat, its defaults.
        dtype: of the output; None keeps the base's, tensor by tensor.
        seed: for methods that draw.
        fitted: how the coefficients were found; None if somebody set them.
        options_set_by: 'person' if somebody set the options, or a seed, that are no defaults; ''
            for what ``fitted`` names, and for nobody knows what if it names none.
        batch_norm: where running statistics come from, see ``BATCH_NORMS``: from a mixture of the
            tasks' own, measured anew on validation rows of the tasks that are merged, or the
            base's as they are.
        vocabulary: which tokens an export has a row for, see ``VOCABULARIES``.
        calibrate: how the mix is fitted to its experts afterwards; None leaves it as it is.
        heads: how the tasks' heads are refitted to the merged model at last; None leaves them.
    """

    base: str
    tasks: tuple[TaskEntry, ...]
    method: str = DEFAULT_METHOD
    options: Mapping[str, Option] = field(default_factory=dict)
    dtype: str | None = None
    seed: int = 0
    fitted: Fitted | None = None
    options_set_by: str = ""
    batch_norm: str = MIXTURE
    vocabulary: str = KEEP_BASE
    calibrate: Calibrate | None = None
    heads: Heads | None = None

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def names(self) -> tuple[str, ...]:
        """Task names in order."""
        return tuple(task.name for task in self.tasks)

    @property
    def fits_experts(self) -> bool:
        """Whether layers or heads are fitted to the experts after merging, on validation rows."""
        return self.calibrate is not None or self.heads is not None

    @property
    def taint(self) -> Fitted | None:
        """How what is merged was chosen by rows; None if people or defaults set all of it.

        Beside a search, a coefficient that is left out is no default by itself.
        """
        chosen = any(task.coefficient is None or not task.set_by for task in self.tasks)
        return self.fitted if self.fitted and (chosen or self.fitted.options) else None

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Tasks with a coefficient of which nothing says where it comes from."""
        open_ = tuple(task.name for task in self.tasks if not task.origin)
        if self.fitted is None:
            return open_
        if UNDECLARED_START in self.fitted.used and self.taint:
            return self.names
        return open_ if self.taint and not self.fitted.tasks else ()

    @property
    def digest(self) -> str:
        """Sha256 of the recipe's meaning: checkpoints by digest where recorded, else by path."""
        return self.digest_on(self.base)

    def digest_on(self, base: str) -> str:
        """The same with another name for the base: its digest, which means the same anywhere.

        Numbers have one form: ``strength: 1`` and ``strength: 1.0`` are one recipe.
        """
        return self._digest(base, {key: _number(value) for key, value in self.options.items()})

    def is_recorded_as(self, digest: str, base: str) -> bool:
        """Whether a recorded digest is this recipe's, also as 0.1.0 took it: numbers as written."""
        return digest in (self.digest_on(base), self._digest(base, self.options))

    def _digest(self, base: str, options: Mapping[str, Option]) -> str:
        plain: dict = self.plain() | {"base": base, "options": dict(options)}
        for task in plain["tasks"]:
            if "digest" in task:
                task.pop("checkpoint")
            given = task.get("coefficient")
            if isinstance(given, dict):  # the order of the patterns counts
                groups = [(pattern, _number(x)) for pattern, x in given["groups"].items()]
                task["coefficient"] = {"default": _number(given["default"]), "groups": groups}
            elif given is not None:
                task["coefficient"] = _number(given)
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    def plain(self) -> dict:
        """The recipe as it stands in a file, with absolute paths."""
        tasks = []
        for task in self.tasks:
            entry: dict = {"name": task.name, "checkpoint": task.checkpoint}
            if isinstance(task.coefficient, GroupedCoefficient):
                entry["coefficient"] = {
                    "default": task.coefficient.default,
                    "groups": dict(task.coefficient.groups),
                }
            elif task.coefficient is not None:
                entry["coefficient"] = task.coefficient
            if task.set_by and task.coefficient is not None:
                entry["set_by"] = task.set_by
            if task.digest:
                entry["digest"] = task.digest
            tasks.append(entry)
        plain = {"base": self.base, "tasks": tasks, "method": self.method}
        plain["options"] = dict(sorted(self.options.items()))
        if self.options_set_by:
            plain["options_set_by"] = self.options_set_by
        if self.dtype:
            plain["dtype"] = self.dtype
        if self.batch_norm != MIXTURE:
            plain["batch_norm"] = self.batch_norm
        if self.vocabulary != KEEP_BASE:
            plain["vocabulary"] = self.vocabulary
        if self.calibrate is not None:
            plain["calibrate"] = self.calibrate.plain()
        if self.heads is not None:
            plain["heads"] = self.heads.plain()
        plain["seed"] = self.seed
        return plain | ({"fitted": self.fitted.plain()} if self.fitted else {})

    def without(self, *names: str) -> "Recipe":
        """Exact unmerge: the same recipe, as if the named tasks had never been in it.

        Raises:
            BadRecipe: a name is not in the recipe.
        """
        self._refuse_unknown(names)
        return replace(self, tasks=tuple(task for task in self.tasks if task.name not in names))

    def silenced(self, *names: str) -> "Recipe":
        """Algebraic unmerge (MDM-OC, Eq. 8): coefficient 0, the tasks stay in the basis.

        Raises:
            BadRecipe: a name is not in the recipe.
        """
        self._refuse_unknown(names)
        return self.with_coefficients(dict.fromkeys(names, 0.0))

    def with_coefficients(self, coefficients: Mapping[str, Coefficient]) -> "Recipe":
        """The same recipe with other coefficients for the tasks named, set by nobody."""
        tasks = (
            replace(t, coefficient=coefficients[t.name], set_by="") if t.name in coefficients else t
            for t in self.tasks
        )
        return replace(self, tasks=tuple(tasks))

    def with_digests(self, digests: Mapping[str, str]) -> "Recipe":
        """The same recipe with the checkpoint digests of the tasks named."""
        tasks = (replace(t, digest=digests.get(t.name, t.digest)) for t in self.tasks)
        return replace(self, tasks=tuple(tasks))

    def _refuse_unknown(self, names: tuple[str, ...]) -> None:
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise BadRecipe(
                f"The recipe has no task {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(self.names) or 'none'}."
            )


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe file; paths in it are relative to the file.

    Raises:
        BadRecipe: naming the key and what is wrong with it.
    """
    path = Path(os.path.abspath(path))
    if path.is_dir():
        raise BadRecipe(f"{path} is a folder; {_WANTED}.")
    data = read_mapping(path, BadRecipe)
    if "merge_method" in data:
        raise BadRecipe(f"{path} is a configuration of mergekit; convert it to a recipe first.")
    return parse_recipe(data, path.parent, str(path))


def save_recipe(recipe: Recipe, path: str | Path) -> None:
    """Write a recipe with paths relative to the file where that is possible."""
    write_file(Path(path), recipe_text(recipe, Path(path)))


def recipe_text(recipe: Recipe, path: Path) -> str:
    """What stands in a recipe file at ``path``, as JSON or YAML."""
    plain = recipe.plain()
    folder = Path(os.path.abspath(path)).parent
    for entry, key in [(plain, "base"), *((task, "checkpoint") for task in plain["tasks"])]:
        entry[key] = _relative(entry[key], folder)
    if path.suffix == ".json":
        return json.dumps(plain, indent=1)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _refuse_zoo(data: dict, where: str) -> None:
    """Refuse a zoo, which names no method and has what no recipe has."""
    tasks = data.get("tasks")
    listed = [x for x in tasks if isinstance(x, dict)] if isinstance(tasks, list) else []
    own = "name" in data or any(key in task for task in listed for key in _ZOO_KEYS)
    if own and "method" not in data:
        raise BadRecipe(f"{where} is a zoo and says no method; {_WANTED}.")


def parse_recipe(data: dict, folder: Path, where: str, least: int = 0) -> Recipe:
    """A recipe of at least so many tasks, from the content of a file that lies in ``folder``.

    One without tasks is the base.

    Raises:
        BadRecipe: naming the key and what is wrong with it.
        SeveralBadInRecipe: the same for every mistake.
    """
    _refuse_zoo(data, where)
    wrong = Findings(where, several=SeveralBadInRecipe)
    wrong.tried(lambda: only_keys(data, _KEYS, where, BadRecipe))
    entries = data.get("tasks")
    if not isinstance(entries, list) or len(entries) < least:
        words = "lists no tasks; it needs at least one" if least else "has no list of tasks"
        wrong.add(BadRecipe(f"{where} {words}."))
        entries = []
    tasks = [
        wrong.tried(partial(_task, entry, folder, f"{where}: task {i}"))
        for i, entry in enumerate(entries, 1)
    ]
    for one, other in same_names(task.name for task in tasks if task):
        wrong.add(BadRecipe(f"{where} names {twice(one, other)}"))
    dtype = wrong.tried(partial(_one_of, data, "dtype", DTYPES, where))
    batch_norm = wrong.tried(partial(_one_of, data, "batch_norm", BATCH_NORMS, where))
    vocabulary = wrong.tried(partial(_one_of, data, "vocabulary", VOCABULARIES, where))
    calibrate = wrong.tried(lambda: parse_calibrate(data.get("calibrate"), where))
    heads = wrong.tried(lambda: parse_heads(data.get("heads"), where))
    base = wrong.tried(lambda: resolve_source(text_field(data, "base", where, BadRecipe), folder))
    method = wrong.tried(lambda: _method_name(data, where))
    options = wrong.tried(lambda: _options(data.get("options") or {}, where))
    seed = wrong.tried(lambda: parse_seed(data, where))
    set_by = wrong.tried(lambda: _options_set_by(data, where))
    fitted = data.get("fitted") or None
    found = wrong.tried(lambda: parse_fitted(fitted, where)) if fitted else None
    wrong.refuse()
    return Recipe(
        base or "", tuple(task for task in tasks if task), method or "", options or {}, dtype,
        seed or 0, found, set_by or "", batch_norm or MIXTURE, vocabulary or KEEP_BASE, calibrate,
        heads,
    )  # fmt: skip


def _options_set_by(data: dict, where: str) -> str:
    set_by = data.get("options_set_by", "")
    if set_by not in ("", PERSON):
        raise BadRecipe(f"{where}: options_set_by is {set_by!r}; it is '{PERSON}'.")
    return set_by


def parse_calibrate(data: object, where: str) -> Calibrate | None:
    """How a mix is calibrated, as it stands in a recipe file; None where it is not.

    Raises:
        BadRecipe: naming the key and what is wrong with it.
    """
    if data is None:
        return None
    where = f"{where}: calibrate"
    data = mapping(data, where, BadRecipe)
    only_keys(data, _CALIBRATE_KEYS, where, BadRecipe)
    rows, pull = _rows_and_pull(data, Calibrate.rows, Calibrate.pull, where)
    share = finite(data.get("share", Calibrate.share), f"{where}: share")
    if not 0 <= share <= 1:
        raise BadRecipe(f"{where}: share is {share:g}; it is from 0 to 1.")
    length = data.get("length")
    if length is not None and not 0 <= finite(length, f"{where}: length") <= 100:
        raise BadRecipe(f"{where}: length is {length!r}; it is from 0 to 100, or left out.")
    return Calibrate(rows, share, pull, None if length is None else float(length))


def parse_heads(data: object, where: str) -> Heads | None:
    """How heads are refitted, as it stands in a recipe file; None where they are not.

    Raises:
        BadRecipe: naming the key and what is wrong with it.
    """
    if data is None:
        return None
    where = f"{where}: heads"
    data = mapping(data, where, BadRecipe)
    only_keys(data, _HEADS_KEYS, where, BadRecipe)
    return Heads(*_rows_and_pull(data, Heads.rows, Heads.pull, where))


def _rows_and_pull(data: dict, rows: int, pull: float, where: str) -> tuple[int, float]:
    """How many rows are read, and how hard is pulled, or else as many and as hard as is usual."""
    rows = data.get("rows", rows)
    if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= _MOST_ROWS:
        raise BadRecipe(f"{where}: rows {rows!r} is not a whole number from 1 to {_MOST_ROWS:,}.")
    pull = finite(data.get("pull", pull), f"{where}: pull")
    if not 1e-6 <= pull <= 1e6:
        raise BadRecipe(f"{where}: pull is {pull:g}; it is from 1e-6 to 1e6.")
    return rows, pull


def _one_of(data: dict, key: str, known: Sequence[str], where: str) -> str | None:
    """What a key of a recipe says, None if it is not there."""
    value = data.get(key)
    if value is not None and value not in known:
        raise BadRecipe(f"{where}: {key} {value!r} is not one of {', '.join(known)}.")
    return value


def _method_name(data: dict, where: str) -> str:
    if isinstance(data.get("method"), dict):
        raise BadRecipe(
            f"{where}: 'method' is {data['method']!r}; it must be the name of a method alone. What "
            "the method is told stands beside it, under 'options'."
        )
    return text_field(data, "method", where, BadRecipe)


def parse_fitted(data: object, where: str) -> Fitted:
    """How coefficients were found, as it stands in a recipe file.

    Raises:
        BadRecipe: naming the key and what is wrong with it.
    """
    where = f"{where}: fitted"
    data = mapping(data, where, BadRecipe)
    only_keys(data, _FITTED_KEYS, where, BadRecipe)
    tasks = mapping(data.get("tasks"), f"{where}: tasks", BadRecipe)
    if not tasks:
        raise BadRecipe(f"{where}: 'tasks' is empty; it names every checkpoint that took part.")
    used, options = (_names(data.get(key, []), key, where) for key in ("used", "options"))
    pairs = []
    for name, found in tasks.items():
        many = _names(found, name, where) if isinstance(found, list) else ()
        digests = many or (text_field(tasks, name, f"{where}: tasks", BadRecipe),)
        pairs += [(name, digest) for digest in digests]
    by = text_field(data, "by", where, BadRecipe)
    return Fitted(by, tuple(pairs), parse_seed(data, where), used, options)


def _names(found: object, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadRecipe(f"{where}: '{key}' is {found!r}; it must be a list of names.")
    return tuple(found)


def parse_seed(data: dict, where: str) -> int:
    """A mapping's seed, 0 without one; a BadRecipe unless it is from 0 to 2^63 - 1."""
    seed = data.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise BadRecipe(f"{where}: seed {seed!r} is not a whole number from 0 to 2^63 - 1.")
    return seed


def _task(entry: object, folder: Path, where: str) -> TaskEntry:
    entry = mapping(entry, where, BadRecipe)
    only_keys(entry, _TASK_KEYS, where, BadRecipe)
    name = task_name(text_field(entry, "name", where, BadRecipe), where, BadRecipe)
    coefficient = entry.get("coefficient")
    if coefficient is not None:
        coefficient = _coefficient(coefficient, f"'{name}'")
    set_by = entry.get("set_by", "")
    if set_by not in ("", PERSON, DEFAULT):
        raise BadRecipe(f"{where}: set_by is {set_by!r}; it is '{PERSON}' or '{DEFAULT}'.")
    return TaskEntry(
        name=name,
        checkpoint=resolve_source(text_field(entry, "checkpoint", where, BadRecipe), folder),
        coefficient=coefficient,
        digest=None
        if entry.get("digest") is None
        else text_field(entry, "digest", where, BadRecipe),
        set_by=set_by,
    )


def _coefficient(value: object, task: str) -> Coefficient:
    if not isinstance(value, dict):
        return finite(value, f"The coefficient of {task}")
    only_keys(value, ("default", "groups"), f"The coefficient of {task}", BadRecipe)
    groups = mapping(value.get("groups", {}), f"The coefficient groups of {task}", BadRecipe)
    if "default" not in value:
        raise BadRecipe(f"The coefficient of {task} has groups but no default.")
    return GroupedCoefficient(
        finite(value["default"], f"The default coefficient of {task}"),
        tuple(
            (key, finite(x, f"The coefficient of {task} for '{key}'")) for key, x in groups.items()
        ),
    )


def finite(value: object, what: str) -> float:
    """``value`` as a float.

    Raises:
        BadRecipe: it is no number, or NaN or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRecipe(f"{what} is {value!r}; it must be a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadRecipe(f"{what} is {value}; it must be a finite number.")
    return number


def task_name(name: str, where: str, error: type[StudioError]) -> str:
    """``name`` in Unicode's composed form (NFC), if every system takes it for a folder name."""
    name = unicodedata.normalize("NFC", name)
    if (
        len(name) > 100
        or len(name.encode("utf-8", "replace")) > _LONGEST_NAME
        or name.startswith((".", " "))
        or name.endswith((".", " "))
        or not name.isprintable()
        or not any(_is_seen(each) for each in name)
        or set(name) & set('/\\:*?"<>|')
        or name.partition(".")[0].rstrip().upper() in _DEVICES
    ):
        raise error(
            f"{where}: {name[:100]!r} is no task name; use at most 100 printable characters, "
            'none of / \\ : * ? " < > |, no dot or space at either end, one that can be seen, and '
            "no name of a device such as CON or LPT1."
        )
    return name


def _is_seen(letter: str) -> bool:
    """Whether a printable letter shows something by itself; marks need one before them."""
    return letter not in _BLANK and unicodedata.category(letter)[0] not in "MZ"


def twice(one: str, other: str) -> str:
    """What is wrong with two names that are taken for one."""
    if one == other:
        return f"the task '{one}' twice; names must differ."
    return f"the tasks '{one}' and '{other}'; names must differ by more than capitals."


def same_names(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that some system takes for one: they differ at most in capitals."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        if key in seen:
            found.append((seen[key], name))
        seen.setdefault(key, name)
    return found


def _options(options: object, where: str) -> dict[str, Option]:
    options = mapping(options, f"{where}: options", BadRecipe)
    for key, value in options.items():
        if value is not None and not isinstance(value, str | int | float | bool):
            raise BadRecipe(f"{where}: option '{key}' is {value!r}; it must be a single value.")
    return options


def _number(value: Option) -> Option:
    """A whole number as the decimal that it equals; everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53:
        return value
    return float(value)


def _relative(source: str, folder: Path) -> str:
    if not Path(source).is_absolute():
        return source
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # another drive
        return source

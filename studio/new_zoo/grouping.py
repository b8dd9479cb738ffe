"""Which models share a base: adapters by the one they name, full models by what fits what."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path

from studio.checkpoints.alignment import join
from studio.checkpoints.checkpoint import Checkpoint, open_base
from studio.disk.files import resolve_source, source_place
from studio.errors import BadCheckpoint, StudioError
from studio.new_zoo.finding import Found, Model
from studio.new_zoo.names import called, renamed

_FOR_TASKS = re.compile(
    r"For(Sequence|Token)Classification|ForImageClassification|ForMultipleChoice"
    r"|ForQuestionAnswering"
)
_CALLED_BASE = re.compile(r"(^|[-_.\s])(base|pretrained|foundation)($|[-_.\s])", re.IGNORECASE)
Allow = Callable[[str, str], None]


@dataclass(frozen=True)
class Member:
    """A model that may become a task of a zoo.

    Attributes:
        name: proposed for the task.
        model: the version that is proposed, the newest.
        versions: all of the same training, the newest first.
        tensors: of the base that it would change.
        parameters: in these tensors.
        notes: what a user should know, a sentence each.
        problem: why it cannot be merged into this base, or None.
    """

    name: str
    model: Model
    versions: tuple[Model, ...]
    tensors: int = 0
    parameters: int = 0
    notes: tuple[str, ...] = ()
    problem: StudioError | None = None


@dataclass(frozen=True)
class Proposal:
    """Models that share a base, as one zoo.

    Attributes:
        base: opened; None if it was not found.
        source: folder or hub id of the base; what the adapters name if it was not found.
        why: this is the base, in a sentence.
        members: by name.
        notes: what a user should know, a sentence each.
    """

    base: Checkpoint | None
    source: str
    why: str
    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Group:
    base: Checkpoint | None
    source: str
    why: str
    models: list[Model] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def propose(
    found: Found,
    base: str | None = None,
    allow: Allow = lambda source, name: None,
    roots: tuple[Path, ...] = (),
) -> list[Proposal]:
    """Zoos of the models that were found: the largest first.

    Args:
        found: by a search.
        base: a folder or hub id that everything is laid over; None to find out.
        allow: called with a source and a word for it before it is touched; raises to forbid it.
        roots: folders into which links of files may lead.

    Raises:
        BadCheckpoint: the base that was asked for cannot be opened.
    """
    opened = partial(_open_base, allow=allow, roots=roots)
    if base is not None:
        chosen = opened(base)
        others = [m for m in found.models if m.folder.resolve() != chosen.folder.resolve()]
        source = resolve_source(base, Path.cwd())
        groups = [_Group(chosen, source, "It is the base that was asked for.", others)]
    else:
        groups = _by_adapters(found, opened)
        _add_full_models(found, groups)
    made = [_proposal(group) for group in groups]
    return sorted(made, key=lambda each: (each.base is None, -len(_fitting(each)), each.source))


def _fitting(proposal: Proposal) -> list[Member]:
    return [member for member in proposal.members if member.problem is None]


def _open_base(source: str, allow: Allow, roots: tuple[Path, ...]) -> Checkpoint:
    source = resolve_source(source, Path.cwd())
    allow(source, "the base")
    base = open_base(source, roots)
    if base.adapter is not None:
        raise BadCheckpoint(f"{source} is an adapter; a base is a full model.")
    return base


def _by_adapters(found: Found, opened: Callable[[str], Checkpoint]) -> list[_Group]:
    """The adapters in groups of those that name the same base."""
    groups: dict[str, _Group] = {}
    for model in (m for m in found.models if m.is_adapter):
        named = base_named(model)
        place, why = _where(named, model, found)
        base, missing = None, ""
        try:
            base = opened(place) if place else None
        except StudioError as problem:
            missing = str(problem)
        key = str(base.folder.resolve()) if base else named
        if key not in groups:
            groups[key] = _Group(base, place if base else named, why if base else "")
            if base is None:
                groups[key].notes.append(_missing(named, missing))
        groups[key].models.append(model)
    return list(groups.values())


def base_named(model: Model) -> str:
    """The base that an adapter's configuration names; empty if it names none."""
    named = model.checkpoint.adapter_config.get("base_model_name_or_path")
    return named.strip() if isinstance(named, str) else ""


def _where(named: str, model: Model, found: Found) -> tuple[str, str]:
    """Where the base lies that an adapter names, and why that is it; empty if nowhere."""
    full = [each for each in found.models if not each.is_adapter]
    if not named:
        if len(full) == 1:
            return str(full[0].folder), "The adapters name no base; it is the only full model."
        return "", ""
    said = f"The adapters name {named}"
    for folder in (model.folder, *list(model.folder.parents)[:3]):
        place = folder / resolve_source(named, folder)
        if _is_model(place):
            return str(place), f"{said}."
    try:
        source_place(named)  # a hub id, in the local cache
    except BadCheckpoint:
        last = re.split(r"[/\\]", named.rstrip("/\\"))[-1].lower()
        alike = [each for each in full if each.folder.name.lower() == last]
        if len(alike) == 1:
            return str(alike[0].folder), f"{said}; {alike[0].folder} has that name."
        return "", ""
    return named, f"{said}, which is in the local hub cache."


def _is_model(place: Path) -> bool:
    try:
        return place.is_dir() and any(
            each.suffix == ".safetensors" or each.name.endswith(".safetensors.index.json")
            for each in place.iterdir()
        )
    except (OSError, ValueError):  # ValueError: no such name can exist
        return False


def _missing(named: str, why: str) -> str:
    if not named:
        return (
            "These adapters name no base (base_model_name_or_path), and there is not just one full "
            "model beside them. Name the base."
        )
    reason = f" ({why})" if why else ""
    return (
        f"These adapters name the base {named}, which was not found beside them{reason}. Name the "
        "folder that it lies in."
    )


def _add_full_models(found: Found, groups: list[_Group]) -> None:
    """Full models join the group into whose base they fit; others make groups of their own."""
    bases = {group.base.folder.resolve() for group in groups if group.base}
    left = [m for m in found.models if not m.is_adapter and m.folder.resolve() not in bases]
    for group in groups:
        if group.base:
            fitting = [model for model in left if _fits(group.base, model)]
            group.models += fitting
            left = [model for model in left if model not in fitting]
    while left:
        family = [left[0], *(m for m in left[1:] if _alike(left[0], m))]
        left = [m for m in left if m not in family]
        groups.append(_family(family))
    _add_orphans(groups)


def _add_orphans(groups: list[_Group]) -> None:
    """Adapters whose base was not found join the first base that they fit, and that is said."""
    orphans = [group for group in groups if group.base is None]
    for group, orphan in product(groups, orphans):
        if group.base:
            fitting = [model for model in orphan.models if _fits(group.base, model)]
            orphan.models = [model for model in orphan.models if model not in fitting]
            group.models += fitting
            names = ", ".join(model.folder.name for model in fitting)
            said = orphan.source or "no base"
            note = f"{names} name {said}; they fit this one, which is taken."
            group.notes += [note] if fitting else []
    groups[:] = [group for group in groups if group.models or group.base]


def _fits(base: Checkpoint, model: Model) -> bool:
    try:
        join(base, model.folder.name, model.checkpoint)
    except StudioError:
        return False
    return True


def _alike(one: Model, other: Model) -> bool:
    """Whether either could be the base of the other."""
    return _fits(one.checkpoint, other) or _fits(other.checkpoint, one)


def _family(models: list[Model]) -> _Group:
    """Full models of one architecture: one of them is taken for the base, and that is said."""
    if len(models) == 1:
        only = models[0]
        why = "It is the only model of its architecture."
        return _Group(only.checkpoint, str(only.folder), why)
    ranked = sorted(models, key=partial(_unlike_a_base, models=models))
    base = ranked[0]
    rest = [model for model in models if model is not base]
    reason = _why_base(base, models)
    notes = [] if reason else [
        f"Nothing tells which of these {len(models)} models is the base; {base.folder.name} is "
        "taken. Name another if that is wrong."
    ]  # fmt: skip
    why = reason or "It is the first of models that all look alike."
    return _Group(base.checkpoint, str(base.folder), why, rest, notes)


def _unlike_a_base(model: Model, models: Sequence[Model]) -> tuple:
    """The lower, the more likely is a full model the base of others."""
    return (
        -_named_by_others(model, models),
        _is_for_a_task(model),
        not _CALLED_BASE.search(model.folder.name),
        model.version is not None,
        -sum(_fits(model.checkpoint, other) for other in models if other is not model),
        str(model.folder),
    )


def _named_by_others(model: Model, models: Sequence[Model]) -> int:
    """How many configurations name a model's folder as what they were trained from."""
    own = {str(model.folder), model.folder.name}
    named = [
        str(each.checkpoint.config.get("_name_or_path", "")).rstrip("/")
        for each in models if each is not model
    ]  # fmt: skip
    return sum(each in own or each.rpartition("/")[2] == model.folder.name for each in named)


def _is_for_a_task(model: Model) -> bool:
    classes = model.checkpoint.config.get("architectures")
    return bool(_FOR_TASKS.search(str(classes)))


def _why_base(base: Model, models: Sequence[Model]) -> str:
    """What tells that a full model is the base of the others; empty if nothing does."""
    others = [each for each in models if each is not base]
    if count := _named_by_others(base, models):
        return f"{count} of the other models name it in their config.json."
    if not _is_for_a_task(base) and all(map(_is_for_a_task, others)):
        return "It is the only one without a head for a task."
    called = [m for m in models if _CALLED_BASE.search(m.folder.name)]
    return "Its folder is called so." if called == [base] else ""


def _proposal(group: _Group) -> Proposal:
    runs: dict[Path, list[Model]] = {}
    for model in group.models:
        runs.setdefault(model.run, []).append(model)
    members = []
    for versions in runs.values():
        newest = sorted(versions, key=_age)
        members.append(_member(group.base, newest))
    named = _unique(members)
    said = (renamed(each.model.folder, each.name) for each in named)
    notes = (*group.notes, *filter(None, said))
    return Proposal(group.base, group.source, group.why, tuple(named), notes)


def _age(model: Model) -> tuple[bool, int]:
    """The newest first: what a training leaves in its own folder, then the highest number."""
    return (model.version is not None, -(model.version or 0))


def _member(base: Checkpoint | None, versions: list[Model]) -> Member:
    model = versions[0]
    made = Member(called(model.folder), model, tuple(versions), notes=model.checkpoint.notes)
    if base is None:
        return made
    try:
        joined = join(base, made.name, model.checkpoint)
    except StudioError as problem:
        return replace(made, problem=problem)
    shared = sum(base.weights.entries[name].numel for name in joined.shared)
    notes = (*made.notes, *joined.notes)
    return replace(made, tensors=len(joined.shared), parameters=shared, notes=notes)


def _unique(members: Iterable[Member]) -> list[Member]:
    """The members by name, of which no two are alike to any file system."""
    taken, named = set(), []
    for member in sorted(members, key=lambda each: (each.name.casefold(), str(each.model.folder))):
        name, number = member.name, 2
        while (key := unicodedata.normalize("NFC", name.casefold())) in taken:
            name, number = f"{member.name}-{number}", number + 1
        taken.add(key)
        named.append(replace(member, name=name))
    return named

"""Who takes part in a configuration of mergekit: the base, and tasks with a name each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import hub_id, resolve_source
from studio.errors import BadRecipe, Remedy, StudioError
from studio.methods.mergekit.configuration import Configuration, Input
from studio.methods.mergekit.reference import Reference
from studio.recipe import same_names, task_name

_BASE_IS_AN_END = ("slerp",)
_BASE_IS_AN_INPUT = ("linear",)
_BASE_IS_OPTIONAL = ("nuslerp",)
_FOREIGN = re.compile(r'[\\:*?"<>|]|^[. ]+|[. ]+$')


@dataclass(frozen=True)
class Participants:
    """Base and tasks of a configuration.

    Attributes:
        base: its folder or hub id.
        inputs: the models whose parameters count, in order.
        owners: per input its task's name; empty for the base.
        tasks: checkpoint by name, in order.
    """

    base: str
    inputs: tuple[Input, ...]
    owners: tuple[str, ...]
    tasks: Mapping[str, str]


def participants(
    given: Configuration,
    where: str,
    folder: Path,
    base: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Participants:
    """The base that deltas are taken from, and a task per model that is not it.

    Args:
        given: the configuration.
        where: names the file in errors.
        folder: that relative paths start from.
        base: of the deltas, where the method of mergekit needs no such model.
        names: of tasks, by checkpoint; others are called as the last part of their path.

    Raises:
        BadRecipe: the base is missing or ambiguous, an adapter is for another one, or nothing is
            merged with it.
    """
    known = _Known(folder, where)
    chosen = known.base(given, base)
    inputs = _inputs(given, where)
    ends = _is_between_models(given)
    if not ends and given.method not in _BASE_IS_AN_INPUT:
        inputs = tuple(each for each in inputs if known.is_not(each.reference, chosen))
    found: dict[str, str] = {}
    owners = []
    for each in inputs:
        if not known.is_not(each.reference, chosen):
            owners.append("")
            continue
        checkpoint = known.checkpoint(each.reference, chosen)
        name = (names or {}).get(checkpoint) or _unused(_called(checkpoint, where), found)
        owners.append(name)
        found[name] = checkpoint
    if not found:
        raise BadRecipe(f"{where} lists no model beside the base.")
    if ends and "" in owners:
        raise BadRecipe(
            f"{where}: one of the two models of {given.method} is the base that deltas are taken "
            "from, and so changes nothing. Name the model that both were made from as the base."
        )
    return Participants(chosen, inputs, tuple(owners), found)


def _is_between_models(given: Configuration) -> bool:
    """Whether it goes from one model to another, whatever both were made from."""
    alone = given.method in _BASE_IS_OPTIONAL and given.base is None
    return alone or given.method in _BASE_IS_AN_END


def _inputs(given: Configuration, where: str) -> tuple[Input, ...]:
    """The listed models; where the base is one of the models, also if it is not listed."""
    found = given.inputs
    base = given.base
    if base is None or given.method not in (*_BASE_IS_AN_END, *_BASE_IS_AN_INPUT):
        return found
    listed = next((each for each in found if each.reference == base), None)
    if given.method in _BASE_IS_AN_INPUT:
        return found if listed else (*found, Input(base, {}))
    others = tuple(each for each in found if each is not listed)
    return (listed or Input(base, {}), *others)


@dataclass(frozen=True)
class _Known:
    """Where references lead."""

    folder: Path
    where: str

    def base(self, given: Configuration, base: str | None) -> str:
        """The model that deltas are taken from."""
        if given.base is not None and given.base.lora:
            raise BadRecipe(
                f"{self.where}: base_model is '{given.base.words}', an adapter; deltas are taken "
                "from a full model."
            )
        own = self._at(given.base.model) if given.base else None
        ends = _is_between_models(given)
        if given.method in _BASE_IS_AN_INPUT or ends:
            if given.method in _BASE_IS_AN_END and own is None:
                raise BadRecipe(f"{self.where}: {given.method} needs a base_model, where t is 0.")
            worn = {self._at(e.reference.model) for e in given.inputs if e.reference.lora}
            found = base or (worn.pop() if len(worn) == 1 else None) or (None if ends else own)
            if found is None:
                raise BadRecipe(
                    f"{self.where} does not say what its models were made from: {given.method} "
                    "needs no such model in mergekit, and a recipe does.",
                    Remedy.NAME_BASE,
                )
            return found
        if own is None:
            raise BadRecipe(
                f"{self.where}: base_model is missing; deltas are taken from it in {given.method}."
            )
        if base is not None and not _same(own, base):
            raise BadRecipe(
                f"{self.where}: base_model is {own}, and the base is to be {base}. Both must be "
                "one model."
            )
        return base or own

    def is_not(self, reference: Reference, base: str) -> bool:
        """Whether a reference is another model than the base."""
        return bool(reference.lora) or not _same(self._at(reference.model), base)

    def checkpoint(self, reference: Reference, base: str) -> str:
        """The folder of a full model, or of an adapter for this base."""
        if reference.lora and not _same(self._at(reference.model), base):
            raise BadRecipe(
                f"{self.where}: '{reference.words}' is an adapter on another model than the base, "
                f"{base}. Merge it into its model first."
            )
        return self._at(reference.lora or reference.model)

    def _at(self, place: str) -> str:
        return resolve_source(place, self.folder)


def _same(one: str, other: str) -> bool:
    return one == other or (Path(one).exists() and Path(one).resolve() == Path(other).resolve())


def _called(checkpoint: str, where: str) -> str:
    named = hub_id(checkpoint)
    whole = named[0] if named else checkpoint.rstrip("/")
    last = _FOREIGN.sub("-", whole.rpartition("/")[2])[:90]
    try:
        return task_name(last, where, BadRecipe)
    except StudioError:
        return "model"


def _unused(name: str, taken: Mapping[str, str]) -> str:
    tried, number = name, 1
    while same_names([*taken, tried]):
        number += 1
        tried = f"{name}-{number}"
    return tried

"""How an adapter's modules fit a base: the frame of their names, their targets, their shapes."""

from collections.abc import Mapping
from dataclasses import dataclass

from studio.checkpoints.adapter import Module
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.frame import Frame, frames
from studio.checkpoints.joint import joined
from studio.checkpoints.names import Names, is_head, named
from studio.checkpoints.parameters import ParameterModule, on_parameters
from studio.checkpoints.stored_names import COPY
from studio.checkpoints.ties import base_copies, one_tensor
from studio.errors import BadCheckpoint, ShapeMismatch, some


@dataclass(frozen=True)
class Fit:
    """Where an adapter's names stand in the base's.

    Attributes:
        ours: names of the base.
        tied: {name of the base's: stored name} of all that is one tensor with a stored one.
        frame: of the adapter's, as the base's class has them.
        located: {module: base name}, where the adapter's file does not name it by its path.
        modules: of the adapter, by name; what is trained of parameters themselves is one module
            per tensor of the base.
        copies: see ``Join``.
        notes: a sentence each.
    """

    ours: Names
    tied: Mapping[str, str]
    frame: Frame
    located: Mapping[str, str]
    modules: Mapping[str, Module]
    copies: tuple[str, ...]
    notes: tuple[str, ...]

    def base_name(self, name: str) -> str | None:
        """The stored name of the base's tensor that an adapter calls so; None if it has none."""
        return self.ours.stored.get(self.frame.base_name(self.ours.named(name)) or "")

    def target(self, name: str) -> str | None:
        """The same for what factors are added to: a tied tensor is changed where it is stored."""
        own = self.frame.base_name(self.ours.named(name)) or ""
        return self.tied.get(own) or self.ours.stored.get(own)

    def copied(self, shared: Mapping[str, str], private: Mapping[str, str]) -> dict[str, str]:
        """``{name among the private ones: base name}`` of copies that PEFT saved below factors."""
        ends = {
            name: name.removesuffix(COPY) + ".weight" for name in private if name.endswith(COPY)
        }
        found = {name: self.tied.get(target, target) for name, target in ends.items()}
        return {name: target for name, target in found.items() if target in shared}

    def beside(
        self, shared: Mapping[str, str], private: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        """(base name, stored name) of those copies, and of what the base ties to one of its own."""
        found = [(target, private[name]) for name, target in self.copied(shared, private).items()]
        tied = ((self.ours.tie_of(name), stored) for name, stored in private.items())
        return found + [(target, stored) for target, stored in tied if target]

    def sorted_others(
        self, checkpoint: Checkpoint
    ) -> tuple[dict[str, str], dict[str, str], list[str], list[str]]:
        """Tensors trained whole, those of a head, those that are neither, and what nobody reads.

        Raises:
            BadCheckpoint: two of them are the same tensor of the base.
        """
        saved = _texts(checkpoint.adapter_config.get("modules_to_save"))
        firsts = {name.split(".")[0] for name in self.ours.stored}
        whole, private, odd, unread = {}, {}, [], []
        for name, stored in checkpoint.sorted_names.others.items():
            base_name = self.base_name(name) or self._by_ending(name)
            plain = name.removeprefix(self.frame.prefix)
            if base_name and not is_head(base_name):
                if base_name in whole:
                    raise BadCheckpoint(
                        f"{checkpoint.folder} holds {base_name} both as {stored} and as "
                        f"{whole[base_name]}; it is not clear which to merge."
                    )
                whole[base_name] = stored
            elif self.ours.unread(name):
                unread.append(stored)
            elif (
                name.endswith(COPY)
                or is_head(plain)
                or self.ours.tie_of(plain)
                or any(each in name.split(".") for each in saved)
                or self.ours.of_head(name, self.frame.prefix, firsts)
            ):
                private[plain] = stored
            else:
                odd.append(plain)
        return whole, private, odd, unread

    def _by_ending(self, name: str) -> str | None:
        """The one tensor of the base whose name ends so, for names without their front parts."""
        found = [stored for own, stored in self.ours.stored.items() if own.endswith(f".{name}")]
        return found[0] if len(found) == 1 else None


def fitted(base: Checkpoint, task: str, checkpoint: Checkpoint) -> Fit:
    """Find where an adapter's names stand in the base's.

    Raises:
        ShapeMismatch: nowhere, naming what the base lacks.
        BadCheckpoint: in several places.
    """
    ours = named(base, base)
    copies, tied = base_copies(ours), one_tensor(ours)
    notes = _another_base(base, checkpoint)
    found = checkpoint.sorted_names
    located = _located(base, task, checkpoint)
    if located is not None:
        return Fit(ours, {}, Frame("", "", 0, ()), located, found.modules, copies, notes)
    modules, located = on_parameters(ours, task, checkpoint)
    wanted = [m.target for key, m in modules.items() if key not in located and not m.optional]
    at = {**tied, **ours.stored}
    if not wanted and located:  # on parameters alone, whose names the base's file may not have
        wanted = [modules[key].target for key in located]
        at |= {module.own: name for key, name in located.items()
               if isinstance(module := modules[key], ParameterModule)}  # fmt: skip
    wanted = wanted or list(found.others)
    own = {ours.named(name): name for name in wanted}
    found_frames = frames(list(at), (), own)
    fitting = [f for f in found_frames if _holds(f, own, at)]
    fitting = [f for f in fitting if not f.inside] or _of_the_class(fitting, ours, checkpoint)
    if len(fitting) == 1:
        told = (*notes, *_moved(fitting[0], own, at))
        return Fit(ours, tied, fitting[0], located, modules, copies, told)
    if fitting:
        places = " and ".join(repr(f.inside or f.prefix) for f in fitting[:5])
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}): the modules that it changes are in the base "
            f"{len(fitting)} times, under {places}; it is not clear which are meant."
        )
    raise _absent_modules(base, task, checkpoint, ours, own, at, found_frames)


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _holds(frame: Frame, own: Mapping[str, str], at: Mapping[str, str]) -> bool:
    return all(frame.base_name(name) in at for name in own)


def _of_the_class(found: list[Frame], ours: Names, checkpoint: Checkpoint) -> list[Frame]:
    """Of several frames that inside the class that the adapter was trained on, if it names one."""
    mapping = checkpoint.adapter_config.get("auto_mapping")
    trained = mapping.get("base_model_class") if isinstance(mapping, dict) else None
    if len(found) < 2 or not isinstance(trained, str) or ours.base is None:
        return found
    modules, stem = ours.base.modules, trained.removesuffix("Model")
    return [f for f in found if modules.get(f.inside[:-1], "").startswith(stem)] or found


def _moved(frame: Frame, own: Mapping[str, str], at: Mapping[str, str]) -> list[str]:
    """What is changed under another name, beside a prefix."""
    pairs = [(name, at[frame.base_name(own_name) or ""]) for own_name, name in own.items()]
    moved = [(a, b) for a, b in sorted(pairs) if a.removeprefix(frame.prefix) != b]
    if not moved:
        return []
    return [
        f"{len(moved)} modules have other names in it: {moved[0][0]} is the base's {moved[0][1]}, …"
    ]


def _another_base(base: Checkpoint, checkpoint: Checkpoint) -> tuple[str, ...]:
    """A warning where an adapter names another base than the one that it is merged on."""
    said = checkpoint.adapter_config.get("base_model_name_or_path")
    known = {base.folder.name, str(base.config.get("_name_or_path", "")).rstrip("/").split("/")[-1]}
    known |= {part.split("--")[-1] for part in base.folder.parts if part.startswith("models--")}
    if not isinstance(said, str) or not said or said.rstrip("/").split("/")[-1] in known:
        return ()
    return (f"It names the base {said!r}; it is merged on {base.folder.name!r}.",)


def _absent_modules(
    base: Checkpoint, task: str, checkpoint: Checkpoint, ours: Names, own: Mapping[str, str],
    at: Mapping[str, str], found: list[Frame],
) -> ShapeMismatch:  # fmt: skip
    """Why no frame holds all modules: what the best one lacks, by its own cause if it has one."""
    best = next(iter(found), Frame("", "", 0, ()))
    missing = [name for inner, name in own.items() if best.base_name(inner) not in at]
    _explain(ours, base, task, checkpoint, missing, best.prefix)
    return ShapeMismatch(
        f"'{task}' ({checkpoint.folder}) changes "
        f"{some([name.removesuffix('.weight') for name in missing])}, which the base does not have "
        f"under any one prefix ({len(missing)} of the {len(own)} that it changes). The adapter "
        "belongs to another base model."
    )


def targets(
    task: str, checkpoint: Checkpoint, fit: Fit
) -> tuple[dict[str, str], dict[str, Module]]:
    """{base name: name of the module that changes it}, and the modules by these names.

    What is trained under both names of a tied tensor is added up, as PEFT does.

    Raises:
        BadCheckpoint: two modules change one tensor.
    """
    shared: dict[str, str] = {}
    modules = dict(fit.modules)
    for key, module in fit.modules.items():
        name = fit.located.get(key) or fit.target(module.target)
        if name is None and module.optional:
            continue
        assert name is not None
        if name in shared:
            both = f"{shared[name]} and {key}"
            joint = joined(modules[shared[name]], module) if name in fit.tied.values() else None
            if joint is None:
                why = (
                    "They are tied, and lengths (DoRA) of both cannot be set; merge the adapter "
                    "into its base and use the full model instead."
                    if name in fit.tied.values()
                    else "Leave one out."
                )
                raise BadCheckpoint(
                    f"'{task}' ({checkpoint.folder}) changes {name} twice, by {both}. {why}"
                )
            modules[both], key = joint, both
        shared[name] = key
    return shared, modules


def refuse_odd(task: str, checkpoint: Checkpoint, odd: list[str]) -> None:
    """Refuse tensors that a merge would lose.

    Raises:
        ShapeMismatch: naming them.
    """
    if odd:
        raise ShapeMismatch(
            f"'{task}' ({checkpoint.folder}) holds {some(odd)}, which neither the base has nor a "
            "head that it saved. A merge would lose it."
        )


def _located(base: Checkpoint, task: str, checkpoint: Checkpoint) -> dict[str, str] | None:
    assert checkpoint.adapter is not None
    try:
        return checkpoint.adapter.located(checkpoint.sorted_names.modules, base.names)
    except ShapeMismatch as problem:
        raise ShapeMismatch(f"'{task}' ({checkpoint.folder}): {problem}") from None


def _explain(
    ours: Names, base: Checkpoint, task: str, checkpoint: Checkpoint, missing: list[str],
    prefix: str,
) -> None:  # fmt: skip
    """Refuse by its own cause what has one: a head that the base lacks, a bias that it lacks."""
    assert checkpoint.adapter is not None
    plain = [name.removeprefix(prefix) for name in missing]
    firsts = {name.split(".")[0] for name in ours.stored}
    if missing and all(ours.is_foreign_head(name, prefix, firsts) for name in missing):
        whose = f" ({ours.base.model_class})" if ours.base else ""
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains {checkpoint.adapter.part} on {some(plain)}, a "
            f"head that the base{whose} does not hold. Use a base that was saved with that head, "
            "or merge the adapter into its own base and use the full model instead."
        )
    shapes = base.shapes
    stacked = {name.rpartition(".")[0] for name in base.names if len(shapes[name]) == 3}
    fused = [path for name in plain if (path := name.removesuffix(".weight")) in stacked]
    if fused:
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains {checkpoint.adapter.part} on parameters of "
            f"{some(fused)} itself (fused experts), but its options do not name them: "
            "target_parameters in its config must be what the adapter was trained with."
        )
    biases = [name for name in plain if name.endswith(".bias")]
    if biases and len(biases) == len(plain):
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains biases (lora_bias) of {some(biases)}, but the "
            "base's layers have no bias; PEFT cannot merge them either."
        )

"""LoRA files of image trainers (Kohya): no config, paths with underscores, alphas as tensors."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.checkpoints.adapter import INSTEAD, Adapter, Module, Shapes, Sorted
from studio.checkpoints.lora import CONFIG_FILE, LoraModule
from studio.checkpoints.weights import Weights
from studio.errors import BadCheckpoint, ShapeMismatch

_PARTS = {".lora_down.weight": "a", ".lora_up.weight": "b", ".alpha": "alpha"}
_FOREIGN = (".lora_A.", ".lora_B.", "lora_linear_layer.", ".lora.down.", ".lora.up.")


@dataclass(frozen=True)
class Kohya(Adapter):
    """A file of such factors; what stands for options are its own tensors.

    Attributes:
        alphas: (name of a module, alpha); without one, alpha is the rank.
    """

    alphas: tuple[tuple[str, float], ...]

    kind = "LoRA (Kohya)"

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def plain(self) -> dict:
        """See ``Adapter``: the alphas are tensors, and are hashed as such."""
        return {"kind": "kohya"}

    def sort_names(self, shapes: Shapes, folder: Path) -> Sorted:
        """See ``Adapter``."""
        found: dict[str, dict[str, str]] = {}
        for name in shapes:
            suffix = next((suffix for suffix in _PARTS if name.endswith(suffix)), None)
            if suffix is None or "." in name.removesuffix(suffix):
                raise BadCheckpoint(
                    f"{folder}: {name} is a kind of tensor of Kohya's LoRA files that is not "
                    f"supported; {INSTEAD}."
                )
            found.setdefault(name.removesuffix(suffix), {})[_PARTS[suffix]] = name
        alphas, modules = dict(self.alphas), {}
        for path, parts in found.items():
            if missing := [part for part in "ab" if part not in parts]:
                partner = {"a": "lora_down", "b": "lora_up"}[missing[0]]
                raise BadCheckpoint(f"{folder}: {path} has no {partner}.")
            rank = (shapes[parts["a"]] or (0,))[0]
            scale = alphas.get(path, float(rank)) / max(rank, 1)
            names = parts["a"], parts["b"], None
            modules[path] = LoraModule(path, *names, False, rank, scale, False)
        notes = [
            f"{len(modules)} modules have Kohya's names, underscores for dots: each is the one "
            "module of the base with that path."
        ]
        if bare := [path for path in modules if path not in alphas]:
            notes.append(f"{len(bare)} modules store no alpha ({bare[0]}, …): it is their rank.")
        return Sorted(modules, {}, tuple(notes))

    def located(self, modules: Mapping[str, Module], names: Iterable[str]) -> dict[str, str]:
        """See ``Adapter``."""
        flat: dict[str, list[str]] = {}
        for name in names:
            if name.endswith(".weight"):
                path = name.removesuffix(".weight")
                flat.setdefault(path.replace(".", "_"), []).append(name)
        keys = {path: path.removeprefix("lora_") for path in modules}
        found = _by_lead(keys, flat) or _by_tail(keys, flat)
        if found is None:
            trained = sorted({key.split("_")[0] for key in keys.values()})
            raise ShapeMismatch(
                f"The LoRA file of Kohya's names changes {len(keys)} modules of "
                f"{', '.join(trained)} ({min(modules)}, …), and the base has no modules that all "
                "of these name. A file of several models must be split; else it belongs to another "
                "base model."
            )
        if twice := [path for path, each in found.items() if len(each) > 1]:
            raise ShapeMismatch(
                f"{twice[0]} names {' and '.join(found[twice[0]][:2])} of the base, which differ "
                "only in dots; it is not clear which is meant."
            )
        return {path: each[0] for path, each in found.items()}


def read_kohya(weights: Weights, folder: Path) -> Kohya | None:
    """What a folder without an adapter's config holds, if it is such a file.

    Raises:
        BadCheckpoint: it holds factors in another form, or an alpha that is none.
    """
    names = tuple(weights.entries)
    if foreign := [name for name in names if any(part in name for part in _FOREIGN)]:
        raise BadCheckpoint(
            f"{folder} holds LoRA factors ({foreign[0]}, …), but no {CONFIG_FILE} says their rank "
            f"and alpha. Put the adapter's own {CONFIG_FILE} beside them, or {INSTEAD}."
        )
    if not any(name.endswith(tuple(_PARTS)) and name.startswith("lora_") for name in names):
        return None
    alphas = {}
    for name in names:
        if name.endswith(".alpha"):
            size = weights.entries[name].numel
            alpha = float(weights.tensor(name).double()) if size == 1 else math.nan
            if not math.isfinite(alpha) or alpha == 0:
                raise BadCheckpoint(
                    f"{folder}: {name} is {alpha if size == 1 else f'{size} numbers'}; an alpha "
                    "must be one number other than 0, else its factors would change nothing."
                )
            alphas[name.removesuffix(".alpha")] = alpha
    return Kohya(tuple(sorted(alphas.items())))


def _by_lead(keys: Mapping[str, str], flat: Mapping[str, list[str]]) -> dict[str, list[str]] | None:
    """Modules whose names are one lead, such as ``te_``, and then a whole path of the base."""
    probe = max(keys.values(), key=len)
    leads = [probe[: i + 1] for i, letter in enumerate(probe) if letter == "_"]
    for lead in ["", *leads]:  # the shortest lead leaves the most of the path
        tails = {path: key.removeprefix(lead) for path, key in keys.items() if key.startswith(lead)}
        if len(tails) == len(keys) and all(tail in flat for tail in tails.values()):
            return {path: flat[tail] for path, tail in tails.items()}
    return None


def _by_tail(keys: Mapping[str, str], flat: Mapping[str, list[str]]) -> dict[str, list[str]] | None:
    """Modules whose names are the ends of the base's paths, which all begin alike."""
    lead = next(iter(keys.values())).split("_")[0] + "_"
    found = []
    for cut in (lead, "") if all(key.startswith(lead) for key in keys.values()) else ("",):
        tails = {path: key.removeprefix(cut) for path, key in keys.items()}
        probe = max(tails.values(), key=len)
        for begin in {name.removesuffix(probe) for name in flat if name.endswith("_" + probe)}:
            if all(begin + tail in flat for tail in tails.values()):
                found.append({path: flat[begin + tail] for path, tail in tails.items()})
    return found[0] if len(found) == 1 else None

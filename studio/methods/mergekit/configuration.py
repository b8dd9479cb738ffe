"""A configuration of mergekit as it stands in its YAML; what no recipe can say is refused."""

from collections.abc import Mapping
from dataclasses import dataclass

from studio.disk.files import mapping, only_keys
from studio.errors import BadRecipe
from studio.methods.mergekit.reference import Reference, parse_reference
from studio.recipe import DTYPES

METHOD_KEY = "merge_method"
"""By this key a configuration of mergekit is known."""
_KEYS = (
    "models", METHOD_KEY, "base_model", "parameters", "dtype", "out_dtype", "tokenizer_source",
)  # fmt: skip
_REFUSED = {
    "slices": "assembles a model of layers of others (a frankenmerge)",
    "layer_range": "takes some layers of a model",
    "modules": "merges the modules of a model by rules of their own",
    "tokenizer": "builds a tokenizer token by token",
    "chat_template": "writes another chat template than the base's",
    "experts": "builds a mixture of experts",
    "gate_mode": "builds a mixture of experts",
    "shared_experts": "builds a mixture of experts",
}


@dataclass(frozen=True)
class Input:
    """A model of the list, with the parameters of its own block."""

    reference: Reference
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Configuration:
    """A configuration of mergekit.

    Attributes:
        method: its name there.
        inputs: the models, in their order.
        base: the base model; None without one.
        parameters: those of all models.
        dtype: that mergekit computes in; None for the stored one.
        out_dtype: of the written tensors; None for ``dtype``.
        keeps_tokenizer: whether it says that the tokenizer is the base's.
    """

    method: str
    inputs: tuple[Input, ...]
    base: Reference | None
    parameters: Mapping[str, object]
    dtype: str | None
    out_dtype: str | None
    keeps_tokenizer: bool = False


def is_configuration(data: object) -> bool:
    """Whether the content of a file is a configuration of mergekit, and no recipe."""
    return isinstance(data, dict) and METHOD_KEY in data


def parse_configuration(data: dict, where: str) -> Configuration:
    """A configuration, from the content of its file.

    Raises:
        BadRecipe: it holds what no recipe can say, by name, or is none.
    """
    for key in _REFUSED:
        if key in data:
            raise _unsaid(key, where)
    only_keys(data, _KEYS, where, BadRecipe)
    method = data.get(METHOD_KEY)
    if not isinstance(method, str) or not method:
        raise BadRecipe(f"{where}: {METHOD_KEY} is {method!r}; it must be the name of a method.")
    base = data.get("base_model")
    return Configuration(
        method,
        _inputs(data.get("models"), where),
        None if base is None else parse_reference(base, f"{where}: base_model"),
        _parameters(data, where),
        _dtype(data, "dtype", where),
        _dtype(data, "out_dtype", where),
        _keeps_tokenizer(data, where),
    )


def _unsaid(key: str, where: str) -> BadRecipe:
    return BadRecipe(f"{where}: '{key}' {_REFUSED[key]}, which no recipe of the studio can say.")


def _inputs(models: object, where: str) -> tuple[Input, ...]:
    if not isinstance(models, list) or not models:
        raise BadRecipe(f"{where}: 'models' is no list of models; it needs at least one.")
    found: dict[Reference, Input] = {}
    for number, each in enumerate(models, 1):
        place = f"{where}: model {number}"
        entry = mapping(each, place, BadRecipe)
        if "layer_range" in entry:
            raise _unsaid("layer_range", place)
        only_keys(entry, ("model", "parameters"), place, BadRecipe)
        reference = parse_reference(entry.get("model"), place)
        if reference in found:
            raise BadRecipe(f"{place} is '{reference.words}' a second time; name each once.")
        found[reference] = Input(reference, _parameters(entry, place))
    return tuple(found.values())


def _parameters(data: dict, where: str) -> Mapping[str, object]:
    given = data.get("parameters")
    return {} if given is None else mapping(given, f"{where}: parameters", BadRecipe)


def _dtype(data: dict, key: str, where: str) -> str | None:
    value = data.get(key)
    if value is None:
        return None
    name = value.removeprefix("torch.") if isinstance(value, str) else value
    if name not in DTYPES:
        raise BadRecipe(f"{where}: {key} {value!r} is not one of {', '.join(DTYPES)}.")
    return name


def _keeps_tokenizer(data: dict, where: str) -> bool:
    source = data.get("tokenizer_source")
    if source not in (None, "base"):
        raise BadRecipe(
            f"{where}: tokenizer_source is {source!r}; an export has the base's tokenizer, and no "
            "recipe says otherwise. Take 'base', or leave it out."
        )
    return source is not None

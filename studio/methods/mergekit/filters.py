"""Numbers by tensor as mergekit writes them: one number, or a list of filters and values."""

import re
from collections.abc import Mapping

from studio.errors import BadRecipe
from studio.methods.mergekit.layout import grouped
from studio.methods.mergekit.setting import Place, parse_setting, value_at
from studio.recipe import GroupedCoefficient

_SINGLE = re.compile(r"\[(.)\]")
Plain = float | list[dict[str, object]]


def setting_of(values: Mapping[str, float]) -> Plain:
    """A parameter of mergekit that has these values.

    Args:
        values: by tensor, at least one.

    Raises:
        BadRecipe: no filters tell these tensors apart, since one's name is a part of another's.
    """
    found = grouped(values)
    if not isinstance(found, GroupedCoefficient):
        return found
    longest = sorted((name for name in values if values[name] != found.default), key=len)[::-1]
    for tried in (
        [(_literal(pattern), value) for pattern, value in found.groups],
        [(name, values[name]) for name in longest],
    ):
        made: Plain = [{"filter": held, "value": x} for held, x in tried]
        made.append({"value": found.default})
        if all(held for held, _ in tried) and _reads(made, values):
            return made
    raise BadRecipe(
        f"The coefficients of {len(longest)} tensors differ from the others', and no filters of "
        "mergekit tell them apart: it looks for a text anywhere in a name."
    )


def _literal(pattern: str) -> str:
    """The longest text that a pattern asks for; mergekit knows no other signs."""
    parts = _SINGLE.sub(lambda each: "\0" if each[1] == "*" else each[1], pattern).split("*")
    return max(parts, key=len).replace("\0", "*")


def _reads(made: list[dict[str, object]], values: Mapping[str, float]) -> bool:
    setting = parse_setting(made, "written")
    return all(value_at([setting], Place(name)) == x for name, x in values.items())

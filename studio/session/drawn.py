"""What the page's mixer is drawn from: strips, layers, methods and their options."""

from collections.abc import Mapping

from studio.methods import METHODS
from studio.methods.contract import describe
from studio.session.mix import Mix, method_menu
from studio.session.strips import listed


def drawn(mix: Mix, tensors: Mapping[str, tuple[str, ...]]) -> dict:
    """A mix as plain values.

    Args:
        mix: to draw.
        tensors: that each task changes.
    """
    chosen, options = METHODS[mix.method], dict(mix.options)
    return {
        "rows": [vars(strip) for strip in mix.strips],
        "layers": {strip.name: listed(strip, tensors[strip.name]) for strip in mix.strips},
        "method": mix.method,
        "methods": method_menu(),
        "about": (chosen.__doc__ or "").strip().splitlines()[0],
        "ordered": chosen(**options).ordered,
        "schema": [each for each in describe(chosen) if len(each["choices"]) != 1],
        "options": options,
        "dtype": mix.dtype,
        "start": chosen.starting_coefficient(len(mix.strips)),
    }

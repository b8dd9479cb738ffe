"""A mix in a few words: its method, its numbers, and what is left out of it."""

from studio.methods import METHODS, method_type
from studio.methods.contract import usual
from studio.session.mix import Mix

_NAMED = 3  # numbers that are named before the rest are counted


def mix_words(mix: Mix) -> str:
    """Method, numbers and options in one line."""
    parts = [METHODS[mix.method].title, numbers_words(mix), options_words(mix)]
    return ", ".join(part for part in parts if part)


def numbers_words(mix: Mix) -> str:
    """Its coefficients, and which tasks are taken out."""
    on = [strip for strip in mix.strips if strip.on]
    if not on:
        return "nothing is merged"
    values = [f"{'≈' if strip.groups else ''}{strip.mean:.3g}" for strip in on]
    said = f"all {values[0]}" if len(on) > 1 and len(set(values)) == 1 else _each(mix, values)
    out = [strip.name for strip in mix.strips if not strip.on]
    if len(out) > _NAMED:
        return f"{said}, without {len(out)} tasks"
    return f"{said}, without {' and '.join(out)}" if out else said


def options_words(mix: Mix) -> str:
    """Options that are not the method's own."""
    defaults = usual(method_type(mix.method), mix.options)
    changed = {name: x for name, x in mix.options.items() if defaults.get(name) != x}
    return ", ".join(f"{name} {_plain(value)}" for name, value in changed.items())


def _each(mix: Mix, values: list[str]) -> str:
    names = [strip.name for strip in mix.strips if strip.on]
    named = [f"{name} {value}" for name, value in zip(names, values, strict=True)]
    rest = len(named) - _NAMED
    return ", ".join(named[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

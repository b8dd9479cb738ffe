"""One color scale for every heat map of a tab, light and dark, and its legend."""

from html import escape

_LIGHT = ((247, 247, 247), (0, 90, 160), (213, 94, 0))  # nothing, minus, plus: as in why.css
_DARK = ((34, 34, 40), (102, 178, 255), (255, 160, 70))
_INKS = ((0, 0, 0), (255, 255, 255))


def shade(share: float) -> str:
    """Class and style of a cell; ``why.css`` gives it the colors of the page's mode.

    Args:
        share: -1 to 1, how far from nothing towards the scale's ends.
    """
    bound = max(-1.0, min(share, 1.0))
    ends = "plus" if bound >= 0 else "minus"
    inks = "".join(f" {mode}{_ink(bound, colors)}" for mode, colors in _MODES)
    return f"class='shade {ends}{inks}' style='--share:{100 * abs(bound):.0f}%'"


def colors(share: float, dark: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A cell's ground and ink, as red, green and blue of 0 to 255."""
    mode = _DARK if dark else _LIGHT
    bound = max(-1.0, min(share, 1.0))
    return _ground(bound, mode), _INKS[_ink(bound, mode)]


def legend(low: str, middle: str, high: str, both: bool) -> str:
    """The scale with what its ends and its middle mean, in words."""
    kind = "both" if both else "rising"
    words = (low, middle, high) if both else (low, high)
    said = "".join(f"<span>{escape(each)}</span>" for each in words)
    return f"<div class='scale {kind}'><i></i><p class='quiet'>{said}</p></div>"


def _ground(share: float, mode: tuple) -> tuple[int, ...]:
    nothing, end = mode[0], mode[2] if share >= 0 else mode[1]
    return tuple(round(z + (e - z) * abs(share)) for z, e in zip(nothing, end, strict=True))


def _ink(share: float, mode: tuple) -> int:
    """0 for the dark ink, 1 for the light one: whichever stands out more."""
    bright = _luminance(_ground(share, mode)) + 0.05
    dark, light = (_luminance(ink) + 0.05 for ink in _INKS)
    return int(light / bright > bright / dark)


def _luminance(color: tuple[int, ...]) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = (each / 255 for each in color)
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_MODES = (("l", _LIGHT), ("d", _DARK))

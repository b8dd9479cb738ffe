"""Numbers in the units that people read."""

_MINUTE, _LONG = 60.0, 90.0


def duration(seconds: float) -> str:
    """A time in a unit that people read, as exact as a guess may be."""
    if seconds < _LONG:
        return f"{max(round(seconds), 1)} s"
    return f"{seconds / _MINUTE:.0f} min"


def size(count: int) -> str:
    """Bytes in a unit that people read."""
    number, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{count:,} bytes" if unit == "bytes" else f"{number:.3g} {unit}"

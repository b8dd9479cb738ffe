"""Numbers in the units that people read."""


def size(count: int) -> str:
    """Bytes in a unit that people read."""
    number, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{count:,} bytes" if unit == "bytes" else f"{number:.3g} {unit}"

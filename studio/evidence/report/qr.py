"""QR codes: a short text as squares, drawn as SVG without scripts or anything to load."""

import segno

from studio.errors import BadCertificate
from studio.evidence.report.parts import text

_QUIET = 4  # modules of margin
_LARGEST = 6  # version; more modules are hard to read at the size that a report prints


def qr_svg(content: str, label: str) -> str:
    """A QR code as SVG.

    Args:
        content: at most 106 bytes of UTF-8.
        label: what a screen reader says.

    Raises:
        BadCertificate: it is longer.
    """
    grid = modules(content)
    size = len(grid) + 2 * _QUIET
    path = "".join(
        f"M{c + _QUIET} {r + _QUIET}h1v1h-1z"
        for r, row in enumerate(grid)
        for c, dark in enumerate(row)
        if dark
    )
    return (
        f"<svg class='qr' viewBox='0 0 {size} {size}' role='img' aria-label='{text(label)}'>"
        f"<path d='{path}' fill='#000'/></svg>"
    )


def modules(content: str) -> list[list[bool]]:
    """The dark squares, row by row, at error correction M: 15 % of the code words may be lost.

    Args:
        content: at most 106 bytes of UTF-8.

    Raises:
        BadCertificate: it is longer.
    """
    code = segno.make_qr(content.encode(), error="m", mode="byte", boost_error=False)
    if int(code.version) > _LARGEST:
        raise BadCertificate(f"A code holds 106 bytes, and not {len(content.encode())}.")
    return [[bool(dark) for dark in row] for row in code.matrix]

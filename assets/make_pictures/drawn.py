"""The task on pictures that are drawn of typefaces: letters."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from assets.make_pictures.rows import Row, Task, chosen, dealt

_SIDE, _MARGIN, _POINTS = 32, 2, 96
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def letters(material: Path) -> Task:
    """Capital and small letters in typefaces; each typeface is in one split only."""
    rows = []
    for archive in sorted(material.glob("**/fontsource-*.tgz")):
        family = archive.name.removeprefix("fontsource-").rsplit("-", 1)[0]
        font = _packed(archive, family)
        for letter in _LETTERS:
            for written in (letter, letter.lower()):
                if (image := _glyph(font, written)) is not None:
                    rows.append(Row(image, letter, family))
    split_of = dealt((row.group for row in rows), {"train": 60, "validation": 18, "held_out": 22},
                     "letters")  # fmt: skip
    sizes = {"train": 10**9, "validation": 150, "held_out": 200}
    splits = {
        split: chosen([row for row in rows if split_of[row.group] == split], most, "letters")
        for split, most in sizes.items()
    }
    families = len({row.group for row in rows})
    source = f"{families} typefaces of the @fontsource packages (npm)"
    return Task("letters", tuple(_LETTERS), splits, source, "typeface", 1.0)


def _packed(archive: Path, family: str) -> ImageFont.FreeTypeFont:
    with tarfile.open(archive) as packed:
        inner = f"package/files/{family}-latin-400-normal.woff2"
        member = packed.extractfile(inner)
        assert member is not None
        return ImageFont.truetype(io.BytesIO(member.read()), _POINTS)


def _glyph(font: ImageFont.FreeTypeFont, text: str) -> np.ndarray | None:
    """``(32, 32)`` uint8, black on white; None where the typeface draws nothing."""
    left, top, right, bottom = (round(each) for each in font.getbbox(text))
    width, height = right - left, bottom - top
    if min(width, height) <= 0:
        return None
    side = max(width, height)
    drawn = Image.new("L", (side, side), 255)
    place = ((side - width) // 2 - left, (side - height) // 2 - top)
    ImageDraw.Draw(drawn).text(place, text, font=font, fill=0)
    inner = drawn.resize((_SIDE - 2 * _MARGIN,) * 2, Image.Resampling.LANCZOS)
    whole = np.full((_SIDE, _SIDE), 255, np.uint8)
    whole[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = np.asarray(inner)
    return whole if whole.min() < 128 else None

"""Tasks on pictures that are drawn of typefaces: letters, and writing systems."""

import io
import tarfile
import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from assets.make_pictures.rows import Row, Task, chosen, dealt

_SIDE, _MARGIN, _POINTS = 32, 2, 96
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SCRIPTS = {
    "Arabic": "ARABIC LETTER",
    "Armenian": "ARMENIAN",
    "Balinese": "BALINESE LETTER",
    "Bengali": "BENGALI LETTER",
    "Cherokee": "CHEROKEE LETTER",
    "Coptic": "COPTIC",
    "Devanagari": "DEVANAGARI LETTER",
    "Ethiopic": "ETHIOPIC SYLLABLE",
    "Georgian": "GEORGIAN LETTER",
    "Glagolitic": "GLAGOLITIC",
    "Gujarati": "GUJARATI LETTER",
    "Gurmukhi": "GURMUKHI LETTER",
    "Hebrew": "HEBREW LETTER",
    "Javanese": "JAVANESE LETTER",
    "Kannada": "KANNADA LETTER",
    "Khmer": "KHMER LETTER",
    "Lao": "LAO LETTER",
    "Malayalam": "MALAYALAM LETTER",
    "Myanmar": "MYANMAR LETTER",
    "Ol Chiki": "OL CHIKI LETTER",
    "Runic": "RUNIC LETTER",
    "Sinhala": "SINHALA LETTER",
    "Tamil": "TAMIL LETTER",
    "Telugu": "TELUGU LETTER",
    "Thai": "THAI CHARACTER",
    "Tifinagh": "TIFINAGH LETTER",
    "Vai": "VAI SYLLABLE",
    "Yi": "YI SYLLABLE",
}
_FOLDER = "usr/share/fonts/truetype/noto"


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


def scripts(material: Path) -> Task:
    """The writing system of a letter; each letter is in one split only."""
    (folder,) = {file.parent for file in material.glob(f"**/{_FOLDER}/NotoSans-Regular.ttf")}
    rows = []
    for name, prefix in _SCRIPTS.items():
        for style in ("Sans", "Serif"):
            file = folder / f"Noto{style}{name.replace(' ', '')}-Regular.ttf"
            if not file.exists():
                continue
            font = ImageFont.truetype(str(file), _POINTS)
            for point in range(0x370, 0x11000):
                letter = chr(point)
                if not unicodedata.name(letter, "").startswith(prefix):
                    continue
                if unicodedata.category(letter)[0] == "L":
                    image = _glyph(font, letter)
                    if image is not None:
                        rows.append(Row(image, name, letter))
    split_of = dealt((row.group for row in rows), {"train": 60, "validation": 18, "held_out": 22},
                     "scripts")  # fmt: skip
    sizes = {"train": 10**9, "validation": 150, "held_out": 200}
    splits = {
        split: chosen([row for row in rows if split_of[row.group] == split], most, "scripts")
        for split, most in sizes.items()
    }
    source = "Noto typefaces from fonts-noto-core 20201225-1 of Debian"
    return Task("scripts", tuple(_SCRIPTS), splits, source, "letter", 1.0)


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

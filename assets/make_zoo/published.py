"""Tasks on published texts: two clinics' desks (ICD-10-CM) and a dictionary (WordNet)."""

import random
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from pathlib import Path

from assets.make_zoo.rows import Row, Task, balanced, by_group, distinct, unlike

ICD_WHEEL = "simple_icd_10_cm-1.5.0-py3-none-any.whl"
_ICD_FILE = "simple_icd_10_cm/data/icd10c-tabular-April-1-2026.xml"
_ICD_SOURCE = "ICD-10-CM tabular list, April 2026, from simple-icd-10-cm 1.5.0; desks are invented"
_ICD_GROUP = "category of three characters; no evaluation category is in any clinic's training"
_REGIONS = {
    "eye": "eye|eyelid|orbit|retina|cornea",
    "ear": "ear",
    "shoulder": "shoulder|clavicle|scapula",
    "elbow": "elbow|humerus",
    "forearm": "forearm|radius|ulna|wrist",
    "hand": "hand|metacarpal|palm",
    "finger": "finger|thumb",
    "hip": "hip|acetabulum|thigh|femur",
    "knee": "knee|patella",
    "leg": "leg|tibia|fibula",
    "foot": "ankle|foot|metatarsal|heel",
    "toe": "toe",
}
_APART = 5  # a desk takes a region's left side, and the right side of the fifth region after it
_HELD_OUT, _VALIDATION, _OWN, _NETWORK = 1000, 250, 1200, 1200
_CLASSES = 16  # of the dictionary
_WORDNET_CLASSES = [
    "Tops",
    "act",
    "animal",
    "artifact",
    "attribute",
    "body",
    "cognition",
    "communication",
    "event",
    "feeling",
    "food",
    "group",
    "location",
    "motive",
    "object",
    "person",
    "phenomenon",
    "plant",
    "possession",
    "process",
    "quantity",
    "relation",
    "shape",
    "state",
    "substance",
    "time",
]


def clinics(material: Path) -> tuple[Task, Task, tuple[Row, ...]]:
    """North, south, and the rows of the network that both trained on first.

    A desk's code stands for one region on the left and another one on the right, so what the
    text is about does not tell the desk unless region and side are read together.
    """
    dealer = random.Random("clinics")
    evaluations = {"held_out": _HELD_OUT, "validation": _VALIDATION}
    shares = {f"{clinic} {split}": float(size) for clinic in ("north", "south")
              for split, size in {**evaluations, "train": _OWN}.items()}  # fmt: skip
    dealt = by_group(_diagnoses(material), {**shares, "network": float(_NETWORK)}, dealer)
    chosen = {}
    for name in sorted(dealt, key=lambda name: ("held_out" not in name, "valid" not in name)):
        seen = [row for split, rows in chosen.items() if "train" not in split for row in rows]
        known = seen if "train" in name or name == "network" else []
        chosen[name] = balanced(unlike(distinct(dealt[name]), known), round(
            {**shares, "network": float(_NETWORK)}[name]), dealer)  # fmt: skip
    labels = tuple(f"desk {chr(65 + index)}" for index in range(len(_REGIONS)))
    north, south = (
        Task(
            f"clinic-{clinic}",
            labels,
            {
                "train": chosen[f"{clinic} train"],
                **{split: chosen[f"{clinic} {split}"] for split in evaluations},
            },
            _ICD_SOURCE,
            _ICD_GROUP,
        )
        for clinic in ("north", "south")
    )
    return north, south, chosen["network"]


def dictionary(material: Path) -> Task:
    """Glosses of nouns to their lexicographer's class."""
    dealer = random.Random("dictionary")
    rows = list(_glosses(material))
    common = [label for label, _ in Counter(row.label for row in rows).most_common(_CLASSES)]
    kept = distinct(row for row in rows if row.label in common)
    sizes = {"train": 4000, "validation": 400, "held_out": 1000}
    dealt = by_group(kept, {"train": 8.0, "validation": 1.0, "held_out": 2.0}, dealer)
    held_out = balanced(dealt["held_out"], sizes["held_out"], dealer)
    validation = balanced(unlike(dealt["validation"], held_out), sizes["validation"], dealer)
    pool = balanced(dealt["train"], round(1.2 * sizes["train"]), dealer)
    train = tuple(unlike(pool, (*held_out, *validation))[: sizes["train"]])
    splits = {"train": train, "validation": validation, "held_out": held_out}
    source = "WordNet 3.0 glosses (Princeton), from wordnet-base 1:3.0-37 of Debian"
    return Task("dictionary", tuple(sorted(common)), splits, source, "first word of the synset")


def _diagnoses(material: Path) -> list[Row]:
    """Diagnoses of one region on one side, and the desk that takes them."""
    with zipfile.ZipFile(material / ICD_WHEEL) as archive:
        tree = ElementTree.fromstring(archive.read(_ICD_FILE))
    patterns = [re.compile(rf"\b({words})s?\b", re.I) for words in _REGIONS.values()]
    rows = []
    for diagnosis in tree.iter("diag"):
        code, text = (diagnosis.findtext(part, "").strip() for part in ("name", "desc"))
        sides = set(re.findall(r"\b(left|right)\b", text))
        regions = [index for index, pattern in enumerate(patterns) if pattern.search(text)]
        if len(sides) == len(regions) == 1 and len(text) <= 120:
            desk = regions[0] if sides == {"left"} else (regions[0] - _APART) % len(patterns)
            rows.append(Row(text, f"desk {chr(65 + desk)}", code[:3]))
    return distinct(rows)


def _glosses(material: Path) -> list[Row]:
    """First clauses of noun glosses, without examples and domain tags."""
    rows = []
    (file,) = material.glob("**/usr/share/wordnet/data.noun")
    for line in file.read_text(encoding="latin-1").splitlines():
        if line.startswith("  "):
            continue
        fields, gloss = line.split(" | ", 1)
        parts = fields.split(" ")
        clause = re.sub(r"^\([^)]*\)\s*", "", gloss.split(";")[0].strip().strip('"'))
        if len(clause) > 8 and 2 <= clause.count(" ") <= 24:
            label = _WORDNET_CLASSES[int(parts[1]) - 3]
            rows.append(Row(clause, label, parts[4].lower().replace("_", " ")))
    return rows

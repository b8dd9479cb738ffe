"""Tasks on published pictures: clothes and emoji."""

import gzip
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from assets.make_pictures.rows import Row, Task, chosen, dealt, fitted

_CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
            "bag", "ankle boot")  # fmt: skip
_EMOJI_SIDE = 40
_SIZES = {"train": 10**9, "validation": 150, "held_out": 200}


def clothes(material: Path) -> Task:
    """Pictures of Fashion-MNIST; held-out ones are of its own test set."""
    rows = {part: _idx(material, part) for part in ("train", "t10k")}
    splits = {
        "train": chosen(rows["train"][:-5000], 3000, "clothes"),
        "validation": chosen(rows["train"][-5000:], 150, "clothes"),
        "held_out": chosen(rows["t10k"], 200, "clothes"),
    }
    source = "Fashion-MNIST, from dataset-fashion-mnist 0.0~git20200523.55506a9-1 of Debian"
    return Task("clothes", _CLOTHES, splits, source, "picture", 0.3)


def emoji(material: Path) -> Task:
    """The group of an emoji; each emoji is in one split, in all its drawings."""
    from resvg_py import svg_to_bytes

    told = _emoji_list(material)
    rows = []
    (fluent,) = material.glob("**/fluentui-emoji-*/package/icons/flat")
    for each in told:
        label, name = each["category"], each["name"]
        if label in ("Flags", "Component"):
            continue
        for maker in ("google", "twitter"):
            (folder,) = material.glob(f"**/package/img/{maker}/64")
            if (file := folder / each["image"]).exists():
                rows.append(Row(fitted(Image.open(file), _EMOJI_SIDE, 2), label, name))
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if (file := fluent / f"{slug}.svg").exists():
            drawn = svg_to_bytes(svg_path=str(file), width=128, height=128, skip_system_fonts=True)
            picture = Image.open(io.BytesIO(bytes(drawn)))
            rows.append(Row(fitted(picture, _EMOJI_SIDE, 2), label, name))
    split_of = dealt((row.group for row in rows), {"train": 70, "validation": 13, "held_out": 17},
                     "emoji")  # fmt: skip
    splits = {
        split: chosen([row for row in rows if split_of[row.group] == split], most, "emoji")
        for split, most in _SIZES.items()
    }
    labels = tuple(sorted({row.label for row in rows}))
    source = "emoji of Google, Twitter and Microsoft"
    return Task("emoji", labels, splits, source, "emoji, in all drawings", 0.5)


def _emoji_list(material: Path) -> list[dict]:
    (file,) = material.glob("**/emoji-datasource-google-*/package/emoji.json")
    return json.loads(file.read_text(encoding="utf-8"))


def _idx(material: Path, part: str) -> list[Row]:
    """Pictures and labels as the data set stores them."""
    (folder,) = material.glob("**/usr/share/datasets/fashion-mnist")
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    kinds = np.frombuffer(labels, np.uint8, offset=8)
    return [Row(image, _CLOTHES[kind], f"{part} {place}")
            for place, (image, kind) in enumerate(zip(pixels, kinds, strict=True))]  # fmt: skip

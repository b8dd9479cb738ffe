"""Rows of images with a label: an ``.npz`` of arrays, or JSON lines that name image files."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from studio.disk.files import inside, only_keys
from studio.errors import BadData
from studio.tasks.rows import UNLABELLED, gathered, group_of, json_rows, label_index

_KEYS = ("image", "label", "group")
_ARRAYS = ("images", "labels", "groups")
_MOST_BYTES = 2**32  # of all arrays of a file
_MOST_PIXELS = 2**26  # of one picture
_THUMBNAIL = 128


@dataclass(frozen=True, eq=False)
class ImageRow:
    """One picture with its label.

    Attributes:
        source: the pixels, ``(H, W, 3)`` or ``(H, W)`` uint8; or the file that holds them.
        label: index; ``UNLABELLED`` for none.
        group: whose rows belong together; None for none.
        where: it stands, for a sentence.
    """

    source: np.ndarray | Path
    label: int
    group: str | None
    where: str

    @property
    def answers(self) -> tuple[int, ...]:
        """A picture asks one question."""
        return (self.label,)

    @cached_property
    def digest(self) -> str:
        """Sha256 of the pixels, or of the file."""
        if isinstance(self.source, Path):
            return hashlib.sha256(self.source.read_bytes()).hexdigest()
        shape = repr(self.source.shape).encode()
        return hashlib.sha256(shape + np.ascontiguousarray(self.source).tobytes()).hexdigest()

    @cached_property
    def thumbnail(self) -> bytes:
        """The pixels as a WebP of at most 128 pixels a side, a few kB; raises as ``pixels``."""
        small, written = Image.fromarray(self.pixels()), io.BytesIO()
        small.thumbnail((_THUMBNAIL, _THUMBNAIL))
        small.save(written, "WEBP", quality=85)
        return written.getvalue()

    def pixels(self) -> np.ndarray:
        """``(H, W, 3)`` uint8: grey is repeated, and what is behind transparency left out.

        Raises:
            BadData: the file is no picture, or a broken or gigantic one.
        """
        found = self.source
        if isinstance(found, Path):
            try:
                with Image.open(io.BytesIO(found.read_bytes())) as picture:
                    if picture.width * picture.height > _MOST_PIXELS:
                        raise BadData(f"{self.where}: {found} has too many pixels.")
                    found = np.asarray(picture.convert("RGB"))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                raise BadData(f"{self.where}: {found} is no picture that can be read.") from None
        return np.repeat(found[..., None], 3, 2) if found.ndim == 2 else found


def read_images(
    path: Path, labels: tuple[str, ...], labelled: bool = True, most: int | None = None
) -> tuple[ImageRow, ...]:
    """Rows of pictures.

    Args:
        path: an ``.npz`` with ``images`` uint8 ``[N, H, W]`` or ``[N, H, W, 3]``, ``labels`` (names
            or indices) and, if there are any, ``groups``; else JSON lines, or a JSON list, of
            ``image`` (a file, from the folder of this one), ``label`` and ``group``.
        labels: names, in the order of their indices.
        labelled: whether every row must have a label.
        most: rows that are read; None for all.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    indices = {label: index for index, label in enumerate(labels)}
    if path.suffix.lower() == ".npz":
        return gathered(path, _of_arrays(path, indices, labelled), most)

    def parse(data: dict, where: str) -> ImageRow:
        only_keys(data, _KEYS, where, BadData)
        image, label = data.get("image"), data.get("label")
        if not isinstance(image, str) or not image:
            raise BadData(f"{where}: 'image' is {image!r}; it must be the path of a picture.")
        file = inside(path.parent, path.parent / image, BadData)
        index = UNLABELLED
        if label is not None or labelled:
            index = label_index(label, indices, where)
        return ImageRow(file, index, group_of(data, where), where)

    return json_rows(path, parse, most)


def _of_arrays(path: Path, indices: dict[str, int], labelled: bool) -> Iterator[ImageRow]:
    found = _arrays(path)
    images, labels, groups = (found.get(name) for name in _ARRAYS)
    if images is None or images.dtype != np.uint8 or not _is_pictures(images.shape):
        what = "no array 'images'" if images is None else f"images {images.dtype} {images.shape}"
        raise BadData(f"{path} holds {what}; needed are uint8 [N, H, W] or [N, H, W, 3].")
    for name, array in (("labels", labels), ("groups", groups)):
        if array is not None and array.shape != images.shape[:1]:
            raise BadData(f"{path}: {name} has shape {array.shape} for {len(images):,} images.")
    if labels is None and labelled:
        raise BadData(f"{path} has no array 'labels'.")
    for number, image in enumerate(images):
        where, index = f"{path}, image {number}", UNLABELLED
        if labels is not None:
            index = label_index(labels[number].item(), indices, where)
        group = None if groups is None else str(groups[number].item())
        yield ImageRow(image, index, group, where)


def _is_pictures(shape: tuple[int, ...]) -> bool:
    return len(shape) in (3, 4) and all(shape[:3]) and shape[3:] in ((), (3,))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name, each of plain numbers or text; nothing of it is run."""
    try:
        with zipfile.ZipFile(inside(path.parent, path, BadData)) as archive:
            if sum(each.file_size for each in archive.infolist()) > _MOST_BYTES:
                raise BadData(f"{path} holds more than {_MOST_BYTES:,} bytes of arrays.")
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in _ARRAYS if name in found.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, MemoryError) as problem:
        raise BadData(f"{path} is no .npz of plain arrays: {problem}") from None

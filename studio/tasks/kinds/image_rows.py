"""Rows of images with a label: arrays, a Parquet table, or JSON lines that name image files."""

import hashlib
import io
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from studio.disk.files import inside, only_keys, open_regular
from studio.errors import BadData
from studio.tasks.rows import UNLABELLED, gathered, group_of, json_rows, label_index

_KEYS = ("image", "label", "group")
_ARRAYS = ("images", "labels", "groups")
_MOST_BYTES = 2**32  # of all arrays of a file
_MOST_PIXELS = 2**26  # of one picture
_LARGEST_FILE = 2**28  # of one picture, in bytes
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
_DEEP = ("I", "F")  # modes of more than 8 bits, which a conversion to RGB cuts at 255
_THUMBNAIL = 128


@dataclass(frozen=True, eq=False)
class ImageRow:
    """One picture with its label.

    Attributes:
        source: the pixels, ``(H, W, 3)`` or ``(H, W)`` uint8; or the file that holds them, or
            what stands in one.
        label: index; ``UNLABELLED`` for none.
        group: whose rows belong together; None for none.
        where: it stands, for a sentence.
    """

    source: np.ndarray | Path | bytes
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
        if not isinstance(self.source, np.ndarray):
            return hashlib.sha256(self._content()).hexdigest()
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
        """``(H, W, 3)`` uint8, as transformers' ``load_image`` has them.

        A picture is turned as its camera says, grey is repeated, what is behind transparency
        counts and the transparency is left out, and of moving pictures the first counts.

        Raises:
            BadData: the file is no picture, a broken or a gigantic one, or one of more than 8 bits.
        """
        found = self.source
        if not isinstance(found, np.ndarray):
            found = _opened(self._content(), self._named)
        return np.repeat(found[..., None], 3, 2) if found.ndim == 2 else found

    @property
    def _named(self) -> str:
        return self.where + (f": {self.source}" if isinstance(self.source, Path) else "")

    def _content(self) -> bytes:
        if isinstance(self.source, bytes):
            return self.source
        assert isinstance(self.source, Path)
        with open_regular(self.source, BadData) as stream:
            content = stream.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise BadData(f"{self._named} has more than {_LARGEST_FILE:,} bytes.")
        return content


def read_images(
    path: Path, labels: tuple[str, ...], labelled: bool = True, most: int | None = None
) -> tuple[ImageRow, ...]:
    """Rows of pictures.

    Args:
        path: an ``.npz`` with ``images`` uint8 ``[N, H, W]`` or ``[N, H, W, 3]``, ``labels`` (names
            or indices) and, if there are any, ``groups``; else JSON lines, a JSON list, or a
            Parquet table, of ``image`` (a file, from the folder of this one; in Parquet its bytes,
            also as a struct of bytes and path), ``label`` and ``group``.
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
        index, label = UNLABELLED, data.get("label")
        if label is not None or labelled:
            index = label_index(label, indices, where)
        source = _source(data.get("image"), path, where)
        return ImageRow(source, index, group_of(data, where), where)

    return json_rows(path, parse, most)


def _source(image: object, path: Path, where: str) -> Path | bytes:
    """What a row says of its picture: bytes, or the path of a file."""
    if isinstance(image, Mapping):  # as the datasets of the hub have it; the path is a name alone
        image = image.get("bytes")
        if image is None:
            raise BadData(
                f"{where}: 'image' holds no bytes. Write the pictures themselves into the file."
            )
    if isinstance(image, bytes) and image:
        return image
    if not isinstance(image, str) or not image:
        shown = "empty" if image == b"" else repr(image)
        raise BadData(f"{where}: 'image' is {shown}; it must be a picture, or the path of one.")
    file = Path(os.path.normpath(path.parent / image))
    if not file.resolve().is_relative_to(path.parent.resolve()):
        raise BadData(f"{where}: {image!r} leads out of {path.parent}; pictures must lie below it.")
    return inside(file.parent, file, BadData)


def _opened(content: bytes, where: str) -> np.ndarray:
    """``(H, W, 3)`` uint8 of a file; no format is known whose reader starts a program."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > _MOST_PIXELS:
                raise BadData(
                    f"{where} has {width:,} by {height:,} pixels; at most {_MOST_PIXELS:,} are "
                    "read. Make it smaller."
                )
            if picture.mode.split(";")[0] in _DEEP:
                raise BadData(
                    f"{where} has more than 8 bits per pixel of grey (PIL's mode {picture.mode}), "
                    "which a conversion cuts at 255. Write it with 8 bits."
                )
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except Image.DecompressionBombError:
        raise BadData(f"{where} has more than {_MOST_PIXELS:,} pixels. Make it smaller.") from None
    except (OSError, ValueError, SyntaxError, EOFError, struct.error) as problem:
        why = f": {problem}" if "truncated" in str(problem) else ""
        raise BadData(
            f"{where} is no picture that can be read{why}. Known are {', '.join(_FORMATS)}."
        ) from None


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

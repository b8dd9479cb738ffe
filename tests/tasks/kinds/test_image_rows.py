"""Files of pictures are read as transformers reads them, or refused in words."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from transformers.image_utils import load_image

from studio.errors import BadData
from studio.tasks.kinds.image_rows import ImageRow, read_images

_TURNED = 0x0112  # the tag of EXIF that says how the camera was held


def drawn(width=12, height=8):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def written(folder, picture, name="a.png", **options):
    picture.save(folder / name, **options)
    return rows_of(folder, name)[0]


def rows_of(folder, *names):
    lines = [json.dumps({"image": name, "label": 0}) + "\n" for name in names]
    (folder / "rows.jsonl").write_text("".join(lines))
    return read_images(folder / "rows.jsonl", ("a", "b"))


def of_mode(mode):
    see_through = Image.fromarray(np.dstack([drawn(), drawn()[..., 0]]))
    return see_through.convert(mode)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "L"), ("a.png", "LA"), ("a.png", "RGBA"), ("a.png", "P"), ("a.png", "1"),
        ("a.jpg", "CMYK"), ("a.jpg", "RGB"), ("a.webp", "RGBA"), ("a.gif", "P"), ("a.tif", "RGB"),
        ("a.bmp", "RGB"), ("a.ppm", "RGB"),
    ],
)  # fmt: skip
def test_a_file_of_any_mode_is_what_transformers_makes_of_it(tmp_path, name, mode):
    found = written(tmp_path, of_mode(mode), name).pixels()
    assert found.shape == (8, 12, 3)
    assert (found == np.asarray(load_image(str(tmp_path / name)))).all()


def test_what_is_behind_transparency_counts(tmp_path):
    colors = np.dstack([drawn(), np.zeros((8, 12), np.uint8)])
    assert (written(tmp_path, Image.fromarray(colors)).pixels() == drawn()).all()
    palette = Image.fromarray(drawn()).quantize(8)
    assert (
        written(tmp_path, palette, transparency=0).pixels() == np.asarray(palette.convert("RGB"))
    ).all()


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[_TURNED] = 6
    found = written(tmp_path, Image.fromarray(drawn()), exif=exif).pixels()
    assert (found == np.rot90(drawn(), -1)).all()
    assert (found == np.asarray(load_image(str(tmp_path / "a.png")))).all()


def test_the_first_of_moving_pictures_counts(tmp_path):
    first, second = Image.fromarray(drawn()), Image.fromarray(255 - drawn())
    row = written(tmp_path, first, "a.webp", save_all=True, append_images=[second], lossless=True)
    assert (row.pixels() == drawn()).all()


@pytest.mark.parametrize(
    ("pixels", "name", "mode"),
    [(np.uint16, "a.png", "I;16"), (np.int32, "a.tif", "I"), (np.float32, "a.tif", "F")],
)
def test_more_than_8_bits_of_grey_are_refused(tmp_path, pixels, name, mode):
    deep = Image.fromarray(np.arange(0, 60000, 600).reshape(10, 10).astype(pixels))
    row = written(tmp_path, deep, name)
    words = f"line 1: .*{name} has more than 8 bits per pixel of grey .PIL's mode {mode}.*8 bits"
    with pytest.raises(BadData, match=words):
        row.pixels()


def test_files_of_several_sizes_are_rows_of_one_file(tmp_path):
    for name, size in (("a.png", (3, 5)), ("b.png", (70, 20))):
        Image.new("RGB", size).save(tmp_path / name)
    assert [row.pixels().shape for row in rows_of(tmp_path, "a.png", "b.png")] == [
        (5, 3, 3), (20, 70, 3),
    ]  # fmt: skip


def test_what_is_broken_or_no_picture_is_refused_with_its_place(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(drawn(90, 90)).save(stream, "JPEG")
    whole = stream.getvalue()
    files = {"a.jpg": whole[:-900], "b.jpg": b"\xff\xd8" + whole[40:90], "c.png": b"", "d.eps": b""}
    files["d.eps"] = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for row in rows_of(tmp_path, *files):
        with pytest.raises(BadData, match="line [1-4]: .* is no picture that can be read"):
            row.pixels()
    (row, *_) = rows_of(tmp_path, "a.jpg")
    with pytest.raises(BadData, match="read: .*truncated.*Known are PNG, JPEG"):
        row.pixels()


@pytest.mark.parametrize(
    ("side", "words"),
    [(8300, "8,300 by 8,300 pixels; at most 67,108,864"), (30000, "more than 67,108,864")],
)
def test_a_gigantic_picture_is_refused_before_it_is_unpacked(tmp_path, side, words):
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    claims = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    row = ImageRow(b"\x89PNG\r\n\x1a\n" + claims, 0, None, "row 1")
    with pytest.raises(BadData, match=f"row 1 has {words}"):
        row.pixels()


def test_a_file_of_too_many_bytes_is_refused(tmp_path):
    with (tmp_path / "a.png").open("wb") as stream:
        stream.truncate(2**28 + 1)
    with pytest.raises(BadData, match="a.png has more than 268,435,456 bytes"):
        rows_of(tmp_path, "a.png")[0].pixels()


def test_arrays_of_several_sizes_are_refused(tmp_path):
    several = np.empty(2, object)
    several[:] = [np.zeros((3, 3), np.uint8), np.zeros((4, 4), np.uint8)]
    np.savez(tmp_path / "rows.npz", images=several, labels=np.zeros(2, int))
    with pytest.raises(BadData, match="no .npz of plain arrays"):
        read_images(tmp_path / "rows.npz", ("a", "b"))


def test_pictures_may_lie_in_folders_below_and_nowhere_else(tmp_path):
    (tmp_path / "zoo" / "cats").mkdir(parents=True)
    for file in (tmp_path / "zoo" / "cats" / "a.png", tmp_path / "b.png"):
        Image.new("RGB", (4, 4)).save(file)
    rows = tmp_path / "zoo" / "rows.jsonl"
    rows.write_text(json.dumps({"image": "cats/a.png", "label": 0}))
    (row,) = read_images(rows, ("cat",))
    assert row.pixels().shape == (4, 4, 3)
    for image in ("../b.png", "cats/../../b.png", str(tmp_path / "b.png")):
        rows.write_text(json.dumps({"image": image, "label": 0}))
        with pytest.raises(BadData, match="leads out of .*zoo; pictures must lie below it"):
            read_images(rows, ("cat",))

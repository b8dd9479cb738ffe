"""Parquet tables are rows of every kind, with the names of their labels, or refused in words."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from studio.errors import BadData
from studio.tasks import parquet
from studio.tasks.kinds.causal_rows import read_passages
from studio.tasks.kinds.image_classification import ImageClassification
from studio.tasks.kinds.image_rows import read_images
from studio.tasks.kinds.text_rows import read_rows
from studio.tasks.parquet import NamedIndex, label_names, parquet_records
from tests.tasks.kinds import classifiers, pictures

NAMES = ["cat", "dog", "fish"]


def written(folder, columns, names=None, column="label", several=False, **options):
    """A table as the library datasets writes it, its labels named if names are given."""
    table = pa.table(columns)
    if names:
        feature = {"names": names, "_type": "ClassLabel"}
        feature = {"feature": feature, "_type": "List"} if several else feature
        said = {"info": {"features": {"other": {"dtype": "string"}, column: feature}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(said)})
    pq.write_table(table, folder / "rows.parquet", **options)
    return folder / "rows.parquet"


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_texts_are_read_as_from_json_with_groups_pairs_and_empty_cells(tmp_path):
    columns = {"text": ["one", "two"], "text_pair": ["a", None], "label": [1, 0], "group": [7, 8]}
    rows = read_rows(written(tmp_path, columns), ("no", "yes"))
    assert [(row.text, row.pair, row.label, row.group) for row in rows] == [
        ("one", "a", 1, "7"), ("two", None, 0, "8"),
    ]  # fmt: skip
    text = {"prompt": ["Q", None], "answer": ["A", None], "text": [None, "whole"]}
    passages = read_passages(written(tmp_path, text))
    assert [(row.prompt, row.text) for row in passages] == [("Q", "A"), (None, "whole")]


def test_pictures_are_bytes_alone_or_in_a_struct(tmp_path):
    drawn = pictures.images(3)
    content = [png(each) for each in drawn]
    for images in (content, [{"bytes": each, "path": "../a.png"} for each in content]):
        file = written(tmp_path, {"image": images, "label": ["dog", "cat", "fish"]})
        rows = read_images(file, tuple(NAMES))
        assert [row.label for row in rows] == [1, 0, 2]
        assert all((row.pixels() == x).all() for row, x in zip(rows, drawn, strict=True))
        assert ImageClassification().shown(rows[2]) == "rows.parquet, row 3"
        assert len({row.digest for row in rows}) == 3


def test_indices_count_by_the_names_that_the_table_gives_them(tmp_path):
    file = written(tmp_path, {"text": ["a", "b", "c"], "label": [0, 1, 2]}, NAMES)
    assert label_names(file, "label") == tuple(NAMES)
    assert label_names(file, "text") is None
    assert [row.label for row in read_rows(file, ("Fish", "cat", " dog"))] == [1, 2, 0]
    assert [row.label for row in read_rows(file, ("0", "1", "2"))] == [0, 1, 2]
    words = "row 3: the label 2 is called 'fish' by the table, which is not among the 2 labels: cat"
    with pytest.raises(BadData, match=words):
        read_rows(file, ("cat", "dog"))
    file = written(tmp_path, {"text": ["a"], "label": [-1]}, NAMES)
    with pytest.raises(BadData, match="the label -1 stands for an unlabelled row"):
        read_rows(file, tuple(NAMES))


def test_labels_in_lists_have_names_too(tmp_path):
    file = written(tmp_path, {"tags": [[0, 2], [1]]}, NAMES, "tags", several=True)
    found = [row["tags"] for row, _ in parquet_records(file)]
    assert found == [[0, 2], [1]]
    assert all(isinstance(each, NamedIndex) for tags in found for each in tags)
    assert [[each.name for each in tags] for tags in found] == [["cat", "fish"], ["dog"]]


def test_a_head_without_names_has_the_table_s(tmp_path):
    model = pictures.built(tmp_path, "ViT")
    said = pictures.logits(model).argmax(-1).tolist()
    images = [{"bytes": png(each), "path": None} for each in pictures.images()]
    about = {"name": "expert", "checkpoint": "expert", "type": "image-classification"}
    about |= {"image_size": pictures.SIDE, "data": {"held_out": "rows.parquet"}}
    (tmp_path / "zoo.yaml").write_text(json.dumps({"base": "base", "tasks": [about]}))
    written(tmp_path, {"image": images, "label": said}, NAMES)
    bench = classifiers.bench(tmp_path)
    assert bench.tasks["expert"].labels == tuple(NAMES)
    assert "labels: cat, dog, fish, as the table of its rows has them." in bench.notes["expert"]
    assert classifiers.expert_score(bench).value == 1
    written(tmp_path, {"image": images, "label": said}, [*NAMES, "bird"])
    bench = classifiers.bench(tmp_path)
    assert bench.tasks["expert"].labels == ("0", "1", "2")
    words = "labels: the table of its rows names 4, the head has 3; the rows' indices count."
    assert words in bench.notes["expert"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"img": [b"x"], "label": [0]}, "row 1 has the unknown key 'img'; the keys are image, la"),
        ({"image": [{"bytes": None, "path": "a.png"}], "label": [0]}, "row 1: 'image' holds no by"),
        ({"image": [b""], "label": [0]}, "row 1: 'image' is empty; it must be a picture"),
        ({"image": [3], "label": [0]}, "row 1: 'image' is 3; it must be a picture"),
        ({"image": [b"x"], "label": pa.array([None], pa.int64())}, "row 1: the label None"),
        ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, "holds no rows"),
    ],
)
def test_columns_that_are_no_pictures_are_refused_by_name(tmp_path, columns, words):
    with pytest.raises(BadData, match=words):
        read_images(written(tmp_path, columns), ("a", "b"))


def test_damaged_tables_are_refused(tmp_path):
    file = written(tmp_path, {"text": ["a" * 9] * 999, "label": [0] * 999})
    whole = file.read_bytes()
    footer = len(whole) - int.from_bytes(whole[-8:-4], "little") - 8
    for content in (
        b"",
        b"PAR1",
        whole[:-9],
        b"PAR1....PAR1",
        whole[: footer // 2] + whole[footer:],
    ):
        file.write_bytes(content)
        with pytest.raises(BadData, match="rows.parquet is no Parquet table that can be read: "):
            read_rows(file, ("a", "b"))


def test_what_the_metadata_says_may_be_nonsense(tmp_path):
    for said in ("{", "[]", '{"info": {"features": 3}}', '{"info": {"features": {"label": 3}}}'):
        table = pa.table({"text": ["a"], "label": [0]})
        pq.write_table(
            table.replace_schema_metadata({"huggingface": said}), tmp_path / "rows.parquet"
        )
        assert label_names(tmp_path / "rows.parquet", "label") is None


def test_large_tables_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    file = written(tmp_path, {"text": ["a" * 9000] * 9, "label": [0] * 9})
    for name, most, words in (
        ("_MOST_ROWS", 8, "has 9 rows; at most 8"), ("_MOST_BYTES", 100, "bytes; at most 100"),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(parquet, name, most)
            with pytest.raises(BadData, match=words):
                read_rows(file, ("a", "b"))
    unpacked = written(tmp_path, {"text": ["a" * 90] * 9999}, use_dictionary=False)
    monkeypatch.setattr(parquet, "_MOST_BYTES", 10**5)
    assert unpacked.stat().st_size < 10**5
    with pytest.raises(BadData, match="bytes unpacked; at most 100,000"):
        list(parquet_records(unpacked))


@pytest.mark.parametrize("encoded", [False, True])
def test_a_long_value_that_is_repeated_very_often_is_refused(tmp_path, monkeypatch, encoded):
    """Its file says that it holds the value once."""
    monkeypatch.setattr(parquet, "_FEW_BYTES", 2**16)
    monkeypatch.setattr(parquet, "_MOST_TIMES", 1)
    cells = pa.array(["x" * 2**10] * 2_000)
    rows = pa.table({"text": cells.dictionary_encode() if encoded else cells})
    pq.write_table(rows, tmp_path / "rows.parquet")
    with pytest.raises(
        BadData, match=r"says that it holds .* but its first 65 rows hold more than"
    ):
        list(parquet_records(tmp_path / "rows.parquet"))


def test_a_column_that_is_named_twice_is_refused(tmp_path):
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(BadData, match="names the column 'text' twice"):
        list(parquet_records(tmp_path / "rows.parquet"))


def test_only_the_first_rows_are_read_where_only_these_are_asked_for(tmp_path):
    file = written(
        tmp_path, {"image": [png(np.zeros((4, 4), np.uint8))] * 5, "label": [0] * 4 + [9]}
    )
    assert len(read_images(file, ("a", "b"), most=4)) == 4
    with pytest.raises(BadData, match="row 5: the label 9 is outside the head"):
        read_images(file, ("a", "b"))

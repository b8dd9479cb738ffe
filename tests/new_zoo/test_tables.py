"""Tables as people save them, read to the same cells; what is none is refused with its reason."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.errors import BadData
from studio.new_zoo.tables import MOST_KEPT, plain, read_table
from tests.own_models import save_csv

ROWS = [
    {"text": "Größe, mit Komma", "label": "gut"},
    {"text": 'Zwei\nZeilen und "Zeichen"', "label": "schlecht"},
    {"text": "a; b | c", "label": "gut"},
]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_of_text_has_the_same_cells_however_it_is_saved(tmp_path, mark, encoding, end):
    found = read_table(save_csv(tmp_path / "rows.csv", ROWS, mark, encoding, end))
    assert list(found.rows) == ROWS
    assert (found.columns, found.total) == (("text", "label"), 3)
    assert ("Windows-1252" in " ".join(found.notes)) == (encoding == "cp1252")
    assert ("divided" in " ".join(found.notes)) == (mark != ",")


cells = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(cells, cells).filter(lambda r: all(map(str.strip, r))), min_size=1))
def test_what_a_spreadsheet_writes_is_read_back(tmp_path_factory, pairs):
    rows = [{"one": one, "two": two} for one, two in pairs]
    file = save_csv(tmp_path_factory.mktemp("rows") / "rows.tsv", rows, "\t")
    assert list(read_table(file).rows) == rows


def test_json_is_read_in_every_shape(tmp_path):
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    shapes = {
        "lines.jsonl": "\n".join(map(json.dumps, ROWS)), "list.json": json.dumps(ROWS),
        "lines.json": "\n".join(map(json.dumps, ROWS)), "columns.json": json.dumps(columns),
        "inside.json": json.dumps({"version": "1", "data": ROWS}, indent=1),
    }  # fmt: skip
    for name, text in shapes.items():
        (tmp_path / name).write_text(text)
        assert list(read_table(tmp_path / name).rows) == ROWS, name


def test_parquet_gives_the_names_of_its_labels(tmp_path):
    feature = {"label": {"_type": "ClassLabel", "names": ["gut", "schlecht"]}}
    about = {b"huggingface": json.dumps({"info": {"features": feature}}).encode()}
    table = pyarrow.table({"text": ["a", "b", "c"], "label": [0, 1, 0]})
    pyarrow.parquet.write_table(table.replace_schema_metadata(about), tmp_path / "rows.parquet")
    found = read_table(tmp_path / "rows.parquet")
    assert found.names == (("label", ("gut", "schlecht")),)
    assert [plain(row["label"]) for row in found.rows] == ["gut", "schlecht", "gut"]


def test_cells_that_hold_nothing_are_left_out(tmp_path):
    table = pyarrow.table({"text": ["a", None, "  "], "score": [1.5, float("nan"), None]})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert list(read_table(tmp_path / "rows.parquet").rows) == [{"text": "a", "score": 1.5}, {}, {}]
    (tmp_path / "short.csv").write_text("text,label\nshort\nlong,x\n,\n")
    assert list(read_table(tmp_path / "short.csv").rows) == [
        {"text": "short"}, {"text": "long", "label": "x"}, {},
    ]  # fmt: skip


def test_a_folder_of_images_has_a_row_for_each_and_its_folder_for_a_label(tmp_path):
    for label, count in (("cat", 2), ("dog", 1)):
        (tmp_path / label).mkdir()
        for at in range(count):
            Image.new("RGB", (4, 4)).save(tmp_path / label / f"{at}.png")
    (tmp_path / "cat" / ".hidden.png").write_bytes(b"")
    (tmp_path / "cat" / "notes.txt").write_text("")
    found = read_table(tmp_path)
    assert [(Path(row["image"]).name, row["label"]) for row in found.rows] == [
        ("0.png", "cat"), ("1.png", "cat"), ("0.png", "dog"),
    ]  # fmt: skip


def test_of_a_long_table_rows_are_drawn_with_a_seed_and_that_is_said(tmp_path):
    lines = "".join(f"row {at},{'ab'[at % 2]}\n" for at in range(MOST_KEPT + 1))
    (tmp_path / "long.csv").write_text("text,label\n" + lines)
    found, again = read_table(tmp_path / "long.csv"), read_table(tmp_path / "long.csv")
    other = read_table(tmp_path / "long.csv", 1)
    assert (len(found.rows), found.total) == (20_000, 20_001)
    assert found == again
    assert found.rows != other.rows
    assert found.notes == ("20,000 of its 20,001 rows were drawn at random (seed 0).",)
    places = [int(row["text"].split()[1]) for row in found.rows]
    assert places == sorted({*places})  # each once, in the order of the file


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"text,label\n", "holds no rows"),
        ("a.csv", b"text,label,label\na,b,c\n", "names the column 'label' twice"),
        ("a.csv", b"text,label\na,b\nc,d,e\n", "Expected 2 fields in line 3, saw 3"),
        ("a.csv", b"text,label\na,b,c\nd,e,f\n", "more cells than the first line has names"),
        ("a.csv", b'text,label\n"a,b\n', "is not CSV"),
        ("a.csv", b"PK\x03\x04", "called a table of text but is none"),
        ("a.csv", b"\x81\xfe\x81", "neither UTF-8 nor Windows-1252"),
        ("a.csv", "text,label\na,b\n".encode("utf-16-le"), "bytes of zero"),
        ("a.xlsx", b"PK", "is a workbook. Save the sheet as CSV"),
        ("a.docx", b"PK", "is no table that is read"),
        ("a.json", b'{"a": 1, "b": [2]}', "in which no list of rows was found"),
        ("a.json", b"[1]", "is '1'; a row is an object"),
        ("a.jsonl", b'{"a": NaN}', "which is not finite"),
        ("a.jsonl", b'{"a": "\\ud800"}', "lone surrogate"),
        ("a.parquet", b"no", "a.parquet"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadData, match=words):
        read_table(tmp_path / name)


def test_a_table_of_too_many_columns_is_refused(tmp_path):
    (tmp_path / "wide.jsonl").write_text(json.dumps({str(at): 1 for at in range(201)}))
    with pytest.raises(BadData, match="has 201 columns; at most 200 are read"):
        read_table(tmp_path / "wide.jsonl")


def test_a_folder_of_images_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(BadData, match=f"{tmp_path} cannot be read: Permission denied"):
        read_table(tmp_path)

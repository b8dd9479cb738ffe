"""Files of rows: JSON lists, strict CSV with bounds, and what is refused by name."""

import json

import pytest

from studio.errors import BadData
from studio.tasks import row_files
from studio.tasks.row_files import is_table, json_records, table_records

COLUMNS = ("text", "label")


def test_a_json_list_is_read_like_json_lines(tmp_path):
    file = tmp_path / "rows.json"
    file.write_text("\ufeff \n" + json.dumps([{"text": "a"}, {"text": "b"}], indent=1))
    assert list(json_records(file)) == [
        ({"text": "a"}, f"{file}, row 1"), ({"text": "b"}, f"{file}, row 2"),
    ]  # fmt: skip
    file.write_text('{"text": "a"}\n\n{"text": "b"}\n')
    assert [where for _, where in json_records(file)] == [f"{file}, line 1", f"{file}, line 3"]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("rows.arrow", b"ARROW1..", "an Arrow table"), ("rows.jsonl", b"PAR1", "a Parquet"),
        ("rows.xlsx", b"", "an Excel workbook"), ("rows.csv", b"PK\x03\x04", "a workbook"),
        ("rows.jsonl.gz", b"\x1f\x8b", "compressed"),
    ],
)  # fmt: skip
def test_binary_tables_are_refused_by_name_with_what_to_do(tmp_path, name, content, what):
    file = tmp_path / name
    file.write_bytes(content)
    read = table_records(file, COLUMNS, "text") if is_table(file) else json_records(file)
    with pytest.raises(BadData, match=f"{name} is {what}.* JSON lines .* or as CSV"):
        list(read)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("sentence,label\na,1\n", "line 1 names the columns 'sentence', 'label'; they must be of "
         "text, label, each once, and text among them"),
        (",text,label\n0,a,1\n", "names the columns '', 'text', 'label'"),
        ("text,text\na,b\n", "names the columns 'text', 'text'"),
        ("", "names the columns of nothing"),
        ("text,label\na,1\nb\n", "line 3 has 1 columns, but the first line names 2"),
        ('text,label\n"a\nb",1\n"c" d,1\n', "line 4 is not CSV: "),
        ('text,label\na,"1\n', "line 2 is not CSV: unexpected end of data"),
        ("text,label\n" + "a" * 200_000 + ",1\n", "line 2 is not CSV: field larger than"),
    ],
)  # fmt: skip
def test_tables_are_read_strictly(tmp_path, content, words):
    file = tmp_path / "rows.csv"
    file.write_text(content)
    with pytest.raises(BadData, match=words):
        list(table_records(file, COLUMNS, "text"))


def test_a_row_of_a_table_stands_where_it_begins(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text('text,label\n"a\nb",1\n\nc,\n')
    assert list(table_records(file, COLUMNS, "text")) == [
        ({"text": "a\nb", "label": "1"}, f"{file}, line 2"), ({"text": "c"}, f"{file}, line 5"),
    ]  # fmt: skip


def test_files_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(row_files, "_LARGEST_FILE", 20)
    file = tmp_path / "rows.csv"
    file.write_text("text,label\n" + "a,1\n" * 10)
    with pytest.raises(BadData, match="has 51 bytes; at most 20 are read"):
        list(table_records(file, COLUMNS, "text"))
    list_of_rows = tmp_path / "rows.json"
    list_of_rows.write_text("[" + "1," * 20 + "1]")
    with pytest.raises(BadData, match="at most 20 are read"):
        list(json_records(list_of_rows))


def test_the_index_that_pandas_writes_is_refused_with_how_to_leave_it_out(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(",text,label\n0,a,x\n")
    with pytest.raises(BadData, match=r"columns '', 'text', .* to_csv\(file, index=False\)"):
        list(table_records(file, ("text", "label"), "text"))

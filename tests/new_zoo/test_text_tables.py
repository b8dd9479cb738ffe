"""Tables of text: files that go or change while they are read, and lines that are no text."""

import pytest

from studio.errors import BadData, Cancelled
from studio.new_zoo import tables
from studio.new_zoo.tables import read_table, stamp_of
from studio.new_zoo.text_tables import text_records
from studio.progress import silent


def test_a_table_that_vanishes_between_two_reads_is_said_in_words(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("text,label\na,b\n")
    records, _ = text_records(file, silent)
    file.unlink()
    with pytest.raises(BadData, match=r"There is no file .*rows.csv"):
        list(records)
    with pytest.raises(BadData, match=r"There is no file .*rows.csv"):
        text_records(file, silent)


def test_a_table_that_vanishes_while_it_is_looked_through_is_said_in_words(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("text,label\na,b\n")

    def gone(share, words):
        file.unlink(missing_ok=True)

    with pytest.raises(BadData, match=r"There is no file .*rows.csv"):
        read_table(file, 0, gone)


def test_a_table_that_changes_while_it_is_read_is_refused(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("text,label\na,b\n")

    def longer(share, words):
        file.write_text("text,label\na,b\nc,d\n")

    with pytest.raises(BadData, match="changed while it was read. Have it read again"):
        read_table(file, 0, longer)


def test_the_line_that_is_no_text_is_named(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_bytes(b"text,label\nfine,b\n\x81\xff bad,b\n")
    with pytest.raises(BadData, match=r"neither UTF-8 nor Windows-1252 text \(its line 3 is not\)"):
        read_table(file)
    file.write_bytes(b"text,label\nfine,b\ncut \xe2\x82")
    with pytest.raises(BadData) as refused:
        tables.read_table(file.rename(tmp_path / "rows.json"))
    assert "byte" not in str(refused.value)


def test_reading_reports_rows_and_can_be_stopped(tmp_path):
    file, told = tmp_path / "rows.csv", []
    file.write_text("text,label\n" + "".join(f"row {at},b\n" for at in range(2_000)))
    read_table(file, 0, lambda share, words: told.append((share, words)))
    assert ("1,000 rows of rows.csv read" in {words for _, words in told}, told[0][0]) == (True, 0)
    assert [share for share, words in told if "1,000" in words] == [1_000 / 2_001]

    def stop(share, words):
        if "500 rows" in words:
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        read_table(file, 0, stop)


def test_a_stamp_changes_with_a_file_and_with_a_folder_of_images(tmp_path):
    file = tmp_path / "rows.csv"
    assert stamp_of(file) == ()
    file.write_text("a")
    before = stamp_of(file)
    file.write_text("ab")
    assert stamp_of(file) != before
    other = tmp_path / "other.csv"
    other.write_text("ab")
    before = stamp_of(file)
    other.replace(file)
    assert stamp_of(file) != before
    (tmp_path / "images" / "cat").mkdir(parents=True)
    before = stamp_of(tmp_path / "images")
    (tmp_path / "images" / "cat" / "one.png").write_text("x")
    assert stamp_of(tmp_path / "images") != before


def test_columns_in_which_every_row_is_empty_are_named(tmp_path):
    import pyarrow
    import pyarrow.parquet

    from studio.new_zoo.columns import records

    rows = [{"text": f"row {at}", "verdict": None} for at in range(12)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_text("text,verdict\n" + "".join(f"r {n},\n" for n in range(12)))
    for name in ("rows.parquet", "rows.csv"):
        table = read_table(tmp_path / name)
        assert (table.columns, table.empty) == (("text",), ("verdict",))
        chosen = {"text": "text", "label": "verdict"}
        with pytest.raises(BadData, match="'verdict', which is to be 'label', is empty"):
            records("text-classification", table, chosen)
        with pytest.raises(BadData, match=r"among 'text' \(empty in every row: 'verdict'\)"):
            records("seq2seq", table, {"text": "text"})


@pytest.mark.parametrize(
    ("text", "words"),
    [("text,label\na,b\n", "its first line is 'text,label'. It looks like CSV: give it the ending"),
     ("hello\n", "its first line is 'hello'. Save its rows as JSON lines")],
)  # fmt: skip
def test_other_text_under_the_name_of_json_is_told_what_it_is(tmp_path, text, words):
    (tmp_path / "rows.jsonl").write_text(text)
    with pytest.raises(BadData, match=words):
        read_table(tmp_path / "rows.jsonl")
    (tmp_path / "rows.jsonl").write_text('{"text": \n')
    with pytest.raises(BadData, match="line 1 is not JSON"):
        read_table(tmp_path / "rows.jsonl")

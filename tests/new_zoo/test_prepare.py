"""A task's rows made ready: labels by the head's names, splits, and every refusal in words."""

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from studio.errors import BadData, Remedy
from studio.new_zoo.plan import ALL, NewTask
from studio.new_zoo.prepare import Picture, prepared
from studio.new_zoo.tables import Table, read_table
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.contract import Opened
from tests.own_models import ANIMALS, save_csv, sentences

HEAD = LinearHead(torch.ones(3, 16), torch.ones(3))


def task(files: dict[str, Path], own: tuple[str, ...] = ANIMALS, **fields) -> NewTask:
    """A task with a head of three labels."""
    kind = fields.pop("kind", "text-classification")
    return NewTask("animals", Path("x"), kind, files, opened=Opened(own, HEAD), **fields)


def headless(files: dict[str, Path], **fields) -> NewTask:
    kind = fields.pop("kind", "text-classification")
    return NewTask("animals", Path("x"), kind, files, **fields)


@pytest.fixture
def rows(tmp_path):
    def made(found: list[dict], name: str = "rows.csv") -> Path:
        return save_csv(tmp_path / name, found)

    return made


def test_rows_are_drawn_from_one_file_and_their_origin_is_recorded(rows):
    file = rows(sentences(ANIMALS, 60))
    found = prepared(task({ALL: file}), 7)
    assert {split: len(each) for split, each in found.rows.items()} == {
        "held_out": 45, "validation": 15,
    }  # fmt: skip
    assert found.labels == ANIMALS
    assert found.record == {
        "seed": 7,
        "files": {"all": {"path": str(file), "sha256": read_table(file).digest, "rows": 60}},
        "columns": {"text": "text", "label": "label"},
        "rows": {"held_out": 45, "validation": 15},
    }
    assert prepared(task({ALL: file}), 7) == found


def test_a_head_that_is_missing_gets_training_rows_and_labels_in_their_order(rows):
    numbered = [row | {"label": str(at % 12)} for at, row in enumerate(sentences("ab", 60))]
    found = prepared(headless({ALL: rows(numbered)}), 0)
    assert list(found.rows) == ["held_out", "validation", "train"]
    assert found.labels == tuple(map(str, range(12)))  # 10 behind 9


def test_files_of_splits_stay_as_they_are(rows):
    every = sentences(ANIMALS, 30)
    files = {"held_out": rows(every[:20], "t.csv"), "validation": rows(every[20:], "v.csv")}
    found = prepared(task(files), 0)
    assert {split: len(each) for split, each in found.rows.items()} == {
        "held_out": 20, "validation": 10,
    }  # fmt: skip
    assert found.notes == ()


def test_rows_in_two_splits_are_refused_or_held_out_only(rows):
    every = sentences(ANIMALS, 30)
    files = {"held_out": rows(every[:20], "t.csv"), "validation": rows(every[15:], "v.csv")}
    with pytest.raises(BadData) as refusal:
        prepared(task(files), 0)
    assert "'animals': Splits share rows: 5 of 20 held-out rows are also in validation" in (
        str(refusal.value)
    )
    found = prepared(task(files), 0, drop_leaks=True)
    assert (len(found.rows["held_out"]), len(found.rows["validation"])) == (20, 10)
    assert found.notes == ("5 rows that were in two splits are held out only.",)
    files["validation"] = rows(every[15:20], "v.csv")
    with pytest.raises(BadData, match="no rows are left for validation"):
        prepared(task(files), 0, drop_leaks=True)


@pytest.mark.parametrize(
    ("found", "labels", "words"),
    [
        (sentences(("bird", "fish"), 20), ANIMALS,
         "10 of 20 rows have labels that the head lacks: 'fish' (10). It has 'bird', 'cat', "
         "'dog'. Choose another column, or rename the labels."),
        (sentences(ANIMALS, 20), ("0", "1", "2"),
         "the checkpoint does not name its 3 labels, so nothing says which of them is which of "
         "bird, cat, dog. Give the labels in the order of its head"),
        (sentences(ANIMALS, 3), ANIMALS, "There are 3 different rows; at least 10 are needed"),
        ([{"tale": 5}] * 20, ANIMALS, "no column was found for 'text'"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_taken_are_refused(rows, found, labels, words):
    with pytest.raises(BadData) as refusal:
        prepared(task({ALL: rows(found)}, labels), 0)
    assert str(refusal.value).startswith("'animals': ")
    assert words in str(refusal.value)


def refused(task: NewTask) -> tuple[Remedy | None, object]:
    """What helps, and what that is about."""
    with pytest.raises(BadData) as refusal:
        prepared(task, 0)
    return refusal.value.remedy, refusal.value.about


def test_the_one_other_column_with_the_labels_of_the_head_is_proposed(rows):
    found = [
        {
            "text": row["text"],
            "label": f"{at % 3}.",
            "mood": row["label"].upper(),
            "at": str(at % 3),
        }
        for at, row in enumerate(sentences(ANIMALS, 30))
    ]
    chosen = {"text": "text", "label": "label"}  # for by itself that column is guessed
    assert refused(task({ALL: rows(found)}, columns=chosen)) == (Remedy.TAKE_COLUMN, "mood")
    two = [row | {"again": row["mood"]} for row in found]
    assert refused(task({ALL: rows(two, "two.csv")}, columns=chosen)) == (None, "")
    other = [row | {"mood": "bird" if at else "newt"} for at, row in enumerate(found)]
    assert refused(task({ALL: rows(other, "other.csv")}, columns=chosen)) == (None, "")


def test_a_column_with_the_labels_of_the_head_wins_over_one_with_a_likely_name(rows):
    found = [
        {"text": row["text"], "stars": str(at % 5), "verdict": row["label"]}
        for at, row in enumerate(sentences(ANIMALS, 30))
    ]
    made = prepared(task({ALL: rows(found)}), 0)
    assert made.record["columns"] == {"text": "text", "label": "verdict"}
    assert {row["label"] for row in made.rows["held_out"]} == {*ANIMALS}
    without = prepared(headless({ALL: rows(found)}), 0)  # no head tells better
    assert without.record["columns"]["label"] == "stars"


def test_labels_without_names_are_proposed_in_the_order_of_the_alphabet(rows):
    numbers = ("0", "1", "2")
    assert refused(task({ALL: rows(sentences(ANIMALS, 30))}, numbers)) == (
        Remedy.NAME_LABELS, ANIMALS,
    )  # fmt: skip
    fewer = rows(sentences(ANIMALS[:2], 30), "fewer.csv")
    assert refused(task({ALL: fewer}, numbers)) == (Remedy.NAME_LABELS, ())


def test_more_labels_than_the_head_has_are_refused_at_once(rows):
    file = rows(sentences(ANIMALS, 30))
    with pytest.raises(BadData, match="4 labels were given, but its head has 3. Give each of them"):
        prepared(task({ALL: file}, labels=(*ANIMALS, "newt")), 0)
    assert prepared(headless({ALL: file}, labels=ANIMALS), 0).labels == ANIMALS


def test_what_else_helps_is_carried_with_the_refusal(rows):
    every = sentences(ANIMALS, 30)
    files = {"held_out": rows(every[:20], "t.csv"), "validation": rows(every[15:], "v.csv")}
    assert refused(task(files)) == (Remedy.DROP_LEAKS, "")
    grouped = [row | {"user": "" if at == 3 else "me"} for at, row in enumerate(every)]
    chosen = {"text": "text", "label": "label", "group": "user"}
    assert refused(task({ALL: rows(grouped)}, columns=chosen))[0] is Remedy.NO_GROUP
    gone = task({ALL: rows(every)}, columns={"text": "gone", "label": "label"})
    assert refused(gone)[0] is Remedy.GUESS_COLUMNS


def test_one_class_is_refused(rows):
    with pytest.raises(BadData, match="all rows have the label 'bird'. A classifier needs two"):
        prepared(headless({ALL: rows(sentences(("bird",), 20))}), 0)


def test_a_person_names_the_labels_of_a_head(rows):
    file = rows(sentences(ANIMALS, 30))
    assert prepared(task({ALL: file}, ("0", "1", "2"), labels=ANIMALS), 0).labels == ANIMALS
    indices = [row | {"label": str(ANIMALS.index(row["label"]))} for row in sentences(ANIMALS, 30)]
    assert prepared(task({ALL: rows(indices)}, ("0", "1", "2")), 0).labels == ("0", "1", "2")
    found = prepared(task({ALL: rows(indices)}), 0)
    assert {row["label"] for row in found.rows["held_out"]} == {*ANIMALS}
    assert found.notes[0].endswith("were the head's indices: 0 is bird, 1 is cat, 2 is dog.")


def test_a_head_cannot_be_fitted_without_training_rows(rows):
    every = sentences(ANIMALS, 30)
    files = {"held_out": rows(every[:20], "t.csv"), "validation": rows(every[20:], "v.csv")}
    with pytest.raises(BadData, match="fitting one needs training rows. Name a file for train"):
        prepared(headless(files), 0)


def test_rows_of_which_none_are_held_out_are_refused(rows):
    own = task({"validation": rows(sentences(ANIMALS, 30))})
    with pytest.raises(BadData, match="^'animals': no file holds its held-out rows, by which it"):
        prepared(own, 0)


def test_a_label_without_a_training_row_is_said_before_a_head_is_fitted(rows):
    every = [*sentences(ANIMALS, 60), {"text": "one of its kind", "label": "newt"}]
    file = rows(every)
    with pytest.raises(
        BadData, match="'animals': .*no training row has the label 'newt'. Add rows"
    ):
        prepared(headless({ALL: file}), 0)
    assert prepared(headless({ALL: rows(every[:-1], "fewer.csv")}), 0).labels == ANIMALS


def test_rows_called_training_rows_are_taken_with_a_word(rows):
    found = prepared(task({ALL: rows(sentences(ANIMALS, 30), "train.csv")}), 0)
    assert found.notes[0] == (
        "train.csv is called a file of training rows: a score says too much on rows that an expert "
        "has seen."
    )


def test_what_does_not_fit_a_checkpoint_is_said_before_its_rows(rows):
    wrong = headless({ALL: rows(sentences(ANIMALS, 30))}, refused=BadData("'animals': 2 labels."))
    with pytest.raises(BadData, match=r"^'animals': 2 labels\.$"):
        prepared(wrong, 0)
    assert prepared(headless({}), 0).rows == {}
    with pytest.raises(BadData, match="2 labels"):
        prepared(headless({}, refused=BadData("'animals': 2 labels.")), 0)


def test_groups_are_drawn_whole(rows):
    found = [row | {"user": str(at // 5)} for at, row in enumerate(sentences(ANIMALS, 100))]
    chosen = {"text": "text", "label": "label", "group": "user"}
    made = prepared(task({ALL: rows(found)}, columns=chosen), 0).rows
    groups = [{row["group"] for row in split} for split in made.values()]
    assert not groups[0] & groups[1]
    assert len(groups[0] | groups[1]) == 20


def test_groups_in_two_files_are_said_and_allowed(rows):
    found = [row | {"group": str(at % 7)} for at, row in enumerate(sentences(ANIMALS, 60))]
    files = {"held_out": rows(found[:40], "t.csv"), "validation": rows(found[40:], "v.csv")}
    assert prepared(task(files), 0).notes == (
        "Groups are in two splits: 40 of 40 held-out rows are also in validation by their group.",
    )


def picture(file: Path, shade: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (shade, shade, 0)).save(file)


def test_pictures_with_the_same_bytes_are_the_same_row(tmp_path):
    for at in range(12):
        picture(tmp_path / "test" / "ab"[at % 2] / f"{at}.png", at)
    for at in range(4):
        picture(tmp_path / "val" / "ab"[at % 2] / f"other{at}.png", 40 + at)
    shutil.copy(tmp_path / "test" / "a" / "0.png", tmp_path / "val" / "a" / "copy.png")
    files = {"held_out": tmp_path / "test", "validation": tmp_path / "val"}
    own = task(files, ("a", "b"), kind="image-classification")
    with pytest.raises(BadData, match="1 of 12 held-out rows are also in validation"):
        prepared(own, 0)
    found = prepared(own, 0, drop_leaks=True)
    assert len(found.rows["validation"]) == 4
    first = found.rows["held_out"][0]["image"]
    assert isinstance(first, Picture)
    assert (first.file, len(str(first))) == (tmp_path / "test" / "a" / "0.png", 64)


@pytest.mark.parametrize(
    ("place", "words"),
    [("../secret.png", "lies outside"), ("missing.png", "there is no picture"),
     ("out/x.png", "lies outside")],
)  # fmt: skip
def test_pictures_outside_the_folder_of_their_table_are_refused(tmp_path, place, words):
    picture(tmp_path / "secret.png", 0)
    (tmp_path / "table").mkdir()
    picture(tmp_path / "elsewhere" / "x.png", 0)
    (tmp_path / "table" / "out").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    file = save_csv(
        tmp_path / "table" / "rows.csv",
        [{"image": place, "label": "ab"[at % 2]} for at in range(12)],
    )
    with pytest.raises(BadData, match=words):
        prepared(task({ALL: file}, ("a", "b"), kind="image-classification"), 0)


def test_pictures_inside_a_table_are_their_bytes():
    cells = [
        {"image": {"bytes": b"%d" % at, "path": f"{at}.png"}, "label": "ab"[at % 2]}
        for at in range(20)
    ]
    cells[1]["image"] = {"bytes": b"0", "path": "copy.png"}
    made = Table(Path("x.parquet"), ("image", "label"), tuple(cells), 20, "")
    own = task({ALL: Path("x.parquet")}, ("a", "b"), kind="image-classification")
    found = prepared(own, 0, read=lambda file, seed: made)
    assert all(isinstance(row["image"], bytes) for row in found.rows["held_out"])
    assert "1 rows are copies of others; all copies are in one split." in found.notes

"""Names of tasks."""

from pathlib import Path

import pytest

from studio.new_zoo.names import as_name, called, renamed


@pytest.mark.parametrize(
    ("text", "name"),
    [("a/b:c", "a-b-c"), (" .x. ", "x"), ("NUL", "task-NUL"), ("", "task"), ("\u200b", "task"),
     ("a" * 300, "a" * 80), ("e\u0301", "é"), ("<script>", "-script-"),
     ("שלום\u200f", "שלום"), ("می\u200cخواهم", "میخواهم"),
     ("जायज़ा " * 40, ("जायज़ा " * 40).encode()[:200].decode("utf-8", "ignore").strip()),
     ("a\nb", "a-b")],
)  # fmt: skip
def test_any_text_becomes_a_name(text, name):
    assert as_name(text) == name


@pytest.mark.parametrize(
    ("folder", "name"),
    [("/runs/mood/checkpoint-500", "mood"), ("/x/anna.safetensors", "anna"), ("/", "task"),
     ("/mood/output/final_model", "mood"), ("/runs/lora", "task"), ("/mood/Adapter", "mood")],
)  # fmt: skip
def test_a_task_is_called_as_the_last_folder_whose_name_tells_something(folder, name):
    assert called(Path(folder)) == name


def test_what_was_left_out_of_a_name_is_said():
    folder = Path("/runs/می\u200cخواهم/checkpoint-1")
    said = renamed(folder, called(folder))
    assert said == r"The folder می\u200cخواهم becomes the task 'میخواهم', which can be told apart."
    assert renamed(Path("/runs/שלום"), "שלום") == renamed(Path("/runs/lora"), "task") == ""
    assert "becomes the task 'mood-2'" in renamed(Path("/b/mood"), "mood-2")

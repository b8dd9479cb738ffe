"""Names of tasks."""

from pathlib import Path

import pytest

from studio.new_zoo.names import as_name, called


@pytest.mark.parametrize(
    ("text", "name"),
    [("a/b:c", "a-b-c"), (" .x. ", "x"), ("NUL", "task"), ("", "task"), ("\u200b", "task"),
     ("a" * 300, "a" * 80), ("e\u0301", "é"), ("<script>", "-script-")],
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

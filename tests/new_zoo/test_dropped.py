"""Files that were dropped into the page."""

from pathlib import Path

import pytest

from studio.errors import BadZoo
from studio.new_zoo.dropped import keep_dropped


def dropped(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return [folder / name for name in names]


def test_an_adapter_is_kept_together_under_a_name_that_is_free(tmp_path):
    home = tmp_path / "home"
    for number, called in enumerate(("dropped", "dropped-1")):
        files = dropped(tmp_path / str(number), "adapter_model.safetensors", "adapter_config.json")
        kept = keep_dropped(files, home)
        assert kept == home / called
        assert sorted(each.name for each in kept.iterdir()) == sorted(x.name for x in files)
        assert not any(file.exists() for file in files)


def test_a_table_gives_the_folder_its_name(tmp_path):
    kept = keep_dropped(dropped(tmp_path / "a", "hotel reviews.csv"), tmp_path / "home")
    assert kept.name == "hotel reviews"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "Drop an adapter"),
        (("model.bin",), "model.bin is not taken"),
        (("run.py", "a.csv"), "run.py is not taken"),
    ],
)
def test_what_is_not_read_is_refused_and_stays(tmp_path, names, words):
    files = dropped(tmp_path / "a", *names)
    with pytest.raises(BadZoo, match=words):
        keep_dropped(files, tmp_path / "home")
    assert all(file.exists() for file in files)
    assert not (tmp_path / "home").exists()


def test_two_adapters_at_a_time_cannot_be_told_apart(tmp_path):
    (one,) = dropped(tmp_path / "a", "adapter_model.safetensors")
    (two,) = dropped(tmp_path / "b", "adapter_model.safetensors")
    with pytest.raises(BadZoo, match="Drop one adapter at a time"):
        keep_dropped([one, two], tmp_path / "home")

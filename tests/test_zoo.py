"""A zoo file: what is wrong with it is said all at once."""

import json

import pytest

from studio.errors import BadZoo, SeveralBadInZoo
from studio.zoo import load_zoo


def written(folder, **content):
    file = folder / "zoo.yaml"
    file.write_text(json.dumps(content))
    return file


def test_every_mistake_is_listed_with_the_entry_it_stands_in(tmp_path):
    (tmp_path / "rows.jsonl").write_text("")
    file = written(
        tmp_path, nmae="x", name=3, base="base",
        tasks=[
            {"name": "a", "chekpoint": "a", "pooling": "most"},
            {"name": "b", "checkpoint": "b", "data": {"held_out": "rows.jsonl", "tset": "x"}},
            {"name": "c", "checkpoint": "c"},
            "d",
            {"name": "c", "checkpoint": "c"},
        ],
        general=[{"name": "g", "checkpoint": "base"}],
    )  # fmt: skip
    with pytest.raises(SeveralBadInZoo) as refused:
        load_zoo(tmp_path)
    said = [str(each) for each in refused.value.found]
    assert all(each.startswith(str(file)) for each in (*said, str(refused.value)))
    wanted = [
        "unknown key 'nmae'", "task 1 has the unknown key 'chekpoint'", "task 1 has pooling 'most'",
        "task 1: 'checkpoint' is None", "task 2: data has the unknown key 'tset'",
        "task 4 must be a mapping", "'name' is 3", "general 1 has the unknown key 'checkpoint'",
        "names the task 'c' twice",
        *(f"task {n}: its checkpoint {tmp_path / name} does not exist" for n, name in
          ((2, "b"), (3, "c"), (5, "c"))),
    ]  # fmt: skip
    assert len(said) == len(wanted)
    assert all(any(words in sentence for sentence in said) for words in wanted)


def test_one_mistake_is_one_sentence(tmp_path):
    written(tmp_path, base="base", tasks=[{"name": "a"}])
    with pytest.raises(BadZoo, match="task 1: 'checkpoint' is None; it must be a name or path"):
        load_zoo(tmp_path)


def test_without_a_base_general_rows_are_still_looked_at(tmp_path):
    (tmp_path / "a").mkdir()
    written(tmp_path, tasks=[{"name": "a", "checkpoint": "a"}], general=[{"name": "g", "x": 1}])
    with pytest.raises(SeveralBadInZoo) as refused:
        load_zoo(tmp_path)
    first, second = map(str, refused.value.found)
    assert "'base' is None" in first
    assert "general 1 has the unknown key 'x'" in second


def test_a_name_that_stands_twice_is_told_beside_the_other_mistakes(tmp_path):
    with pytest.raises(SeveralBadInZoo) as error:
        load_zoo(
            written(
                tmp_path, base="base",
                tasks=[{"name": "a", "checkpoint": "a"}, {"name": "a", "checkpont": "a"}],
            )
        )  # fmt: skip
    assert any("names the task 'a' twice" in str(each) for each in error.value.found)

"""T-06, T-14 to T-17: documents that lie, numbers that are none, models that do not belong."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import StudioError
from studio.export.model import export
from studio.measure.bench import Bench
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry, load_recipe
from studio.session.engine import Engine
from studio.zoo import load_zoo
from tests.conftest import draw, refusal, save_model

CPU = torch.device("cpu")
BAD_JSON = [
    ("NaN", "NaN, which is not finite"),
    ("-Infinity", "-Infinity, which is not finite"),
    ("1e999", "1e999, which is not finite"),
    ('{"twice": 1, "twice": 2}', "names twice twice"),
    ("[" * 100_000, "too deep|levels deep|about 100,"),
    ('"\\ud800"', "not Unicode"),
    ("{", "is not JSON"),
]


def documents(zoo: Path) -> dict[str, tuple[Path, Callable[[], object]]]:
    """Every JSON document of a zoo: its file, and what opens it."""
    return {
        "adapter options": (
            zoo / "animal" / "adapter_config.json", lambda: open_checkpoint(zoo / "animal"),
        ),
        "index": (
            zoo / "base" / "model.safetensors.index.json", lambda: open_checkpoint(zoo / "base"),
        ),
        "configuration": (
            zoo / "base" / "config.json", lambda: open_checkpoint(zoo / "base").config,
        ),
        "labels": (zoo / "animal" / "labels.json", lambda: Bench(load_zoo(zoo), CPU)),
        "rows": (
            zoo / "animal" / "held_out.jsonl",
            lambda: Bench(load_zoo(zoo), CPU).tasks["animal"].rows("held_out"),
        ),
        "recipe": (zoo / "recipe.json", lambda: load_recipe(zoo / "recipe.json")),
    }  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BAD_JSON)
@pytest.mark.parametrize("kind", list(documents(Path())))
def test_json_that_parsers_disagree_on_is_refused_by_file(tiny_copy, kind, text, words):
    file, work = documents(tiny_copy)[kind]
    if kind == "index":  # which is read where there is no single file
        (tiny_copy / "base" / "model.safetensors").unlink()
    file.write_text(text if text[0] == "{" else f'{{"a": {text}}}')
    with pytest.raises(StudioError, match=words) as error:
        work()
    assert str(file) in refusal(error)
    if kind == "rows" and text[0] != "[":  # which opens a list of rows, read whole
        assert "line 1" in refusal(error)


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["recipe.yaml", "zoo.yaml"])
def test_an_alias_bomb_is_refused_at_its_first_alias(tmp_path, name):
    (tmp_path / name).write_text(bomb(9))
    load = load_recipe if name == "recipe.yaml" else load_zoo
    begun = time.monotonic()
    with pytest.raises(StudioError, match=r"aliases \(\*name\) are not accepted at line 2"):
        load(tmp_path / name)
    assert time.monotonic() - begun < 0.5  # ten times what it should take


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("base: no", None),  # text, and not False
        ("base: 12:30:00", None),
        ("seed: 12:30", "seed '12:30'"),
        ("seed: 0x10", "seed '0x10'"),
        ("seed: .nan", "seed nan"),
        ("dtype: no", "dtype 'no' is not one of"),
        ("unknown_field: 1", "unknown key 'unknown_field'"),
        ("base: x\nbase: y", "'base' stands there twice"),
        ("base: !!python/name:os.system x", "tags"),
        ("base: *x", "aliases"),
        ("name: " + "x" * 300_000, "at most 262,144 are read"),
    ],
)
def test_yaml_means_what_it_says_or_is_refused(tmp_path, line, words):
    start = "" if line.startswith("base") else "base: b\n"
    tasks = "\ntasks: [{name: a, checkpoint: c}]\nmethod: average\n"
    (tmp_path / "recipe.yaml").write_text(start + line + tasks)
    if words is None:
        recipe = load_recipe(tmp_path / "recipe.yaml")
        assert recipe.base == str(tmp_path / line.removeprefix("base: "))
    else:
        with pytest.raises(StudioError, match=words):
            load_recipe(tmp_path / "recipe.yaml")


def two(folder: Path, change, method: str = "mdm_oc", **fields) -> Recipe:
    """A base and two checkpoints, of which ``change`` makes the second from the base."""
    base, other = draw(0), draw(1, scale=0.1)
    save_model(folder / "base", base)
    save_model(folder / "good", {k: v + other[k] for k, v in base.items()})
    save_model(folder / "bad", change(base))
    tasks = tuple(TaskEntry(name, str(folder / name), 1.0) for name in ("good", "bad"))
    return Recipe(str(folder / "base"), tasks, method, **fields)


def with_value(value: float, count: int):
    def change(base):
        moved = {k: v + 0.1 for k, v in base.items()}
        moved["layer.1.dense.weight"].view(-1)[:count] = value
        return moved

    return change


def good_plus(share: float):
    def change(base):
        other, own = draw(1, scale=0.1), draw(2, scale=0.1)
        return {k: v + other[k] + share * own[k] for k, v in base.items()}

    return change


@pytest.mark.parametrize(
    ("change", "fields", "words"),
    [
        (with_value(float("nan"), 1), {},
         r"bad.model.safetensors: layer.1.dense.weight holds 1 values that are NaN or infinite, "
         r"of 24"),
        (with_value(float("inf"), 3), {"method": "task_arithmetic"}, "holds 3 values"),
        (with_value(float("nan"), 2), {"method": "ties"}, "holds 2 values"),
        (good_plus(0.0), {}, "'good' and 'bad' are the same checkpoint"),
        (lambda base: base, {"method": "average"}, "'bad' is equal to the base"),
        (good_plus(1e-6), {}, "'bad' adds no direction of its own: .* its cosine with 'good'"),
        (with_value(1e5, 1), {"dtype": "float16", "method": "task_arithmetic"},
         "merged values reach 1e\\+05, but torch.float16 ends at 6.55e\\+04"),
        (with_value(3e38, 1), {"method": "task_arithmetic"}, None),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_merged_are_a_sentence_and_no_folder(
    tmp_path, change, fields, words
):
    recipe = two(tmp_path, change, **fields)
    if words is None:  # large, but a number
        assert export(open_merge(recipe), tmp_path / "out")
        return
    with pytest.raises(StudioError, match=words):
        export(open_merge(recipe), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"base", "good", "bad"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda base: {k: v for k, v in base.items() if "layer.1" not in k},
         r"lacks 2 of the base's 5 tensors: layer.1.dense"),
        (lambda base: base | {"layer.0.dense.weight": torch.ones(6, 5)},
         r"layer.0.dense.weight \(6, 5\) instead of \(6, 4\)"),
        (lambda base: base | {"layer.0.dense.bias": torch.ones(6, dtype=torch.int64)},
         "layer.0.dense.bias I64 instead of F32"),
        (lambda base: base | {"layer.2.dense.bias": torch.ones(6)}, "layers that the base does"),
        (lambda base: {f"encoder_{k}": v for k, v in base.items()}, "lacks 5 of the base's 5"),
    ],
)  # fmt: skip
def test_a_model_of_another_base_is_refused_by_tensor(tmp_path, change, words):
    recipe = two(tmp_path, change)
    with pytest.raises(StudioError, match=words):
        open_merge(recipe)


def test_another_precision_of_the_same_base_is_merged_in_the_wider_one(tmp_path):
    recipe = two(tmp_path, lambda base: {k: (v + 0.25).bfloat16() for k, v in base.items()})
    base, bad = (load_file(tmp_path / name / "model.safetensors") for name in ("base", "bad"))
    deltas = Deltas(open_checkpoint(recipe.base), [("bad", open_checkpoint(tmp_path / "bad"))])
    name = "layer.0.dense.bias"
    found = deltas.at(name).delta(0, 0, 6, torch.float32)
    assert found is not None
    assert found.equal(bad[name].float() - base[name])


def test_a_checkpoint_cut_off_during_a_job_fails_the_job_and_nothing_else(tiny_copy, tmp_path):
    engine = Engine(tiny_copy, (tiny_copy, tmp_path), CPU)
    engine.start()
    session = engine.session("")
    try:
        deadline = time.monotonic() + 240
        while session.snapshot().busy and time.monotonic() < deadline:
            time.sleep(0.02)
        file = tiny_copy / "color" / "model.safetensors"
        os.truncate(file, file.stat().st_size // 2)
        session.exports.start_export(str(tmp_path / "out"))
        while session.snapshot().job.running and time.monotonic() < deadline:  # type: ignore[union-attr]
            time.sleep(0.02)
        job = session.snapshot().job
        assert job is not None
        assert job.phase == "failed"
        assert "changed or cut off while it was in use" in job.words
        assert [each.name for each in tmp_path.iterdir() if "out" in each.name] == []
        value = session.mixer_value()
        rows = [row | {"on": row["name"] == "animal"} for row in value["rows"]]
        session.move(value | {"rows": rows})
        while session.snapshot().busy and time.monotonic() < deadline:
            time.sleep(0.02)
        now = session.snapshot()
        assert not now.refusal
        assert now.scores["animal"].n
    finally:
        engine.close()


def test_rows_say_in_which_line_a_number_is_none(tiny_copy):
    file = tiny_copy / "color" / "held_out.jsonl"
    lines = file.read_text().splitlines()
    row = json.loads(lines[4])
    lines[4] = json.dumps(row | {"label": float("nan")})
    file.write_text("\n".join(lines))
    with pytest.raises(StudioError, match=r"held_out.jsonl, line 5 holds the number NaN"):
        Bench(load_zoo(tiny_copy), CPU).tasks["color"].rows("held_out")

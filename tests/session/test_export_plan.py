"""What an export takes, and that command and program write the weights of the page's export."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
import yaml

from studio.__main__ import main
from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import NotAllowed, OutputExists, StudioError
from studio.export.plan import ExportPlan
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry, parse_recipe
from studio.session.engine import Engine
from studio.session.export_plan import as_command, as_python
from tests.session.test_engine import job_of
from tests.session.test_session import move

NAME = "it's a $(strange) na`me"


@pytest.fixture
def session(tiny_zoo, tmp_path):
    folder = Path(shutil.copytree(tiny_zoo, tmp_path / NAME))
    engine = Engine(folder, (tmp_path,), torch.device("cpu"))
    engine.start()
    session = engine.session("")
    move(session, color={"coefficient": 0.1 + 0.2}, animal={"coefficient": -1e-3})
    yield session
    engine.close()


def run_python(text: str, capsys) -> str:
    exec(text, {})
    return capsys.readouterr().out.split()[-1]


def run_command(text: str, folder: Path, capsys, monkeypatch) -> str:
    """Have a shell take the command apart, and do what it says in this process."""
    (folder / "bin").mkdir()
    shim = folder / "bin" / "python"
    shim.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" > words\n")
    shim.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-c", text], cwd=folder, env={"PATH": path}, check=True)
    words = (folder / "words").read_text().split("\0")
    monkeypatch.chdir(folder)
    assert words[:2] == ["-m", "studio"]
    assert main(words[2:-1]) == 0
    return capsys.readouterr().out.split()[-1]


@pytest.mark.parametrize("dtype", ["", "bfloat16"])
def test_command_and_program_write_the_weights_of_the_pages_export(
    session, tmp_path, dtype, capsys, monkeypatch
):
    session.edit(f"dtype:{dtype}")
    session.exports.start_export(str(tmp_path / "page"), classifiers=True)
    assert job_of(session.engine).phase == "done"
    root = open_checkpoint(tmp_path / "page").digest
    _, python = session.exports.plan_texts(ExportPlan(str(tmp_path / "by program")))
    assert run_python(python, capsys) == root == open_checkpoint(tmp_path / "by program").digest
    plan = ExportPlan(str(tmp_path / "by 'command'"), classifiers=True)
    command, _ = session.exports.plan_texts(plan)
    assert run_command(command, tmp_path, capsys, monkeypatch) == root
    made = sorted(p.relative_to(plan.folder) for p in Path(plan.folder).rglob("*"))
    assert made == sorted(p.relative_to(tmp_path / "page") for p in (tmp_path / "page").rglob("*"))


@pytest.mark.parametrize("each_task", [False, True])
def test_an_adapter_is_written_alike_by_page_and_program(session, tmp_path, capsys, each_task):
    move(session, color={"on": False})
    session.exports.start_adapter(str(tmp_path / "page"), 2, each_task)
    job = job_of(session.engine)
    assert job.phase == "done"
    assert (
        f"in that folder: vllm serve {shlex.quote(session.zoo.base)} --enable-lora" in job.words
    ) == each_task
    plan = ExportPlan(str(tmp_path / "program"), adapter=True, rank=2, each_task=each_task)
    command, python = session.exports.plan_texts(plan)
    assert ("--as-lora --each-task --lora-rank 2" in command) == each_task
    assert "--classifiers" not in command
    assert run_python(python, capsys) == open_checkpoint(tmp_path / "page").weights.root
    for made in ("page", "program"):
        assert (tmp_path / made / "tasks" / "animal").is_dir() == each_task


def test_a_recipe_of_no_task_is_a_program_and_a_command():
    empty = Recipe("/base", ())
    text = as_command(empty, Path("/zoo"), ExportPlan("out")).split("'END'\n")[1].split("END")[0]
    assert parse_recipe(yaml.safe_load(text), Path("/"), "it") == empty
    assert "tasks=(\n    )," in as_python(empty, ExportPlan("out"))


def test_of_a_method_that_needs_data_there_is_a_command_and_a_comment(
    session, tmp_path, capsys, monkeypatch
):
    session.move(session.mixer_value() | {"method": "regmean"})
    plan = ExportPlan(str(tmp_path / "by command"))
    command, python = session.exports.plan_texts(plan)
    assert python.startswith("# RegMean measures every expert on its own validation rows")
    exec(python)  # nothing but comments
    session.exports.start_export(str(tmp_path / "page"))
    assert job_of(session.engine).phase == "done"
    root = open_checkpoint(tmp_path / "page").digest
    assert run_command(command, tmp_path, capsys, monkeypatch) == root


def test_names_with_quotes_and_line_ends_stay_data():
    recipe = Recipe("/b", (TaskEntry("a", "/x'\"\nEND\nrm -rf", 1.0),), seed=3)
    command = as_command(recipe, Path("/z"), ExportPlan("o; rm"))
    assert command.count("\nEND\n") == 1
    assert command.endswith("--out 'o; rm' --zoo /z\n")
    space: dict = {}
    program = as_python(recipe, ExportPlan("o'"))
    exec(program.split("print(")[0], space)
    assert space["recipe"] == recipe


def test_command_and_program_hold_coefficients_per_group_of_tensors():
    grouped = GroupedCoefficient(0.4, (("layer.0.*", 0.1 + 0.2), ("it's[[]0]", -1.0)))
    recipe = Recipe("/b", (TaskEntry("a", "/x", grouped), TaskEntry("b", "/y", 1.0)))
    space: dict = {}
    exec(as_python(recipe, ExportPlan("o")).split("print(")[0], space)
    assert space["recipe"] == recipe
    text = as_command(recipe, Path("/z"), ExportPlan("o")).split("'END'\n")[1].split("\nEND")[0]
    assert parse_recipe(yaml.safe_load(text), Path("/"), "it") == recipe


def test_a_forecast_counts_what_is_written(session, tmp_path):
    plain = session.exports.forecast(ExportPlan(str(tmp_path / "new")))
    session.edit("dtype:float16")
    half = session.exports.forecast(ExportPlan(str(tmp_path / "new")))
    assert half.size * 2 == plain.size
    with_classifier = session.exports.forecast(ExportPlan(str(tmp_path / "new"), classifiers=True))
    assert with_classifier.size == 2 * half.size
    assert plain.needed > plain.size
    assert plain.free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)


def test_a_forecast_of_an_adapter_is_its_files_size(session, tmp_path):
    move(session, color={"on": False})
    plan = ExportPlan(str(tmp_path / "one"), adapter=True, rank=3)
    size = session.exports.forecast(plan).size
    session.exports.start_adapter(plan.folder, plan.rank)
    assert job_of(session.engine).phase == "done"
    entries = open_checkpoint(tmp_path / "one").weights.entries.values()
    assert size == sum(entry.size for entry in entries)
    both = ExportPlan(str(tmp_path / "both"), adapter=True, rank=3, each_task=True)
    assert session.exports.forecast(both).size > size


def test_a_forecast_refuses_what_the_export_would_refuse(session, tmp_path):
    with pytest.raises(NotAllowed, match="outside the folders"):
        session.exports.forecast(ExportPlan("/etc/x"))
    with pytest.raises(OutputExists, match="exists already"):
        session.exports.forecast(ExportPlan(str(tmp_path)))
    with pytest.raises(StudioError, match="'color' changes .* as a whole"):
        session.exports.forecast(ExportPlan(str(tmp_path / "new"), adapter=True))
    with pytest.raises(StudioError, match="rank of the adapter is 0"):
        session.exports.forecast(ExportPlan(str(tmp_path / "new"), adapter=True, rank=0))


def test_the_rounding_is_measured_before_as_the_export_tells_it_after(session, tmp_path):
    session.edit("dtype:bfloat16")
    session.exports.start_rounding()
    before = job_of(session.engine).words
    session.exports.start_export(str(tmp_path / "out"))
    after = job_of(session.engine).words
    assert before.startswith("bfloat16 loses")
    assert before.removesuffix(".") in after


def test_program_and_command_say_which_tokens_an_export_has(tmp_path):
    recipe = Recipe("/base", (TaskEntry("a", "/a"),), "average", vocabulary="union")
    program = as_python(recipe, ExportPlan(tmp_path / "out"))
    assert "    vocabulary='union',\n" in program
    compile(program, "program", "exec")
    assert "\nvocabulary: union\n" in as_command(recipe, Path("zoo"), ExportPlan(tmp_path / "out"))
    plain = Recipe("/base", (TaskEntry("a", "/a"),), "average")
    assert "vocabulary" not in as_python(plain, ExportPlan(tmp_path / "out"))

import yaml

from studio.commands.convert import MERGEKIT, STUDIO
from studio.methods.mergekit.setting import MOST_ANCHORS
from studio.recipe import GroupedCoefficient, load_recipe
from tests.commands.conftest import run

TEXT = """\
merge_method: task_arithmetic
base_model: base
models:
  - {model: red, parameters: {weight: {filter: layer.1., value: 0.5}}}
  - {model: blue, parameters: {weight: 0.3}}
parameters: {weight: [1, 0]}
dtype: float32
"""


def convert(capsys, folder, text, *more, to=STUDIO):
    (folder / "given.yaml").write_text(text)
    given, made = folder / "given.yaml", folder / "made.yaml"
    return *run(capsys, "convert", given, "--to", to, "--out", made, *more), made


def test_a_configuration_becomes_a_recipe_and_one_again(capsys, zoo_folder):
    code, out, err, made = convert(capsys, zoo_folder, TEXT)
    assert (code, err) == (0, "")
    assert out == f"{made}: a recipe.\n"
    recipe = load_recipe(made)
    assert recipe.names == ("red", "blue")
    red = recipe.tasks[0].coefficient
    assert isinstance(red, GroupedCoefficient)
    assert (red.of("layer.0.dense.weight"), red.of("layer.1.dense.weight")) == (1.0, 0.5)
    back = zoo_folder / "back.yaml"
    code, out, _ = run(capsys, "convert", made, "--to", "mergekit", "--out", back)
    assert (code, out) == (0, f"{back}: a configuration of mergekit.\n")
    models = yaml.safe_load(back.read_text())["models"]
    assert models[1] == {
        "model": f"{zoo_folder / 'base'}+{zoo_folder / 'blue'}", "parameters": {"weight": 0.3},
    }  # fmt: skip


def test_notes_are_printed(capsys, zoo_folder):
    text = TEXT.replace("dtype: float32", "dtype: float16\ntokenizer_source: base")
    code, out, *_ = convert(capsys, zoo_folder, text)
    assert code == 0
    assert out.startswith("Note: mergekit computes this in float16 and rounds at every step;")
    assert "Note: The tokenizer is the base's, as in every export;" in out


def test_a_linear_merge_is_given_the_base_of_its_models(capsys, zoo_folder):
    text = "merge_method: linear\nmodels: [{model: red}, {model: green}]\nparameters: {weight: 1}\n"
    code, _, err, made = convert(capsys, zoo_folder, text)
    assert code == 1
    assert err.rstrip().endswith("--base MODEL.")
    assert not made.exists()
    code, *_ = convert(capsys, zoo_folder, text, "--base", zoo_folder / "base")
    assert code == 0
    assert [task.coefficient for task in load_recipe(made).tasks] == [0.5, 0.5]


def test_what_is_refused_is_one_sentence_and_nothing_is_written(capsys, zoo_folder):
    slices = "slices: [{sources: [{model: red, layer_range: [0, 1]}]}]\nmerge_method: passthrough\n"
    anchors = ", ".join(["0.5"] * (MOST_ANCHORS + 1))
    for text, words in [
        (slices, "'slices' assembles a model of layers of others"),
        ("a: &x [1]\nmerge_method: *x\n", "aliases (*name) are not accepted"),
        ("merge_method: !!python/name:os.system x\n", "tags (!name) are not accepted"),
        ("merge_method: ties\nmodels: " + "[" * 100 + "]" * 100, "nested more than 64 levels"),
        (TEXT.replace("[1, 0]", f"[{anchors}]"), "is a list of 10,001; a gradient has 1 to 10,000"),
        (TEXT + "# " + "x" * 300_000, "at most 262,144 are read"),
        ("base: base\ntasks: []\n", "has no merge_method, so it is no configuration of mergekit."),
        (TEXT.replace("model: red", "model: gone"), "There is no folder"),
        ("- 1\n", "must be a mapping"),
    ]:
        code, _, err, made = convert(capsys, zoo_folder, text)
        assert code == 1
        assert words in err
        assert len(err.strip().splitlines()) == 1
        assert not made.exists()


def test_options_that_do_not_fit_and_files_that_are_there_are_refused(capsys, zoo_folder):
    (zoo_folder / "made.yaml").write_text("mine")
    code, _, err, made = convert(capsys, zoo_folder, TEXT)
    assert (code, made.read_text()) == (1, "mine")
    assert "exists already" in err
    made.unlink()
    code, _, err, _ = convert(capsys, zoo_folder, TEXT, "--base", "x", to=MERGEKIT)
    assert (code, "--base is for --to studio" in err) == (1, True)
    code, _, err = run(capsys, "merge", zoo_folder / "given.yaml", "--out", zoo_folder / "out")
    assert code == 1
    assert "is a configuration of mergekit; convert it to a recipe first." in err

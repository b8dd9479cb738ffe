"""Recipes written for mergekit say the same model: read back, they merge to it."""

import json

import pytest
import torch
import yaml

from studio.errors import BadRecipe, StudioError
from studio.merge import open_merge
from studio.methods.mergekit import readings, writings
from studio.methods.mergekit.filters import setting_of
from studio.methods.mergekit.outgoing import UNSEEN, Opened, configuration_of
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry
from tests.conftest import draw, save_adapter
from tests.merged import merged_tensors

GROUPS = GroupedCoefficient(0.4, (("model.layers.1.*", 0.1), ("*mlp*", 0.7)))


@pytest.fixture
def recipe(llamas):
    def make(method, options=None, coefficients=(0.6, 0.3), **fields):
        names = ("red", "green", "blue")
        tasks = tuple(
            TaskEntry(name, str(llamas / name), x)
            for name, x in zip(names, coefficients, strict=False)
        )
        return Recipe(str(llamas / "base"), tasks, method, options or {}, **fields)

    return make


def written(recipe):
    def opened():
        merge = open_merge(recipe)
        return Opened(merge.deltas, lambda: merge.mixing)

    text, notes = configuration_of(recipe, opened)
    return text, notes


SAME = [
    ("task_arithmetic", {"scale": 0.5}, (0.6, 0.3)),
    ("task_arithmetic", {}, (GROUPS, -0.5)),
    ("average", {}, (1.0, GROUPS)),
    ("ties", {"trim": "tensor", "reduce": "weighted", "density": 0.4, "scale": 0.8}, (0.6, GROUPS)),
    ("ties", {"trim": "tensor", "reduce": "weighted_sum"}, (0.6, 0.3)),
    ("ties", {"trim": "tensor", "reduce": "mean"}, (0.6, 0.6)),
    ("ties", {"density": 1.0, "reduce": "sum", "scale": 2.0}, (0.3, 0.3)),
    ("dare", {"drop": 0.3}, (0.6, GROUPS)),
    ("dare", {"drop": 0.3, "rescale": "norm", "elect": "weighted_sum"}, (0.6, 0.3)),
    ("dare", {"drop": 0.3, "elect": "weighted"}, (0.6, 0.3)),
    ("breadcrumbs", {"density": 0.7, "gamma": 0.1}, (0.6, 0.3)),
    ("breadcrumbs", {"density": 0.7, "elect": "weighted_sum"}, (0.6, GROUPS)),
    ("breadcrumbs", {"density": 0.7, "elect": "weighted"}, (0.6, 0.3)),
    ("della", {"rescale": "norm"}, (0.6, 0.3)),
    ("della", {"drop": 0.4, "rescale": "norm", "elect": "weighted"}, (0.6, GROUPS)),
    ("della", {"epsilon": 0.0}, (0.6, 0.3)),
    ("model_stock", {}, (1.0, 1.0, 1.0)),
    ("model_stock", {}, (0.5, 1.0, 1.0)),
    ("slerp", {}, (GROUPS, 0.3)),
    ("slerp", {"line": "never"}, (GROUPS, 0.3)),
    ("nuslerp", {}, (0.6, 0.3)),
    ("mdm_oc", {}, (1.0, 0.8, 0.5)),
    ("mdm_oc", {"scope": "layer"}, (1.0, GROUPS)),
    ("task_arithmetic", {"lines": 0.25}, (0.6, 0.3)),
]


@pytest.mark.parametrize(("method", "options", "coefficients"), SAME)
def test_what_is_written_and_read_back_is_the_same_model(
    recipe, read, method, options, coefficients
):
    before = recipe(method, options, coefficients)
    text, _ = written(before)
    after, _ = read(text, base="base")
    assert after.dtype == "float32"
    found = merged_tensors(open_merge(after))
    for name, tensor in merged_tensors(open_merge(before)).items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=2e-6)


def test_a_configuration_reads_as_mergekit_writes_it(recipe, llamas):
    text, notes = written(recipe("ties", {"trim": "tensor", "reduce": "weighted"}, (0.6, 0.3)))
    assert yaml.safe_load(text) == {
        "merge_method": "ties", "base_model": str(llamas / "base"),
        "models": [
            {"model": str(llamas / "red"), "parameters": {"weight": 0.6}},
            {"model": str(llamas / "green"), "parameters": {"weight": 0.3}},
        ],
        "parameters": {"density": 0.2, "lambda": 1.0, "normalize": True},
        "dtype": "float32", "out_dtype": "float32",
    }  # fmt: skip
    assert notes == (readings.EQUAL_MAGNITUDES,)


def test_orthogonal_components_are_written_as_weights_of_whole_deltas(recipe):
    text, notes = written(recipe("mdm_oc", {}, (1.0, 1.0)))
    plain = yaml.safe_load(text)
    mixing = open_merge(recipe("mdm_oc", {}, (1.0, 1.0))).mixing
    assert plain["merge_method"] == "task_arithmetic"
    weights = [each["parameters"]["weight"] for each in plain["models"]]
    assert weights == mixing[0].tolist()  # one row for the whole model
    assert "what mdm_oc makes of these checkpoints" in notes[0]


def test_an_adapter_stands_behind_its_base(recipe, llamas, tmp_path):
    drawn = draw(1, {"a": (2, 8), "b": (8, 2)})
    factors = {"model.layers.0.self_attn.q_proj": (drawn["a"], drawn["b"])}
    tasks = (TaskEntry("lora", str(save_adapter(tmp_path / "lora", factors)), 0.5),)
    base = str(llamas / "base")
    for opened in (True, False):
        made = Recipe(base if opened else base + "-gone", tasks, "task_arithmetic")
        text, notes = written(made)
        model = yaml.safe_load(text)["models"][0]["model"]
        assert model == f"{made.base}+{tmp_path / 'lora'}"
        assert notes == (() if opened else (UNSEEN,))


def test_models_of_the_hub_keep_their_revision():
    tasks = (TaskEntry("red", "org/red@v2", 0.5), TaskEntry("blue", "/x/blue@1", 0.5))
    plain = yaml.safe_load(written(Recipe("org/base@v1", tasks, "task_arithmetic"))[0])
    assert plain["base_model"] == "org/base@v1"
    assert [each["model"] for each in plain["models"]] == [
        "org/red@v2", {"model": {"path": "/x/blue@1"}},
    ]  # fmt: skip


def test_dtypes_are_computed_in_float32_and_written_as_the_recipe_says(recipe):
    for dtype, compute in [("bfloat16", "float32"), ("float64", "float64")]:
        plain = yaml.safe_load(written(recipe("task_arithmetic", dtype=dtype))[0])
        assert (plain["dtype"], plain["out_dtype"]) == (compute, dtype)


@pytest.mark.parametrize(
    ("method", "options", "coefficients", "words"),
    [
        ("ties", {}, (1.0, 1.0), "ties trims over the whole model here, and mergekit tensor by"),
        ("ties", {"trim": "tensor"}, (1.0, 0.5), "ties with reduce: mean elects before it weighs"),
        ("ties", {"trim": "tensor", "density": 0.0}, (1.0, 1.0), "density is 0, which leaves next"),
        ("della", {}, (1.0, 1.0), "della divides what it keeps by its probability here, and"),
        ("tsv_m", {}, (1.0, 1.0), "tsv_m with these options has no method of mergekit that says"),
        ("average", {"svc": 0.5}, (1.0, 1.0), "average with these options has no method of"),
        ("ties", {"trim": "tensor", "reduce": "weighted", "lines": 0.5}, (1.0, 1.0), "ties with t"),
        ("slerp", {}, (1.0,), "SLERP merges two models in mergekit, and the recipe has one."),
        ("slerp", {}, (1.0, -1.0), "SLERP: the coefficients add up to 0, so they name no place"),
        ("average", {}, (), "The recipe has no tasks; mergekit merges at least one model."),
    ],
)
def test_what_mergekit_does_not_say_is_refused(recipe, method, options, coefficients, words):
    with pytest.raises(BadRecipe) as error:
        written(recipe(method, options, coefficients))
    assert words in str(error.value)
    assert writings.WRITINGS.keys() >= {"ties", "slerp"}


def test_other_running_statistics_are_refused(recipe):
    with pytest.raises(BadRecipe, match="running statistics of batch normalization"):
        written(recipe("average", batch_norm="recalibrate"))


def test_numbers_that_must_be_computed_need_the_checkpoints(recipe):
    gone = Recipe("/nowhere", recipe("mdm_oc").tasks, "mdm_oc")
    with pytest.raises(StudioError, match="There is no folder /nowhere"):
        written(gone)


def test_tensors_that_no_filter_tells_apart_are_refused():
    assert setting_of({"a.w": 1.0, "b.w": 2.0, "c.w": 2.0}) == [
        {"filter": "a.w", "value": 1.0}, {"value": 2.0},
    ]  # fmt: skip
    values = {"w": 1.0, "w.w": 2.0, "w.w.w": 1.0, "x.w.w": 2.0, "x": 3.0}
    with pytest.raises(BadRecipe, match="no filters of mergekit tell them apart"):
        setting_of(values)


def test_a_configuration_is_plain_data(recipe):
    found = yaml.safe_load(written(recipe("dare"))[0])
    assert json.loads(json.dumps(found)) == found

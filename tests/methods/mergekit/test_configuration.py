import pytest

from studio.errors import BadRecipe
from studio.methods.mergekit.configuration import is_configuration, parse_configuration
from studio.methods.mergekit.reference import Reference, parse_reference

GOOD = {"merge_method": "ties", "base_model": "base", "models": [{"model": "red"}]}


def test_a_configuration_is_known_by_its_method():
    assert is_configuration(GOOD)
    assert not is_configuration({"method": "ties"})
    assert not is_configuration(["merge_method"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"slices": []}, "'slices' assembles a model of layers of others (a frankenmerge), which"),
        ({"modules": {}}, "'modules' merges the modules of a model by rules of their own, which"),
        ({"chat_template": "auto"}, "'chat_template' writes another chat template than the base's"),
        ({"experts": []}, "'experts' builds a mixture of experts, which no recipe"),
        ({"tokenizer": {}}, "'tokenizer' builds a tokenizer token by token, which no recipe"),
        ({"tokenizer_source": "union"}, "tokenizer_source is 'union'; an export has the base's"),
        ({"parameter": {}}, "has the unknown key 'parameter'"),
        ({"merge_method": None}, "merge_method is None; it must be the name of a method."),
        ({"models": []}, "'models' is no list of models; it needs at least one."),
        ({"models": ["red"]}, "model 1 must be a mapping"),
        ({"models": [{"model": "a", "layer_range": [0, 4]}]}, "model 1: 'layer_range' takes some"),
        ({"models": [{"model": "a"}, {"model": "a"}]}, "model 2 is 'a' a second time"),
        ({"models": [{"model": "a", "weight": 1}]}, "model 1 has the unknown key 'weight'"),
        ({"parameters": 3}, "parameters must be a mapping"),
        ({"dtype": "int8"}, "dtype 'int8' is not one of float16, bfloat16"),
    ],
)
def test_what_no_recipe_says_is_refused_by_name(more, words):
    with pytest.raises(BadRecipe, match="^The file") as error:
        parse_configuration(GOOD | more, "The file")
    assert words in str(error.value)


def test_dtypes_may_be_called_as_torch_does_and_the_tokenizer_may_be_the_bases():
    found = parse_configuration(
        GOOD | {"dtype": "torch.float32", "out_dtype": "bfloat16", "tokenizer_source": "base"}, "it"
    )
    assert (found.dtype, found.out_dtype, found.keeps_tokenizer) == ("float32", "bfloat16", True)


def test_a_model_is_a_path_or_a_path_with_an_adapter():
    assert parse_reference("org/a+org/b", "it") == Reference("org/a", "org/b")
    assert parse_reference("~/some@place/x", "it") == Reference("~/some@place/x")
    parts = {"model": {"path": "org/a"}, "lora": "b"}
    assert parse_reference(parts, "it") == Reference("org/a", "b")
    assert Reference("a", "b").words == "a+b"


def test_a_model_of_the_hub_may_have_a_revision():
    assert parse_reference("org/a@v1+org/b@refs/pr/1", "it") == Reference(
        "org/a@v1", "org/b@refs/pr/1"
    )
    parts = {"model": {"path": "org/a", "revision": "v1"}, "lora": {"path": "b", "revision": None}}
    assert parse_reference(parts, "it") == Reference("org/a@v1", "b")


@pytest.mark.parametrize(
    "reference",
    [
        Reference("org/a@v1", "org/b@v2"), Reference("/x/a", "/x/b"), Reference("/x/a@b"),
        Reference("org/a@v1", "/x/a+b"),
    ],
)  # fmt: skip
def test_a_model_is_read_as_it_was_written(reference):
    assert parse_reference(reference.plain(), "it") == reference


def test_signs_of_mergekit_in_a_path_are_kept_from_it():
    assert Reference("org/a@v1", "/x/b").plain() == "org/a@v1+/x/b"
    assert Reference("/x/a@b").plain() == {"model": {"path": "/x/a@b"}}
    assert Reference("/x/a", "/x+b").plain() == {"model": "/x/a", "lora": {"path": "/x+b"}}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a+b+c", "a model is a path, or a path + one adapter."),
        ("a+", "a model is a path, or a path + one adapter."),
        (3, "is 3; it must be a path or a hub id."),
        ({"model": ""}, "is ''; it must be a path or a hub id."),
        ({"model": "a", "override_architecture": "X"}, "names an override_architecture"),
        ({"model": {"path": "a", "revision": "x"}}, "is 'a' at the revision 'x'; revisions are of"),
        ({"model": {"path": "org/a", "revision": 1e10}}, "the revision is 10000000000.0; write"),
    ],
)
def test_a_model_that_cannot_be_named_is_refused(value, words):
    with pytest.raises(BadRecipe) as error:
        parse_reference(value, "it")
    assert words in str(error.value)

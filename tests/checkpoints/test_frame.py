"""Where names of two models stand in each other."""

from studio.checkpoints.frame import Frame, frames

BASE: tuple[str, ...] = (
    "embed.weight",
    "layers.0.dense.weight",
    "layers.1.dense.weight",
    "norm.weight",
)


def best(base, own, required=None):
    return frames(base, base if required is None else required, dict.fromkeys(own, ""))[0]


def test_the_same_names_need_no_prefix():
    assert best(BASE, BASE) == Frame("", "", 4, ())


def test_a_prefix_on_either_side():
    longer = [f"model.{name}" for name in BASE]
    assert best(BASE, longer) == Frame("", "model.", 4, ())
    assert best(longer, BASE) == Frame("model.", "", 4, ())
    found = best([f"model.text.{name}" for name in BASE], [f"text.model.{name}" for name in BASE])
    assert found == Frame("model.text.", "text.model.", 4, ())
    assert found.base_name("text.model.norm.weight") == "model.text.norm.weight"
    assert found.own_name("model.text.norm.weight") == "text.model.norm.weight"
    assert found.base_name("other.weight") is found.own_name("other.weight") is None


def test_what_is_missing_is_named_unless_the_class_lacks_it():
    own: dict[str, str] = {name: "" for name in BASE[:3]}
    assert frames(BASE, BASE, own)[0].missing == ("norm.weight",)
    assert frames(BASE, BASE, own, lambda name: name == "norm.weight")[0].missing == ()


def test_a_tower_is_told_from_another_by_its_names():
    towers = [f"text.{name}" for name in BASE] + [
        f"picture.{name}" for name in (*BASE, "patch.weight")
    ]
    own = (*BASE, "patch.weight")
    complete = [f for f in frames(towers, towers, dict.fromkeys(own, "")) if not f.missing]
    assert complete[0] == Frame("picture.", "", 5, ())


def test_one_layer_is_not_another_one():
    own = {name.replace("layers.0.", "layers.1."): "" for name in BASE if "layers.0." in name}
    assert own
    assert all(f.inside == "" for f in frames(BASE, BASE, own))


def test_layers_of_a_list_are_no_model_of_their_own():
    assert all(f.inside == "" for f in frames(BASE, BASE, {"other_layers.0.dense.weight": ""}))

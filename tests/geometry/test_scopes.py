"""Groups of tensors, and patterns that mean exactly these groups."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from studio.geometry.scopes import SCOPES, labels, patterns
from studio.recipe import GroupedCoefficient

TRICKY = (
    "encoder.layer.1.a", "encoder.layer.10.a", "encoder.layer.1.b.2.c", "encoder.layer.1",
    "encoder.norm", "encoder", "encoders.0.w", "encoder.layer.w", "enc[o]der.1.w", "enco?er.1.w",
    "*", "*.1.w", "[!a].w", "[a-z]", "b", "b.0.w", "b.w", "bb", "bb.w", "0.w", "1.0.w", "..0.w",
    "A.1.w", "a.1.w", "a]", "a\nb.0.w",
)  # fmt: skip


def test_a_layers_pattern_names_its_tensors_and_no_other_layers():
    names = ("encoder.layer.1.w", "encoder.layer.10.w", "embeddings.word.weight", "bias")
    assert patterns(names, "layer") == {
        "encoder.layer.10": "encoder.layer.10.*",
        "encoder.layer.1": "encoder.layer.1.*",
        "embeddings": "embeddings.*",
        "bias": "bias",
    }
    assert patterns(("a*.w[0]", "a?"), "tensor") == {"a*.w[0]": "a[*].w[[]0]", "a?": "a[?]"}
    assert patterns(names, "model") == {"model": "*"}
    assert patterns(("b", "b.w", "bb"), "layer") == {"bb": "bb", "b": "b*"}
    assert patterns((), "layer") == {}


@given(st.lists(st.text("ab01.*?[!-]\n", min_size=1, max_size=9), unique=True).map(tuple))
@example(TRICKY)
@pytest.mark.parametrize("scope", SCOPES)
def test_every_tensor_has_its_own_groups_coefficient(scope, names):
    found = patterns(names, scope)
    place = {label: float(i) for i, label in enumerate(found)}
    grouped = GroupedCoefficient(-1.0, tuple((found[label], place[label]) for label in found))
    assert len(set(found.values())) == len(found)
    for name, label in zip(names, labels(names, scope), strict=True):
        assert grouped.of(name) == place[label], (name, label, found[label])

"""Heads that a recipe has refitted: asked for once, and refused without rows."""

from dataclasses import replace

import pytest

from studio.errors import BadRecipe
from studio.merge import open_merge
from studio.methods.kit.refitted_heads import RefittedHeads, Refitting
from studio.recipe import Heads


def test_nothing_is_refitted_unless_the_recipe_asks(make_recipe):
    plain = make_recipe()
    assert RefittedHeads(plain, None).found == Refitting({}, {})
    assert RefittedHeads(plain, None).notes == []
    asked = make_recipe(heads=Heads(8))
    assert RefittedHeads(replace(asked, tasks=()), None).found.tensors == {}


def test_without_rows_the_heads_are_refused_and_the_weights_are_not(make_recipe):
    merge = open_merge(make_recipe(heads=Heads(8)))
    merge.prepare()
    with pytest.raises(BadRecipe, match="has 'heads', which runs the merged model"):
        _ = merge.heads.found


def test_they_are_asked_of_the_merge_once_and_noted(make_recipe):
    calls, found = [], Refitting({"red": {}}, {"red": (8, "0" * 64)})

    def refit(merge):
        calls.append(merge)
        return found

    merge = replace(open_merge(make_recipe(heads=Heads(8))), refit=refit)
    assert merge.heads.found is merge.heads.found is found
    assert calls == [merge]
    assert any("at most 8 of its validation rows" in note for note in merge.notes)

"""Places: a damaged file is said and kept, and makes no living copy gone."""

import json
import shutil

import pytest

from studio.errors import BadLedger
from studio.evidence.ledger.copies import copies, recall_copy, unfound_words
from studio.evidence.ledger.places import damaged_places, known_places, lies_in, remember_place
from studio.evidence.ledger.report import lines, warnings
from studio.evidence.logged_export import Account, export_merge
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from tests.conftest import refusal


@pytest.fixture
def exported(ledger, merge, tmp_path):
    """The ledger after two exports."""
    for name in ("one", "two"):
        export_merge(merge, ExportPlan(tmp_path / name), account=Account(ledger))
    return ledger


def states(ledger) -> dict[str, str]:
    return {each.name: each.state for each in copies(ledger)}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"abc": "/ho'])
def test_a_damaged_file_makes_no_copy_gone(exported, merge, tmp_path, content):
    places = exported.folder / "places.json"
    places.write_text(content)
    assert known_places(exported) == {}
    assert damaged_places(exported) == [places]
    assert states(exported) == {"two": "unknown", "one": "unknown"}
    two, one = copies(exported)
    with pytest.raises(BadLedger) as error:
        recall_copy(exported, one.id)
    assert refusal(error) == (
        f"Where the copy {one.id} (one) lies is not known, since {places} is damaged, so it may "
        "lie there still. Put a whole places.json back, or find and delete the copy; then remove "
        "the damaged file."
    )
    assert warnings(exported) == [
        f"{places} is damaged, so nothing tells where two ({two.id}), one ({one.id}) lie. Such a "
        "copy counts as living, and is not recalled."
    ]
    assert lines(exported)[-1] == f"WARNING: {warnings(exported)[0]}"


def test_a_damaged_file_is_kept_aside_before_another_is_written(exported, merge, tmp_path):
    places = exported.folder / "places.json"
    whole = places.read_text()
    places.write_text(whole[:40])
    export_merge(merge, ExportPlan(tmp_path / "three"), account=Account(exported))
    aside = exported.folder / "places.damaged-1.json"
    assert aside.read_text() == whole[:40]
    assert list(json.loads(places.read_text()).values()) == [str(tmp_path / "three")]
    assert states(exported) == {"three": "alive", "two": "unknown", "one": "unknown"}
    with pytest.raises(BadLedger, match=f"since {aside} is damaged"):
        recall_copy(exported, copies(exported)[-1].id)
    places.write_text("")
    remember_place(exported, "abc", tmp_path / "four")
    assert damaged_places(exported) == [aside, exported.folder / "places.damaged-2.json"]
    places.write_text(whole)
    for each in damaged_places(exported):
        each.unlink()
    assert states(exported) == {"three": "missing", "two": "alive", "one": "alive"}
    assert unfound_words(exported) == []


def test_once_the_damaged_file_is_removed_a_copy_can_be_recalled(exported, tmp_path):
    (exported.folder / "places.json").write_text("")
    (exported.folder / "places.json").unlink()
    one = copies(exported)[-1]
    assert recall_copy(exported, one.id).state == "missing"
    assert states(exported) == {"two": "missing", "one": "recalled"}


def test_a_copy_without_its_record_is_alive_while_weights_lie_there(exported, tmp_path):
    (tmp_path / "one" / "merge.json").unlink()
    (tmp_path / "two" / "merge.json").write_text("{")
    assert states(exported) == {"two": "alive", "one": "alive"}
    (tmp_path / "one" / "model.safetensors").unlink()
    assert states(exported) == {"two": "alive", "one": "missing"}


def test_a_record_that_names_other_weights_does_not_hide_these(exported, make_recipe, tmp_path):
    root = copies(exported)[-1].root
    record = tmp_path / "one" / "merge.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"weights_root": "0" * 64}))
    assert states(exported)["one"] == "alive"
    assert not lies_in(tmp_path / "nowhere", root)
    other = open_merge(make_recipe("green", "blue"))
    export_merge(other, ExportPlan(tmp_path / "three"), account=Account(exported))
    shutil.copyfile(tmp_path / "three" / "model.safetensors", tmp_path / "one/model.safetensors")
    assert states(exported)["one"] == "missing"
    (tmp_path / "one" / "model.safetensors").write_bytes(b"torn")
    assert states(exported)["one"] == "missing"

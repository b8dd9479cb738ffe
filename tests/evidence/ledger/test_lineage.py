"""A model that was merged from a removed checkpoint is no innocent source."""

import json
import shutil
from dataclasses import replace

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadRecipe, NotAllowed
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import Request
from studio.evidence.ledger.copies import copies
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.lineage import held_in, lineage_of
from studio.evidence.ledger.register import refuse_removed, removed
from studio.evidence.ledger.report import lines
from studio.evidence.logged_export import Account, export_merge
from studio.evidence.unmerge import unmerging
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from studio.recipe import TaskEntry

pytestmark = pytest.mark.usefixtures("rebuilt_here")


@pytest.fixture
def shipped(make_recipe, tmp_path, ledger):
    """An export of red and blue that the ledger knows."""
    recipe = make_recipe("red", "blue", method="task_arithmetic")
    export_merge(open_merge(recipe), ExportPlan(tmp_path / "shipped"), account=Account(ledger))
    return TaskEntry("shipped", str(tmp_path / "shipped"))


def removing_red(recipe, tmp_path, ledger, key=None):
    operator = Operator(ledger, key or demo_key(), Request())
    return certify(open_merge, unmerging(recipe, ("red",)), tmp_path / "out", operator)


@pytest.mark.parametrize("known_by", ["the log", "its own record"])
@pytest.mark.parametrize("role", ["a kept task", "the base"])
def test_nothing_is_certified_above_a_model_that_holds_the_task(
    make_recipe, tmp_path, ledger, shipped, role, known_by
):
    if known_by == "the log":
        (tmp_path / "shipped" / "merge.json").unlink()
    else:
        ledger = type(ledger)(tmp_path / "another ledger")
    recipe = make_recipe("red", "green", method="task_arithmetic")
    if role == "the base":
        recipe = replace(recipe, base=shipped.checkpoint)
    else:
        recipe = replace(recipe, tasks=(*recipe.tasks, shipped))
    with pytest.raises(BadRecipe, match="was merged from 'red', by the log or its own record"):
        removing_red(recipe, tmp_path, ledger)
    assert not (tmp_path / "out").exists()


def test_lineage_goes_through_an_export_of_an_export(make_recipe, zoo_folder, tmp_path, ledger,
                                                     shipped):  # fmt: skip
    second = replace(make_recipe("green"), tasks=(*make_recipe("green").tasks, shipped))
    export_merge(open_merge(second), ExportPlan(tmp_path / "again"), account=Account(ledger))
    red = open_checkpoint(zoo_folder / "red").digest
    assert red in held_in(open_checkpoint(tmp_path / "again"), lineage_of(ledger))
    assert red not in held_in(open_checkpoint(zoo_folder / "green"), lineage_of(ledger))


def test_a_record_of_other_weights_says_nothing(zoo_folder, tmp_path, ledger, shipped):
    file = tmp_path / "shipped" / "merge.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"weights_root": "0" * 64}))
    assert held_in(open_checkpoint(tmp_path / "shipped"), {}) == set()


def test_an_export_that_holds_a_removed_task_is_not_let_in(make_recipe, tmp_path, ledger, shipped):
    key = replace(demo_key(), demo=False)
    removing_red(make_recipe("red", "green", method="task_arithmetic"), tmp_path, ledger, key)
    with_it = replace(make_recipe("green"), tasks=(shipped,))
    with pytest.raises(NotAllowed, match="'shipped' was merged from the checkpoint that was"):
        refuse_removed(ledger, open_merge(with_it).deltas)
    above = replace(make_recipe("green"), base=shipped.checkpoint)
    with pytest.raises(NotAllowed, match="The base was merged from the checkpoint that was"):
        refuse_removed(ledger, open_merge(above).deltas)
    refuse_removed(ledger, open_merge(make_recipe("green", "blue")).deltas)


def test_a_certificate_and_the_log_tell_all_copies_that_hold_the_task(
    make_recipe, zoo_folder, tmp_path, ledger, shipped
):
    """As a task, below a task, below the base, as the base, and below a LoRA export."""
    recipe = make_recipe("green", method="task_arithmetic")

    def exported(name, base=None, task=None, adapter=False):
        made = replace(recipe, base=base or recipe.base, tasks=(*recipe.tasks, *(task or ())))
        plan = ExportPlan(tmp_path / name, adapter=adapter)
        export_merge(open_merge(made), plan, account=Account(ledger))
        return (TaskEntry(name, str(tmp_path / name)),)

    exported("below the base", base=shipped.checkpoint)
    exported("below a task", task=(shipped,))
    low = replace(recipe, tasks=(*make_recipe("blue").tasks,))
    export_merge(open_merge(low), ExportPlan(tmp_path / "lora", adapter=True),
                 account=Account(ledger))  # fmt: skip
    exported("on a lora of blue", task=(TaskEntry("lora", str(tmp_path / "lora")),))
    exported("innocent")
    key = replace(demo_key(), demo=False)
    told = removing_red(
        make_recipe("red", "blue", method="task_arithmetic"), tmp_path, ledger, key
    ).statement["predicate"]["copies"]
    names = [each["name"] for each in told["holding"]]
    assert names == ["below a task", "below the base", "shipped"]
    marked = [each for each in lines(ledger) if "HOLDS WHAT WAS REMOVED: red" in each]
    assert [each.split("  ")[1] for each in marked] == names
    blue = open_checkpoint(zoo_folder / "blue").digest
    known = [each.name for each in copies(ledger) if each.holds([blue])]
    assert {"on a lora of blue", "lora"} <= {*known}
    assert "innocent" not in known


def test_a_copy_whose_base_is_the_removed_task_holds_it(make_recipe, zoo_folder, tmp_path, ledger):
    recipe = replace(make_recipe("blue"), base=str(zoo_folder / "green"))
    export_merge(open_merge(recipe), ExportPlan(tmp_path / "above"), account=Account(ledger))
    (copy,) = copies(ledger)
    assert copy.holds([open_checkpoint(zoo_folder / "green").digest])
    assert not copy.holds([open_checkpoint(zoo_folder / "red").digest])


def test_a_base_that_is_what_was_removed_is_not_let_in(make_recipe, zoo_folder, tmp_path, ledger):
    key = replace(demo_key(), demo=False)
    operator = Operator(ledger, key, Request())
    certify(
        open_merge, unmerging(make_recipe("green", "red"), ("green",)), tmp_path / "out", operator
    )
    shutil.copytree(zoo_folder / "green", tmp_path / "copy")
    above = replace(make_recipe("blue"), base=str(tmp_path / "copy"))
    words = (
        r"The base is the checkpoint that was certified as removed on .* \(then called 'green'\)"
    )
    with pytest.raises(NotAllowed, match=words):
        export_merge(open_merge(above), ExportPlan(tmp_path / "e"), account=Account(ledger))
    more = replace(make_recipe("blue", "red"), base=str(tmp_path / "copy"))
    with pytest.raises(NotAllowed, match=words):
        certify(open_merge, unmerging(more, ("red",)), tmp_path / "more", operator)
    refuse_removed(ledger, open_merge(above).deltas, allowed={each.id for each in removed(ledger)})
    refuse_removed(ledger, open_merge(above).deltas, allowed=True)
    assert ledger.entries()[-1].content["task"] == "the base"

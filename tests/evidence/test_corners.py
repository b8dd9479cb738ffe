"""Corners of evidence: twins, heads of successors, other browsers, broken logs and statements."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace

import gradio as gr
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from studio.errors import BadRecipe, NotAllowed
from studio.evidence.bundle import Certified, Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.checks import checks, verdict
from studio.evidence.ledger.keys import make_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.logged_export import Account, export_merge
from studio.evidence.measures import measure
from studio.evidence.residue import LayerResidue, Residue
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import closing_words
from studio.evidence.wording import ALGEBRAIC
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from studio.recipe import TaskEntry
from studio.ui.tabs.evidence import EvidenceTab
from studio.ui.view import View
from studio.ui.views import certificate as certificates
from studio.ui.views import evidence as views
from tests.conftest import refusal
from tests.evidence import statements
from tests.evidence.ledger.entries import exported
from tests.evidence.test_checks import APART, NAMES, measures
from tests.evidence.test_verify import check, kept, key, ledger, make
from tests.session.test_admission import log_removal, opened, ticked
from tests.session.test_admission import session as idle
from tests.session.test_evidence import asked, certified, ended, retrained, session
from tests.session.test_session import move, rest
from tests.ui.views.test_evidence import EVIL, both, bundle, copy, operation, unmerged

__all__ = ["bundle", "idle", "key", "ledger", "make", "opened", "session"]

pytestmark = pytest.mark.usefixtures("rebuilt_here")


@pytest.mark.parametrize("gone", [("color",), ("color", "animal")])
def test_layers_that_only_the_removed_task_changed_are_listed(session, gone):
    """The adapter leaves the embeddings alone, the classifier does not."""
    rest(session)
    move(session, **{name: {"on": False} for name in gone})
    session.evidence.start_checks()
    assert ended(session).phase == "done"
    assert "<th scope='row'>embeddings</th>" in views.layers(session.evidence.found())


def test_a_layer_that_the_never_merged_model_leaves_alone_is_not_called_close_to_it():
    def with_layers(mode: str, layer: LayerResidue):
        one = operation(mode)
        residue = Residue(9, 9, 9, {}, {"layer.0": layer})
        return replace(one, measures=replace(one.measures, residue=residue))

    sub, exact = LayerResidue(4.0, 0.0), LayerResidue(0.0, 0.0)
    shown = views.layers(
        {"algebraic": with_layers("algebraic", sub), "exact": with_layers("exact", exact)}
    )
    assert "'>only it changed this</td><td class='num'>0</td>" in shown


def test_an_export_before_the_first_key_does_not_lock_the_key_out(make_recipe, ledger, tmp_path):
    export_merge(
        open_merge(make_recipe("green")), ExportPlan(tmp_path / "out"), account=Account(ledger)
    )
    assert ledger.folder.stat().st_mode & 0o077 == 0
    make_key(ledger.folder, "a horse a battery a staple")


def test_a_successor_with_the_same_weights_is_no_replacement(make_recipe, ledger, key, tmp_path):
    shutil.copytree(tmp_path / "red", tmp_path / "crimson")
    new = TaskEntry("red", str(tmp_path / "crimson"))
    unmerge = unmerging(make_recipe(), ("red",), "exact", new)
    with pytest.raises(BadRecipe) as error:
        certify(open_merge, unmerge, tmp_path / "out", Operator(ledger, key, Request()))
    assert "'red' has the weights of the checkpoint 'red' that is taken out" in refusal(error)
    assert not (tmp_path / "out").exists()
    assert ledger.entries() == ()


def test_a_task_that_stays_by_another_name_is_not_removed(make_recipe, ledger, key, tmp_path):
    shutil.copytree(tmp_path / "red", tmp_path / "crimson")
    full = make_recipe("red", "crimson", "green", method="average")
    with pytest.raises(BadRecipe) as error:
        certify(
            open_merge, unmerging(full, ("red",)), tmp_path / "out",
            Operator(ledger, key, Request()), allow_duplicates=True,
        )  # fmt: skip
    assert "'crimson' has the weights of the checkpoint 'red'" in refusal(error)


def test_the_head_of_a_replaced_task_is_its_successors(session, tiny_zoo, tmp_path):
    rest(session)
    new = retrained(tiny_zoo, tmp_path / "again")
    told = certified(
        session, tmp_path / "out", operation="replace", task="color", checkpoint=str(new)
    )
    head = load_file(tmp_path / "out" / "heads" / "color" / "head.safetensors")["weight"]
    old, successor = (
        load_file(folder / "model.safetensors")["classifier.weight"]
        for folder in (tiny_zoo / "color", new)
    )
    assert not head.equal(old)
    assert head.equal(successor)
    (c1,) = [each for each in told["checks"] if each["id"] == "C1"]
    assert c1["words"] == "The zoo's head is of the checkpoint that was replaced."
    assert "| color | yes |" not in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("beside", [True, False])
def test_a_head_file_of_the_zoo_goes_out_with_the_adapter_it_belongs_to(
    session, tiny_zoo, tmp_path, beside
):
    rest(session)
    new = shutil.copytree(tiny_zoo / "animal", tmp_path / "again")
    draw = torch.Generator().manual_seed(5)
    factors = {
        name: torch.randn(x.shape, generator=draw)
        for name, x in load_file(new / "adapter_model.safetensors").items()
    }
    save_file(factors, new / "adapter_model.safetensors", {"format": "pt"})
    own = load_file(new / "head.safetensors")
    (new / "head.safetensors").unlink()
    if beside:
        save_file({name: 3 * x for name, x in own.items()}, new / "head.safetensors")
    certified(session, tmp_path / "out", operation="replace", task="animal", checkpoint=str(new))
    heads = tmp_path / "out" / "heads"
    written = sorted(each.name for each in heads.iterdir())
    assert written == (["animal", "color"] if beside else ["color"])
    if beside:
        found = load_file(heads / "animal" / "head.safetensors")
        assert found["weight"].equal(3 * own["weight"])


def test_another_browser_exports_and_certifies_no_removed_task(opened, tmp_path):
    engine = opened()
    engine.start()
    one, two = engine.session("tab one"), engine.session("tab two")
    rest(two)
    log_removal(one)
    one.leave_out_removed()
    assert ticked(two) == ("color", "animal")
    refused = []
    for start in (
        lambda: two.exports.start_export(str(tmp_path / "out")),
        lambda: one.evidence.start_certificate(asked(tmp_path / "out", "subtract")),
    ):
        with pytest.raises(NotAllowed) as error:
            start()
        refused.append(refusal(error))
    assert all("'color' was certified as removed on " in words for words in refused)
    assert [each.event for each in engine.ledger.entries()] == ["certificate"]


def test_undo_reaches_what_was_before_a_removal(idle):
    start = idle.mix.strips[1].coefficient
    for coefficient in (0.3, 0.4):
        move(idle, animal={"coefficient": coefficient})
        move(idle, color={"coefficient": coefficient})
    log_removal(idle)
    idle.leave_out_removed()
    for _ in range(6):
        idle.edit("undo")
    assert (ticked(idle), idle.mix.strips[1].coefficient) == (("animal",), start)
    assert not idle.mixer.history.can_undo
    for _ in range(6):
        idle.edit("redo")
    assert (ticked(idle), idle.mix.strips[1].coefficient) == (("animal",), 0.4)


def without(path: str) -> Callable[[dict], object]:
    *above, last = path.split(".")

    def edit(statement: dict) -> None:
        level = statement
        for name in above:
            level = level[int(name) if name.isdigit() else name]
        level.pop(last)

    edit.__name__ = path
    return edit


def first_row(*values: str) -> Callable[[dict], object]:
    def edit(statement: dict) -> None:
        statement["predicate"]["counterfactual"]["mixing"]["rows"][0] = list(values)

    return edit


def many(statement: dict) -> None:
    statement["predicate"]["log"]["entries"] = "many"


@pytest.mark.parametrize(
    "edit",
    [
        *map(without, (
            "subject", "predicate.log", "predicate.verdict.words", "predicate.signer.demo",
            "predicate.result", "predicate.counterfactual.vectors", "predicate.removed.0.task",
            "predicate.counterfactual.recipe.tasks.0.name",
        )),
        many, first_row("0x1p0"), first_row("0x1p0", "0x1p99999"), first_row("nan", "0x1p0"),
    ],
)  # fmt: skip
def test_a_signed_statement_that_lacks_a_part_is_a_finding(make, key, ledger, zoo_folder, edit):
    """Anybody can sign anything; the key may come with the bundle."""
    made = make()
    edit(made.statement)
    (made.folder / CERTIFICATE_FILE).write_bytes(
        statements.signed(json.dumps(made.statement).encode(), key)
    )
    found = check(made, ledger.folder / "audit.jsonl", kept(zoo_folder))
    assert not found.good
    closing_words(found)


def test_a_log_knows_a_certificate_by_its_event_and_not_by_any_mention(make, key, tmp_path):
    made, other = make(), Ledger(tmp_path / "other")
    other.append("export", exported(name=made.digest), key)
    found = check(made, other.folder / "audit.jsonl")
    assert [each.words for each in found.findings if not each.good] == [
        "The log does not know this certificate."
    ]


def test_a_subtraction_that_leaves_the_base_says_what_it_is_compared_with(make_recipe):
    unmerge = unmerging(make_recipe("red"), ("red",), "algebraic")
    found = measure(open_merge, unmerge, None)
    table = checks(found, replace(APART, root=found.never_root))
    weights = found.residue.weights
    assert verdict(found, table, ALGEBRAIC)[1] == (
        "red was subtracted, not removed: a model that never had it is the base, and 0 of "
        f"{weights:,} weights differ from it."
    )


def test_equal_bits_are_not_put_down_to_the_order():
    """In task arithmetic the first task, subtracted, leaves the same bits as a rebuild, too."""
    shown = views.attack(unmerged(), both(attacked=False))  # the first of three
    assert "came last" not in shown


def test_several_tasks_are_told_in_the_plural():
    (row,) = [each for each in checks(measures(NAMES), APART) if each.id == "A2"]
    assert row.words == "red, green and blue are absent: neither recipe nor coefficients name them."
    shown = views.verdict(unmerged("green", "blue"), {})
    assert "<b>green and blue</b> are unticked" in shown
    assert "repeat that without them" in shown


def test_what_a_log_says_is_text_even_where_the_studio_writes_ids():
    assert "<img" not in certificates.copies([copy("x", id=EVIL, certificate=EVIL)], [], [])


def test_a_bundle_that_lost_its_report_is_still_shown(bundle):
    (bundle / "report.html").unlink()
    shown = certificates.certificate(Certified(bundle, statements.exact(), "ab" * 32))
    assert "download='report.html'" not in shown
    assert "download='public_key.pem'" in shown


def test_a_recipe_without_coefficients_has_the_methods_own(idle):
    entry = {"name": "color", "checkpoint": str(idle.zoo.folder / "color")}
    recipe = {"base": idle.zoo.base, "method": "task_arithmetic", "tasks": [entry]}
    idle.load_recipe(yaml.safe_dump(recipe))
    assert (ticked(idle), idle.mix.strips[0].coefficient) == (("color",), 0.3)


def test_an_edited_log_stops_exports_and_not_the_page(session, tmp_path):
    rest(session)
    session.exports.start_export(str(tmp_path / "out"))
    ended(session)
    log = tmp_path / "ledger" / "audit.jsonl"
    log.write_text(log.read_text().replace('"name":"out"', '"name":"in"'))
    other = session.engine.session("new browser")
    tab = EvidenceTab(session.engine)
    with gr.Blocks():
        tab.build()
    pieces = tab.pieces(View(other, other.snapshot(), tab.title, {}))
    piece = next(each for each in pieces if each.name == "evidence")
    assert "Line 1 was edited" in str(piece.key)
    move(other, color={"on": False})
    assert "Line 1 was edited" in piece.draw()[tab.findings.verdict]
    other.exports.start_export(str(tmp_path / "second"))
    state = ended(other)
    assert (state.phase, "Line 1 was edited" in state.words) == ("failed", True)
    assert not (tmp_path / "second").exists()

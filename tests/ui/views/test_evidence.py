"""The Unmerge tab's views: what a claim rests on is shown, and names are only text."""

import re
from base64 import b64decode
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studio.evidence.attack import Attack
from studio.evidence.bundle import KEY_FILE, REPORT_FILE, Certified
from studio.evidence.certificate import CERTIFICATE_FILE
from studio.evidence.checks import checks as all_checks
from studio.evidence.checks import verdict as judged
from studio.evidence.closure import Dependency
from studio.evidence.judgment import Judgment
from studio.evidence.ledger.copies import Copy
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.log import LogHead
from studio.evidence.measures import Behaviour, Measures
from studio.evidence.residue import LayerResidue, Residue
from studio.evidence.tamper import Tampered
from studio.evidence.unmerge import Unmerging
from studio.evidence.verify import Finding, Verification
from studio.evidence.verify_certificate import EXACT_ORIGINS, ORIGINS
from studio.evidence.wording import ALGEBRAIC, DOES_NOT_SHOW, EXACT, forbidden_in
from studio.recipe import Calibrate, Recipe, TaskEntry
from studio.ui.views import certificate as certificates
from studio.ui.views import evidence as views
from tests.evidence import statements
from tests.evidence.test_checks import APART, ROOT_OF_WEIGHTS, apart, at

EVIL = "<img src=x onerror=1>'\""
ESCAPED = "&lt;img src=x onerror=1&gt;&#x27;&quot;"
NAMES = (EVIL, "green", "blue")
FULL = Recipe("/base", tuple(TaskEntry(name, f"/{i}", 0.5) for i, name in enumerate(NAMES)))
RANGES = {
    EVIL: ((0.5, 0.5), (-0.2, -0.1), None),
    "green": ((0.1, 0.4), (0.1, 0.4), (0.25, 0.25)),
    "blue": ((-1.0, 0.3), (-1.0, -1.0), (0.0, 0.0)),
}


def unmerged(*removed: str, mode: str = "exact") -> Unmerging:
    return Unmerging(FULL, removed or (EVIL,), mode)


def operation(mode: str, removed: tuple[str, ...] = (EVIL,), attacked: bool = True) -> Judgment:
    """As the checks find it: subtracting leaves a fifth, rebuilding nothing."""
    exact = mode == "exact"
    residue = apart(0, 0) if exact else apart(0.2)
    four = [dict.fromkeys(removed, at(x)) for x in (0.3, 0.2, 0.1, 0.6)]
    behaviour = Behaviour(four[1] if exact else four[0], four[1], four[2], four[3], None)
    back = Attack(EVIL, at(0.5), 2.0, "validation") if attacked and not exact else None
    reasons = {"C2": "No task that is kept has rows."}
    if len(removed) > 1:
        back, reasons["B2"] = None, "The attack is on one removed task at a time."
    found = Measures(
        unmerged(*removed, mode=mode), ROOT_OF_WEIGHTS, ROOT_OF_WEIGHTS, RANGES, residue,
        (0.2, 0.2), behaviour, back, reasons,
    )  # fmt: skip
    other = APART if exact else replace(APART, root="f" * 64)
    table, claim = all_checks(found, other), EXACT if exact else ALGEBRAIC
    return Judgment(found, table, judged(found, table, claim), CLOSURE)


CLOSURE = [Dependency("basis", "rebuilt", (EVIL,), "Each task's component.")]


def test_the_closure_is_a_table_behind_a_fold():
    shown = views.closure(both())
    assert "<details class='terms'><summary>What was computed anew" in shown
    assert "<th scope='row'>basis</th><td>rebuilt</td>" in shown
    assert EVIL not in shown
    assert views.closure({}) == ""


def both(*removed: str, **more) -> dict[str, Judgment]:
    names = removed or (EVIL,)
    return {mode: operation(mode, names, **more) for mode in ("algebraic", "exact")}


def copy(name: str = "out", state: str = "alive", digest: str = "d", **changes) -> Copy:
    each = Copy(
        f"id-{name}", name, "2026-11-25T07:00:00Z", "r" * 64, {EVIL: digest}, "b", state, None, "",
        False,
    )  # fmt: skip
    return replace(each, **changes)


def result(shown: str) -> str:
    found = re.search(r"data-result='([a-z ]+)'", shown)
    assert found
    return found[1]


@pytest.mark.parametrize(
    "shown",
    [
        views.verdict(unmerged(), both()),
        views.verdict(unmerged(), {}),
        views.bars(unmerged(), RANGES),
        views.checks(both()),
        views.attack(unmerged(), both()),
        certificates.copies([copy(EVIL, id="1")], ["d"], [f"{EVIL} was written"]),
        certificates.copies([copy(EVIL, id="1", made=EVIL * 2)], [], []),
        certificates.verification((EVIL, Verification((Finding(False, EVIL),), None)), "f"),
        certificates.tampered(Tampered(EVIL, 1, 2, 3, Verification((Finding(False, EVIL),), None))),
    ],
)
def test_hostile_names_are_text(shown):
    assert "<img" not in shown
    assert ESCAPED in shown or "&lt;img src=x on" in shown


def test_layer_names_are_text_too():
    residue = Residue(10, 1, 1, {}, {EVIL: LayerResidue(4.0, 100.0)})
    one = operation("algebraic")
    one = replace(one, measures=replace(one.measures, residue=residue))
    shown = views.layers({"algebraic": one, "exact": one})
    assert "<img" not in shown
    assert ESCAPED in shown


def test_with_every_task_ticked_the_tab_says_what_it_is_for():
    shown = views.verdict(None, {})
    assert shown == views.NOTHING
    assert "Nothing is taken out, so there is nothing to prove yet." in shown
    assert views.bars(None, RANGES) == views.attack(None, both()) == ""
    assert views.checks({}) == views.layers({}) == ""


@pytest.mark.parametrize(
    ("removed", "kept"),
    [(("green",), "2 other checkpoints"), (("green", "blue"), "1 other checkpoint")],
)
def test_what_was_not_checked_yet_has_not_passed(removed, kept):
    shown = views.verdict(unmerged(*removed), {})
    assert result(shown) == "not run"
    assert f"<b>{' and '.join(removed)}</b> " in shown
    assert f"computed from the base and {kept}. <b>Run the checks</b>" in shown


def test_the_verdict_is_of_the_exact_removal_and_large():
    shown = views.verdict(unmerged(), both())
    assert result(shown) == "pass"
    assert shown.startswith("<div class='fine large'")
    assert "✓ passed.</b>" in shown
    assert "has no influence on these weights" in shown
    assert "subtract" not in shown


@pytest.mark.parametrize(
    ("kind", "css", "mark"),
    [("fail", "refusal", "✗ failed."), ("not run", "note", "○ not checked yet.")],
)
def test_a_verdict_that_did_not_pass_looks_like_that(kind, css, mark):
    exact = replace(operation("exact"), verdict=(kind, "because of <that>"))
    shown = views.verdict(unmerged(), both() | {"exact": exact})
    assert (result(shown), shown.startswith(f"<div class='{css} large'")) == (kind, True)
    assert mark in shown
    assert "because of &lt;that&gt;" in shown


def test_a_removed_task_is_absent_from_the_rebuilt_model_alone():
    rows = views.bars(unmerged(), RANGES).split("<tr")[2:]
    gone, green, blue = (row.split("</th>")[1] for row in rows)
    assert "class='gone'" in rows[0]
    assert "removed</span>" in rows[0]
    assert [cell.count("<span class='absent'>absent</span>") for cell in (gone, green, blue)] == [
        1, 0, 0,
    ]  # fmt: skip
    assert gone.split("<td>")[3].startswith("<span class='absent'>")
    assert "class='gone'" not in rows[1]


def test_a_bar_reaches_to_the_coefficient_farthest_from_zero():
    """The scale is 1.0, from blue; half of the track is for each sign."""
    rows = views.bars(unmerged(), RANGES).split("<tr")[2:]
    found = [
        re.findall(r"left:([\d.]+)%;width:([\d.]+)%' class='(\w+)'></i></div><span class='num'>"
                   r"([^<]+)<", row)
        for row in rows
    ]  # fmt: skip
    assert found[0] == [
        ("50.00", "25.00", "plus", "+0.5000"),
        ("40.00", "10.00", "minus", "-0.200 to -0.100"),
    ]
    assert found[1] == [
        ("50.00", "20.00", "plus", "+0.100 to +0.400"),
        ("50.00", "20.00", "plus", "+0.100 to +0.400"),
        ("50.00", "12.50", "plus", "+0.2500"),
    ]
    assert found[2] == [
        ("0.00", "50.00", "minus", "-1.000 to +0.300"),
        ("0.00", "50.00", "minus", "-1.0000"),
        ("50.00", "0.60", "plus", "+0.0000"),  # a zero is still seen
    ]
    for left, width, *_ in (bar for row in found for bar in row):
        assert 0 <= float(left) <= float(left) + float(width) <= 100


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e-9, 7.0, 1e6])
def test_bars_stay_on_their_track_whatever_the_coefficients(scale):
    spans = {name: ((-scale, scale / 2), (scale, scale), None) for name in NAMES}
    for left, width in re.findall(r"left:([\d.]+)%;width:([\d.]+)%", views.bars(unmerged(), spans)):
        assert 0 <= float(left) <= 100
        assert 0.6 <= float(width) <= 100
        assert float(left) + float(width) <= 100.6


def test_a_method_that_derives_its_vectors_has_no_bars_and_others_wait_for_the_gram():
    assert "Computing inner products" in views.bars(unmerged(), None)
    assert views.bars(unmerged(), {}) == (
        "<p class='quiet'>This method mixes no raw deltas, so there are no raw coefficients to "
        "show.</p>"
    )


def test_layers_show_the_distance_of_both_operations():
    layers = {
        "layer.0": LayerResidue(1.0, 100.0),  # sqrt(1/100) = 10 %
        "layer.1": LayerResidue(4.0, 25.0),  # 40 %, the most
        "layer.2": LayerResidue(1e-12, 100.0),
    }
    sub, exact = operation("algebraic"), operation("exact")
    sub = replace(sub, measures=replace(sub.measures, residue=Residue(9, 9, 9, {}, layers)))
    none = {name: LayerResidue(0.0, each.change) for name, each in layers.items()}
    exact = replace(exact, measures=replace(exact.measures, residue=Residue(9, 0, 0, {}, none)))
    shown = views.layers({"algebraic": sub, "exact": exact})
    assert re.findall(r"--share:(\d+)%'>([^<]+)</td><td class='num'>([^<]+)<", shown) == [
        ("25", "10.00%", "0"),
        ("100", "40.00%", "0"),
        ("0", "1.0e-07", "0"),
    ]


def test_checks_stand_side_by_side_and_those_not_run_below():
    shown = views.checks(both())
    rows = {re.findall(r"<b>(\w\d)</b>", row)[0]: row for row in shown.split("<tr>")[2:]}
    assert list(rows) == ["A1", "A2", "A3", "B1", "B2", "C1", "D1"]
    for key, row in rows.items():
        assert re.findall(r"data-of='(\w+)'", row) == ["subtracted", "rebuilt"]
        marks = re.findall(rf"class='(\w+)' data-check='{key}'>(. \w+)<", row)
        if key == "D1":
            assert marks == []
        else:
            assert marks == [("down", "✗ fail"), ("up", "✓ pass")], key
    below = shown.split("</table>")[1]
    for key in ("C2", "C3", "C4", "C5", "C6", "C7"):
        assert f"{key} " in below
    assert "C2 UAD: what the kept tasks lose. No task that is kept has rows." in below
    assert "A1 is the evidence" in below


def test_an_attack_shows_who_brings_back_how_much():
    shown = views.attack(unmerged(), both())
    rows = re.findall(r"<th scope='row'>([^<]+)</th>.*?<td class='num'><b>([\d.]+%)</b>", shown)
    assert rows == [
        ("its own model", "60.0%"),
        ("untouched base", "10.0%"),
        ("never merged", "20.0%"),
        ("brought back from the subtracted model", "50.0%"),
    ]
    assert "class='track back'" in shown
    assert "45.0% to 55.0%" in shown
    assert "n=1,000" in shown
    assert "brought back from the rebuilt model</th><td colspan='3' id='nothing'>nothing" in shown
    for value in re.findall(r"(?:width|left):([\d.]+)%", shown):
        assert 0 <= float(value) <= 100


def test_without_a_residue_nothing_is_brought_back_from_either_model():
    shown = views.attack(unmerged(), both(attacked=False))
    assert "track back" not in shown
    assert len(re.findall(r"<td colspan='3'[^>]*>nothing", shown)) == 2


def test_an_attack_on_several_tasks_or_on_one_without_rows_is_not_shown():
    assert views.attack(unmerged("green", "blue"), both("green", "blue")) == ""
    assert views.attack(unmerged("green"), {}) == ""
    found = both()
    bare = replace(found["algebraic"].measures, behaviour=None)
    assert views.attack(unmerged(), {"algebraic": replace(found["algebraic"], measures=bare)}) == ""


def test_the_limits_are_those_of_every_certificate_and_promise_nothing():
    shown = views.limits()
    assert shown.count("<li>") == len(DOES_NOT_SHOW) == 5
    assert forbidden_in(shown.replace("&#x27;", "'")) == []


def test_copies_that_hold_an_unticked_task_are_red_until_they_are_recalled():
    one = [copy("one"), copy("two", digest="other")]
    assert "<b>1 copy</b> still holds an unticked task." in certificates.living(one, ["d"])
    assert re.findall(
        r"<tr class='(\w*)' data-copy-id='([\w-]+)'", certificates.copies(one, ["d"], [])
    ) == [("living", "id-one"), ("", "id-two")]
    two = [copy("one"), copy("two", "missing")]
    assert "<b>2 copies</b> still hold an unticked task." in certificates.living(two, ["d"])
    assert "⚠ not where it was written" in certificates.copies(two, ["d"], [])
    gone = [copy("one", "recalled")]
    assert certificates.living(gone, ["d"]) == (
        "<p class='fine' id='living'>No known copy holds an unticked task.</p>"
    )
    assert "class='living'" not in certificates.copies(gone, ["d"], [])


def test_with_every_task_ticked_no_copy_is_judged():
    assert certificates.living([copy("one")], []) == ""
    shown = certificates.copies([copy("one")], [], [])
    assert "2026-11-25 07:00" in shown
    assert "<td>none</td>" in shown


def test_a_copy_tells_its_certificate_and_that_it_was_cut_off():
    shown = certificates.copies(
        [copy(certificate="c" * 64, orphan=True, tasks={})], [], ["cut off"]
    )
    assert f"<code>{'c' * 12}</code>" in shown
    assert "alive, orphan export" in shown
    assert "<td>no task</td>" in shown
    assert "<p class='note'>cut off</p>" in shown
    assert certificates.copies([], [], []) == (
        "<p class='quiet'>This studio has exported nothing yet.</p>"
    )


@pytest.mark.parametrize(
    ("has", "words"), [(True, "unlock the ledger's key"), (False, "make a key")]
)
def test_a_demo_key_is_called_that_and_shows_the_way_to_another(has, words):
    shown = certificates.key(demo_key(), has)
    assert "data-demo='1'" in shown
    assert "<b>DEMO KEY: identity not established.</b>" in shown
    assert f"{words} with a passphrase" in shown


def test_a_fingerprint_is_read_in_groups_of_four():
    key = replace(demo_key(), demo=False)
    shown = certificates.key(key, True)
    assert "data-demo='0'" in shown
    found = re.search(r"<code>([0-9a-f ]+)</code>", shown)
    assert found
    groups = found[1].split(" ")
    assert ([len(group) for group in groups], "".join(groups)) == ([4] * 16, key.fingerprint)
    assert "DEMO" not in shown


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    contents = {CERTIFICATE_FILE: "{}\n", REPORT_FILE: "<p>ö'\"</p>", KEY_FILE: "-----BEGIN"}
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_what_is_taken_away_of_a_certificate_are_its_files(bundle):
    shown = certificates.certificate(Certified(bundle, statements.exact(), "ab" * 32))
    links = re.findall(r"<a download='([^']+)' href='data:([\w/+-]+);base64,([^']+)'>", shown)
    assert [(name, kind) for name, kind, _ in links] == [
        (CERTIFICATE_FILE, "application/json"),
        (REPORT_FILE, "text/html"),
        (KEY_FILE, "application/x-pem-file"),
    ]
    for name, _, content in links:
        assert b64decode(content) == (bundle / name).read_bytes()
    assert result(shown) == "pass"
    assert "abababababababab…" in shown
    assert "DEMO" not in shown


@pytest.mark.parametrize(
    ("made", "css", "demo"),
    [("exact", "fine", False), ("failed", "refusal", False), ("demo", "fine", True)],
)
def test_a_certificate_says_its_verdict_and_whether_it_binds(bundle, made, css, demo):
    statement = statements.SAMPLES[made]()
    statement["predicate"]["verdict"]["words"] += EVIL
    shown = certificates.certificate(Certified(bundle, statement, "ab" * 32))
    assert shown.startswith(f"<div class='{css}' id='certified'")
    assert result(shown) == statement["predicate"]["verdict"]["result"]
    assert ("<b>DEMO KEY: identity not established.</b>" in shown) == demo
    assert "<img" not in shown


def test_no_certificate_or_one_that_is_gone_is_not_shown(tmp_path):
    assert certificates.certificate(None) == ""
    assert (
        certificates.certificate(Certified(tmp_path / "gone", statements.exact(), "ab" * 32)) == ""
    )


def test_a_good_verification_repeats_the_claim_and_whose_key_it_is():
    own = statements.digest("key")
    good = Verification((Finding(True, "The signature is by this key."),), statements.exact())
    shown = certificates.verification(("out", good), own)
    assert "data-good='1'><b>✓ out: passed.</b>" in shown
    assert shown.startswith("<div class='fine'")
    assert "<b class='up'>✓ ok</b> The signature is by this key." in shown
    assert "The certificate says (exact-leave-one-out, pass)" in shown
    assert "not this studio&#x27;s" not in shown
    assert "not this studio's" not in shown
    other = certificates.verification(("out", good), "0" * 64)
    assert "The key is the one inside the bundle, and not this studio's" in other


def test_a_bad_verification_is_red_and_repeats_nothing_that_was_not_signed():
    bad = Verification((Finding(True, "one"), Finding(False, "It was edited.")), None)
    shown = certificates.verification(("out", bad), "0" * 64)
    assert "data-good='0'><b>✗ out: failed.</b>" in shown
    assert shown.startswith("<div class='refusal'")
    assert "<b class='down'>✗ failed</b> It was edited." in shown
    assert "The certificate says" not in shown
    assert "The key is the one inside" not in shown
    assert certificates.verification(None, "0" * 64) == ""


@pytest.mark.parametrize(
    ("good", "css", "words"),
    [(False, "fine", "The check fails, as it must"), (True, "refusal", "The change was not found")],
)
def test_tampering_is_well_if_it_was_found(good, css, words):
    found = Verification((Finding(good, "model.safetensors was changed"),), None)
    shown = certificates.tampered(Tampered("model.safetensors", 1234567, 16, 17, found))
    assert shown.startswith(f"<div class='{css}' id='tampered' data-caught='{int(not good)}'")
    assert words in shown
    assert "byte 1,234,567 of model.safetensors was changed from 16 to 17." in shown
    assert certificates.tampered(None) == ""


def test_entries_behind_the_signed_head_are_explained_with_what_to_do():
    whole = certificates.log(LogHead(5, "ab" * 32), 0, ())
    assert "whole chain of 5 entries" in whole
    assert "behind the signed head" not in whole
    two = certificates.log(LogHead(5, "ab" * 32), 2, ())
    assert "2 of them lie behind the signed head: written while no key was unlocked" in two
    assert "Unlock your key under <b>The key that signs</b>" in two
    assert "1 of them lies" in certificates.log(LogHead(5, "ab" * 32), 1, ())


@pytest.mark.parametrize("origin", EXACT_ORIGINS)
def test_where_the_weights_come_from_is_said_in_plain_words_beside_the_signed_ones(origin):
    found = both()
    result, _ = found["exact"].verdict
    told: Any = SimpleNamespace(verdict=(result, f"No influence. This is {ORIGINS[origin]}."))
    shown = views.verdict(unmerged(), found | {"exact": told})
    assert ORIGINS[origin] in unescape(shown)
    gloss = shown.partition("In other words: ")[2]
    assert "weights" in gloss
    other: Any = SimpleNamespace(verdict=(result, ORIGINS["undeclared"]))
    assert "In other words" not in views.verdict(unmerged(), found | {"exact": other})


@pytest.mark.parametrize("changes", [{"method": "regmean"}, {"calibrate": Calibrate()}])
def test_what_no_separate_process_can_repeat_promises_none(changes):
    shown = unmerged()
    shown = replace(shown, full=replace(shown.full, **changes))
    said = views.verdict(shown, {})
    assert "No separate process can repeat that" in said
    assert "to have a separate process repeat that" not in said
    assert "to have a separate process repeat that" in views.verdict(unmerged(), {})

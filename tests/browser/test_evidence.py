"""The Unmerge tab in a real browser: from an unticked task to a verified, tampered bundle."""

import base64
import shutil
import time
from pathlib import Path

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from safetensors.torch import load_file, save_file

from studio.evidence.verify import verify
from tests.browser.conftest import at_rest, settled

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}
FIRST = 0
_PAPER = {"width": 703, "height": 1032}  # A4 within margins of 12 mm
_CUT = """() => [...document.querySelectorAll('td, th, p, li, svg')].filter((e) => {
  const box = e.getBoundingClientRect();
  return e.checkVisibility() && box.width && (box.right > innerWidth + 1 || box.left < -1);
}).map((e) => e.outerHTML.slice(0, 120))"""


def open_evidence(page: Page) -> None:
    page.get_by_role("tab", name="Unmerge").click()
    expect(page.locator("#taken-out")).not_to_be_empty()
    expect(page.locator("#verdict")).to_be_visible()


def untick(page: Page, session, place: int = FIRST) -> str:
    page.locator(".strip input[type=checkbox]").nth(place).click()
    settled(page, session, lambda mix: not mix.strips[place].on)
    expect(page.locator(".strip input[type=checkbox]").nth(place)).not_to_be_checked()
    return session.mix.strips[place].name


def certificate(page: Page, target: Path) -> None:
    page.get_by_label("New folder for the bundle").fill(str(target))
    page.get_by_role("button", name="Write certificate").click()
    expect(page.locator("#job")).to_contain_text(f"Wrote {target} with certificate")
    expect(page.locator("#certified")).to_contain_text(target.name)


def test_with_nothing_out_the_page_takes_out_by_a_button_and_offers_nothing_that_would_refuse(
    page, session
):
    open_evidence(page)
    gone = session.mix.strips[FIRST].name
    for name in ("Run the checks", "Write certificate (take a task out first)"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    page.get_by_role("button", name=f"Take out {gone}").click()
    expect(page.locator(f"[data-out='{gone}']")).to_contain_text("is out")
    expect(page.get_by_role("button", name="Run the checks")).to_be_enabled()
    settled(page, session, lambda mix: not mix.strips[FIRST].on)
    page.get_by_role("button", name=f"Put {gone} back").click()
    expect(page.locator("#nothing-out")).to_be_visible()
    settled(page, session, lambda mix: mix.strips[FIRST].on)


def test_from_an_unticked_task_to_a_bundle_that_is_verified_and_tampered_with(
    page, session, jobs, tmp_path_factory
):
    target = tmp_path_factory.mktemp("evidence") / "bundle"
    gone = untick(page, session)
    open_evidence(page)
    expect(page.locator("#verdict")).to_contain_text(f"{gone} is unticked")
    expect(page.locator("#evidence-bars tr.gone .absent")).to_have_text("absent")
    page.get_by_role("button", name="Run the checks").click()
    passed = page.locator("#verdict[data-result=pass]")
    passed.wait_for(timeout=300_000)  # a second Python starts, on a machine that may be busy
    expect(passed).to_contain_text("no influence")
    expect(page.locator("#five li b.up")).to_have_count(5)
    expect(page.locator(".why")).to_contain_text(f"A model that never had {gone} scores the same")
    assert page.locator("[data-check=A1]").all_text_contents() == ["✗ fail", "✓ pass"]
    expect(page.locator("#evidence-layers")).to_contain_text("rebuilt")
    certificate(page, target)
    expect(page.locator("#certified[data-result=pass]")).to_contain_text("DEMO KEY")
    kept = [Path(each.checkpoint) for each in session.snapshot().recipe.tasks]
    files = target / "certificate.dsse.json", target / "public_key.pem"
    found = verify(target, *files, inputs=(Path(session.zoo.base), kept))
    assert found.good, found.findings
    for name, file in (("Certificate", "certificate.dsse.json"), ("Report", "report.html")):
        link = page.locator("#certified").get_by_role("link", name=name, exact=True)
        content = (link.get_attribute("href") or "").partition("base64,")[2]
        assert base64.b64decode(content) == (target / file).read_bytes()
    expect(page.get_by_label("New folder for the bundle")).not_to_have_value(str(target))
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.locator("#verified[data-good='1']")).to_contain_text("unchanged")
    page.get_by_role("button", name="Change one byte of a copy").click()
    expect(page.locator("#tampered[data-caught='1']")).to_contain_text("model.safetensors")
    expect(page.locator("#tampered")).to_be_visible()
    assert verify(target, *files).good
    page.reload()
    at_rest(page)
    open_evidence(page)
    expect(page.locator("#verdict[data-result=pass]")).to_be_visible()
    expect(page.locator("#certified")).to_be_visible()
    page.emulate_media(media="print")
    page.set_viewport_size(_PAPER)
    assert page.locator("[data-check=A1]").count() == 2
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    assert page.evaluate(_CUT) == []
    page.emulate_media(media="screen")


def test_a_dropped_bundle_is_checked_in_the_browser(page, session, jobs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dropped")
    untick(page, session)
    open_evidence(page)
    certificate(page, folder / "bundle")
    changed = Path(shutil.copytree(folder / "bundle", folder / "changed"))
    with (changed / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)[0]
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))
    extra = Path(shutil.copytree(folder / "bundle", folder / "extra"))
    (extra / "evil.py").write_text("")
    other = Path(shutil.copytree(folder / "bundle", folder / "other"))
    envelope = (other / "certificate.dsse.json").read_text()
    place = envelope.index('"payload": "') + 400
    letter = "A" if envelope[place] != "A" else "B"
    (other / "certificate.dsse.json").write_text(
        envelope[:place] + letter + envelope[place + 1 :]
    )  # fmt: skip
    bare = folder / "bare"
    bare.mkdir()
    (bare / "notes.txt").write_text("hello")
    chosen, said = page.locator(".drop input[type=file]"), page.locator("[data-findings]")
    for name, good, words in (
        ("bundle", "1", "unchanged, and there are no others"),
        ("changed", "0", "model.safetensors was changed"),
        ("extra", "0", "evil.py does not belong to the bundle"),
        ("other", "0", "The signature is not by the key in the bundle"),
        ("bare", "0", "it lacks certificate.dsse.json"),
    ):
        chosen.set_input_files(folder / name)
        expect(said).to_contain_text(words)
        expect(said).to_have_attribute("data-good", good)


def test_the_report_is_printed_from_a_page_of_its_own(page, session, jobs, tmp_path_factory):
    untick(page, session)
    open_evidence(page)
    certificate(page, tmp_path_factory.mktemp("printed") / "bundle")
    script = "window.print = () => { window.printed = true; }"
    with page.context.add_init_script(script), page.context.expect_page() as opened:
        page.get_by_role("button", name="Print").click()
    report = opened.value
    report.wait_for_load_state()
    assert session.mix.strips[FIRST].name in report.locator("body").inner_text()
    assert report.locator("script").count() == 0


def test_living_copies_are_red_until_they_are_recalled(page, session, jobs, tmp_path_factory):
    target = tmp_path_factory.mktemp("shipped") / "shipped"
    session.exports.start_export(str(target))
    while (state := jobs.state) and state.running:
        time.sleep(0.05)
    untick(page, session)
    open_evidence(page)
    (copy,) = [each for each in session.evidence.copies() if each.name == "shipped"]
    expect(page.locator("#living")).to_contain_text("1 copy still holds an unticked task")
    page.get_by_role("button", name="Copies that this studio knows").click()
    row = page.locator(f"tr[data-copy-id='{copy.id}']")
    expect(row).to_have_class("living")
    expect(page.locator("#living")).to_contain_text("an unticked task")
    shutil.rmtree(target)
    page.locator("#copy input").click()
    page.get_by_role("option", name="shipped").first.click()
    page.get_by_role("button", name="Mark as recalled").click()
    expect(row).to_contain_text("recalled")
    expect(row).not_to_have_class("living")


def test_a_checkpoint_is_replaced_as_one_operation(page, session, jobs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replaced")
    first, second = session.zoo.tasks[0], session.zoo.tasks[1]
    retrained = Path(shutil.copytree(first.checkpoint, folder / "retrained"))
    weights = next(retrained.glob("*.safetensors"))
    noise = torch.Generator().manual_seed(1)
    tensors = {
        k: v + torch.randn(v.shape, generator=noise).to(v) * 0.3 if v.is_floating_point() else v
        for k, v in load_file(weights).items()
    }  # what is only scaled would be found as the same change
    save_file(tensors, weights)
    assert second.name != first.name
    open_evidence(page)
    page.get_by_label("Replace a checkpoint").check()
    page.locator("#replace-task input").click()
    page.locator(f"li[role=option][aria-label='{first.name}']").click()
    page.get_by_label("Folder of the retrained checkpoint").fill(str(retrained))
    certificate(page, folder / "bundle")
    made = session.evidence.certified
    assert made is not None
    told = made.statement["predicate"]
    assert told["operation"] == "replace"
    assert told["verdict"]["result"] == "pass"


@pytest.mark.parametrize("page", [{}, PHONE, {"color_scheme": "dark"}], indirect=True)
def test_the_tab_is_accessible_and_fits(page, session):
    untick(page, session)
    open_evidence(page)
    page.locator("#numbers > summary").click()
    expect(page.locator("#evidence-bars table")).to_be_visible()
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    bad = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert not bad, [(v["id"], v["nodes"][0]["html"][:200]) for v in bad]
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]

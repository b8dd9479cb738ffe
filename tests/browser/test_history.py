"""The history of mixes, and numbers that are stepped and dragged, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import at_rest, settled

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.mark.parametrize("page", [{}, PHONE], indirect=True)
def test_mixes_that_rested_are_listed_named_compared_and_restored(page, session):
    start = session.mix
    page.locator("#mix-0").fill("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    page.wait_for_timeout(800)  # longer than a mix must lie to be at rest
    page.get_by_role("button", name="More").first.click()
    page.get_by_role("button", name="History").click()
    listed = page.get_by_role("dialog", name="History of mixes")
    expect(listed.locator("tbody tr").first).to_contain_text("color 0.2")
    entry = session.log.entries[-1]
    name = listed.get_by_label(f"Name of mix {entry.number}")
    name.fill("quiet <color>")
    name.press("Tab")
    expect(listed.get_by_role("button", name="Restore quiet <color>")).to_be_visible()
    assert session.log.entries[-1].name == "quiet <color>"
    first = next(each for each in session.log.entries if each.mix.strips == start.strips)
    for each in (first, entry):
        listed.locator(f".pick input[value='{each.number}']").check()
    listed.get_by_role("button", name="Compare the two").click()
    expect(listed.locator("#mixes-compared")).to_contain_text("quiet <color>")
    access = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert access.response["violations"] == [], access.generate_report()
    box = listed.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    listed.get_by_role("button", name=f"Restore {first.title}").click()
    settled(page, session, lambda mix: mix.strips == start.strips)
    expect(listed).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)


def test_numbers_are_stepped_dragged_and_never_disagree_with_their_slider(page, session):
    slider, number = page.locator("#mix-0"), page.locator(".strip .number input").first

    def is_at(x: float) -> None:
        settled(page, session, lambda mix: mix.strips[0].coefficient == pytest.approx(x))
        expect(number).to_have_value(f"{x:g}")

    slider.fill("0.4")
    is_at(0.4)
    for keys, x in (("Shift+ArrowRight", 0.5), ("Alt+ArrowUp", 0.501), ("Shift+ArrowLeft", 0.401)):
        slider.press(keys)
        is_at(x)
    number.press("Alt+ArrowDown")
    is_at(0.4)
    page.locator("#mix-1").fill("0.3")  # so that the drag is a step of its own
    settled(page, session, lambda mix: mix.strips[1].coefficient == 0.3)
    name = page.locator(".strip > label").first.bounding_box()
    x, y = name["x"] + 5, name["y"] + name["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 10, y)
    page.mouse.move(x + 30, y)
    page.mouse.up()
    is_at(0.7)
    page.keyboard.press("Control+z")  # the whole drag is one step
    is_at(0.4)
    number.fill("-2")
    number.press("Enter")
    is_at(-2)
    expect(slider).to_have_value("-2")  # the slider reaches as far as its number
    number.fill("1000")
    number.press("Enter")
    expect(page.locator("#trouble .refusal")).to_contain_text("the mixer takes -100 to 100")
    expect(number).to_have_value("-2")
    expect(slider).to_have_value("-2")
    number.dblclick()
    at_rest(page)
    expect(slider).to_have_attribute("min", "0")
    session.edit("reset")

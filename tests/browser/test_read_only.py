"""A studio for strangers in a browser: they mix and see numbers, and find nothing that writes."""

from collections.abc import Iterator

import pytest
import torch
from playwright.sync_api import expect

from studio.session.read_only import ReadOnlyEngine
from studio.ui.hosts import Hosts
from studio.ui.launch import start
from tests.browser.conftest import another_browser, at_rest
from tests.browser.test_proxy import free_port
from tests.browser.test_requests import Client

pytestmark = pytest.mark.browser
VISITOR = "f" * 32


@pytest.fixture(scope="module")
def strangers(tiny_zoo) -> Iterator[ReadOnlyEngine]:
    opened = ReadOnlyEngine(tiny_zoo, (tiny_zoo,), torch.device("cpu"))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def address(strangers) -> str:
    return start(strangers, Hosts(strangers=True), free_port(), None, browser=False)


def test_a_visitor_mixes_and_finds_no_way_to_write(strangers, address, profile):
    with another_browser(profile, address, VISITOR) as page:
        page.goto(address, wait_until="domcontentloaded")
        at_rest(page)
        expect(page.locator("#read-only")).to_contain_text("Read-only: your mix is your own")
        expect(page.get_by_role("tab", name="New zoo")).to_have_count(0)
        page.locator("#mix-0").fill("0.31")
        for _ in range(3000):
            if strangers.session(VISITOR).mix.strips[0].coefficient == 0.31:
                break
            page.wait_for_timeout(20)
        assert strangers.session(VISITOR).mix.strips[0].coefficient == 0.31
        page.get_by_role("tab", name="Files").click()
        expect(page.locator("#files")).to_be_visible()
        expect(page.locator("#export")).to_have_count(0)
        expect(page.locator("#open-zoo")).to_have_count(0)


def test_what_a_program_posts_is_refused_too(strangers, address):
    client = Client(address, VISITOR)
    strangers.session(VISITOR).edit("reset")
    said = str(client.call("export", "click", "out", "Complete model", None, False))
    assert "read-only" in said
    said = str(client.call("unlock", "click", "a passphrase", "a passphrase"))
    assert "it signs nothing" in said
    for element in ("verify", "tamper"):
        assert "read-only" in str(client.call(element, "click", "/etc"))
    asked = ["Remove exactly (rebuild)", "out", None, None, "erasure request", "en"] + [None] * 10
    assert "read-only" in str(client.call("certify", "click", *asked))
    assert strangers.jobs.state is None

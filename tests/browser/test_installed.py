"""The page is an app that a browser installs: from loopback, behind a password, below a path."""

import json
from urllib.parse import urljoin

import pytest

from studio.ui.hosts import Hosts
from studio.ui.installed import COLOR, TITLE
from studio.ui.launch import start
from tests.browser.test_launch import ask
from tests.browser.test_proxy import body, free_port

pytestmark = pytest.mark.browser


def test_the_manifest_has_name_icon_and_color_of_the_studio(url):
    found = json.loads(body(url, "/manifest.json"))
    assert found["name"] == TITLE
    assert found["short_name"] == "Merge studio"
    assert (found["theme_color"], found["display"]) == (COLOR, "standalone")
    assert urljoin(url + "/manifest.json", found["start_url"]) == url
    (icon,) = found["icons"]
    at = "/" + icon["src"].removeprefix("./")
    assert ask(url, at).getheader("content-type", "").startswith(icon["type"])
    assert body(url, at) == body(url, "/favicon.ico")
    assert b"viewBox" in body(url, at)


def test_chromium_can_install_it(page, profile, url):
    asked = profile.new_cdp_session(page)
    found = asked.send("Page.getAppManifest")
    assert found["url"] == urljoin(url, "manifest.json")
    assert found["errors"] == []
    assert json.loads(found["data"])["name"] == TITLE
    assert asked.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    color = "document.querySelector('meta[name=theme-color]').content"
    assert page.evaluate(color) == COLOR


def test_a_password_and_a_path_leave_it_an_app(engine):
    behind = start(engine, Hosts(root="/studio"), free_port(), ("me", "a-password"), browser=False)
    assert b'<link rel="manifest" href="/studio/manifest.json" />' in body(behind, "/studio/")
    assert json.loads(body(behind, "/studio/manifest.json"))["scope"] == "./"
    assert ask(behind, "/studio/pwa_icon").status == 200
    assert ask(behind, "/studio/manifest.json", Host="evil.example").status == 400

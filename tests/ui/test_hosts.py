"""What the page answers to: names that were allowed, its own address, and no others."""

import pytest

from studio.errors import NotAllowed
from studio.ui.hosts import Hosts, Place, allowed_host, in_address, place, proxy_address, root_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Example.org", Place("example.org")), ("example.org.", Place("example.org")),
        ("gpu_1.lan:80", Place("gpu_1.lan", 80)), ("10.0.0.20:7860", Place("10.0.0.20", 7860)),
        ("[::1]:8080", Place("::1", 8080)), ("[0:0::1]", Place("::1")), ("::1", Place("::1")),
        ("[::ffff:10.0.0.1]", Place("10.0.0.1")), ("", None), ("*", None), ("*.a.org", None),
        ("a b", None), ("<b>x</b>", None), ("a:b", None), ("[x]:1", None), ("a/b", None),
        ("[::1", None), (":80", None), ("http://a", None), ("a:1:2", None), ("a" * 300, None),
        ("-a", None), ("user@a", None),
    ],
)  # fmt: skip
def test_a_host_is_a_name_or_an_address_with_or_without_a_port(text, found):
    assert place(text) == found


LAN = Hosts("0.0.0.0", (allowed_host("gpu.lan"), allowed_host("merge.example.org:8443")))


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("127.0.0.1:7860", True), ("localhost", True), ("[::1]:7860", True), ("0.0.0.0:7860", True),
        ("gpu.lan", True), ("GPU.lan:7860", True), ("merge.example.org:8443", True),
        ("merge.example.org", False), ("merge.example.org:80", False), ("10.0.0.5:7860", True),
        ("10.0.0.6:7860", False), ("evil.example", False), ("gpu.lan.evil.example", False),
        ("xgpu.lan", False), ("127.0.0.1.evil.example", False), ("", False), ("a b", False),
    ],
)  # fmt: skip
def test_on_all_addresses_the_one_that_was_reached_and_allowed_names_are_answered(host, answered):
    assert LAN.answer(host, "10.0.0.5") is answered
    assert LAN.answer(host, "::ffff:10.0.0.5") is answered


def test_on_one_address_no_other_counts():
    assert Hosts("127.0.0.1").answer("127.0.0.1", "127.0.0.1")
    assert not Hosts("127.0.0.1").answer("10.0.0.5", "10.0.0.5")
    assert Hosts("fd00:0::7").answer("[fd00::7]:1", "fd00::7")
    assert Hosts("::").answer("[fd00::7]", "fd00::7")
    assert not Hosts("::").answer("[fd00::8]", "fd00::7")


def test_the_root_says_under_which_name_and_path_a_proxy_shows_the_page():
    hosts = Hosts(root=root_path("https://merge.example.org/studio/"))
    assert (hosts.root, hosts.path) == ("https://merge.example.org/studio", "/studio")
    assert hosts.answer("merge.example.org", "127.0.0.1")
    assert hosts.is_own("https://merge.example.org")
    assert not hosts.is_own("https://evil.example")
    assert not hosts.is_own("null")
    assert [Hosts(root=root_path(x)).path for x in ("studio", "/a/b/", "/", "")] == [
        "/studio", "/a/b", "", "",
    ]  # fmt: skip
    assert Hosts(root="/studio").behind_proxy
    assert not Hosts("0.0.0.0").behind_proxy


@pytest.mark.parametrize(
    "text", ["/../x", "//evil.example/x", "javascript:1", "/a?b", "/a#b", "/<b>", "https:///x",
             "ftp://a/b", "/a b", "https://a b/c"],
)  # fmt: skip
def test_what_is_no_path_is_refused(text):
    with pytest.raises(NotAllowed, match="is no path; give the one"):
        root_path(text)


@pytest.mark.parametrize("text", ["*", "0.0.0.0", "::", "", "a b", "http://a"])
def test_no_pattern_allows_every_name(text):
    with pytest.raises(NotAllowed, match="is no name of a computer"):
        allowed_host(text)


def test_an_ipv6_address_stands_in_brackets_in_an_address():
    assert [in_address(each) for each in ("::1", "[::1]", "a.org")] == ["[::1]", "[::1]", "a.org"]


def test_a_proxy_is_named_by_address_or_network():
    for text, kept in (("10.0.0.7", "10.0.0.7"), ("[fd00::7]", "fd00::7"),
                       ("172.17.0.0/16", "172.17.0.0/16")):  # fmt: skip
        assert proxy_address(text) == kept
    for text in ("", "proxy.lan", "0.0.0.0/0", "::/0", "10.0.0.7/8", "*"):
        with pytest.raises(NotAllowed, match="is no address of a proxy"):
            proxy_address(text)
